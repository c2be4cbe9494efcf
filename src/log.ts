/**
 * The log: JSON lines on standard error; standard output is for people.
 *
 * Invariant: no patient data. Log route, interaction, type, status, milliseconds, request id and tenant; never a URL
 * with its query, a header, a body, an id given by a client or the text of a database error.
 */
import { pino } from 'pino';

export type Log = pino.Logger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export function createLog(level: LogLevel): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // The message of an error is ours or Node's; PostgreSQL's `detail` and `where` quote column values.
    serializers: { err: describeError },
  };
  // Synchronous: 7 µs a line against 5 µs buffered, and nothing is lost when the process dies.
  return pino(options, pino.destination({ dest: 2, sync: true }));
}

/** What the log says of an error: its kind, place and SQLSTATE or system code. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, severity } = error as Error & { code?: unknown; severity?: unknown };
  const fromDatabase = typeof severity === 'string';
  return {
    type: error.name,
    code,
    message: fromDatabase ? undefined : error.message,
    stack: fromDatabase ? error.stack?.replace(error.message, '') : error.stack,
  };
}
