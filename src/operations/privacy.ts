/** What the operations on the rights of patients have in common: a fresh second factor, the reason, and by whom. */
import { outcomeError } from '../fhir/outcome.ts';
import { requireFreshSecondFactor } from '../interactions/second-factor.ts';
import type { Context } from '../request.ts';
import { required } from './administer.ts';
import type { Input } from './parameters.ts';

/** Seconds for which a second factor is fresh enough to restrict or erase. */
const freshness = 900;

/**
 * For a deed that is a transaction of its own: it waits for other writers and processes, which one of a Bundle cannot.
 * @throws OutcomeError `login` (401) without a fresh second factor.
 */
export function checkSoleDeed(context: Context, operation: string): void {
  if (context.inTransaction) {
    const sentence = `${operation} is not part of a transaction; send it by itself.`;
    throw outcomeError('not-supported', sentence, { status: 400 });
  }
  requireFreshSecondFactor(context, freshness);
}

const shortest = 3;
const longest = 1_000;

/** @throws OutcomeError `required`, or `invalid` where it says nothing or too much. */
export function reasonOf(input: Input): string {
  const reason = required(input, 'reason').trim();
  if (reason.length >= shortest && reason.length <= longest && !reason.includes('\0')) return reason;
  throw outcomeError('invalid', `reason takes ${shortest} to ${longest} characters.`, { status: 400 });
}
