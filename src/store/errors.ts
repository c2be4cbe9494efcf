/**
 * PostgreSQL's errors (SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html) and what they mean to us.
 */
import { outcomeError } from '../fhir/outcome.ts';

/** serialization_failure, deadlock_detected: the same work may succeed when it is done again. */
const retried = new Set(['40001', '40P01']);

export function isRetried(error: unknown): boolean {
  return retried.has(sqlState(error));
}

/** Thrown inside a transaction to have its work run again from the start, as after a serialisation failure. */
export function retryTransaction(reason: string): Error {
  return Object.assign(new Error(reason), { code: '40001' });
}

/** The SQLSTATE of an error; '' where it has none. No class begins with E, as Node's codes do (EPIPE). */
export function sqlState(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^(?!E)[0-9A-Z]{5}$/.test(code) ? code : '';
}

/** What PostgreSQL refused, in words for the caller; anything unexpected stays as it is and becomes a 500. */
export function translate(error: unknown): unknown {
  const state = sqlState(error);
  if (state === '57014') {
    return outcomeError('timeout', 'The request took longer than the server allows; ask for less at once.', {
      status: 503,
    });
  }
  if (state === '55P03' || isRetried(error)) {
    return outcomeError('lock-error', 'Other requests keep changing the same resources; try again.', {
      headers: { 'retry-after': '1' },
    });
  }
  if (state.startsWith('53')) {
    return outcomeError('no-store', 'The database is out of room or connections; try again later.', {
      headers: { 'retry-after': '10' },
    });
  }
  if (state.startsWith('08') || state.startsWith('57P')) {
    return unreachableError();
  }
  const node = (error as { code?: string } | undefined)?.code;
  if (node === 'ECONNRESET' || node === 'ECONNREFUSED' || node === 'EPIPE') {
    return unreachableError();
  }
  if (
    error instanceof Error &&
    /^(Connection terminated|Client has encountered a connection error)/.test(error.message)
  ) {
    return unreachableError();
  }
  return error;
}

function unreachableError(): Error {
  return outcomeError('transient', 'The database cannot be reached; try again later.', {
    headers: { 'retry-after': '5' },
  });
}

export function unreachable(): never {
  throw unreachableError();
}
