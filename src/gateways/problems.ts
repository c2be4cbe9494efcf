/** What was wrong with a message, from what failed. */
import type { JsonObject } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import type { Problem } from '../hl7v2/acknowledge.ts';

/** The database cannot be reached or is full: no fault of the message. */
export function isPassing(error: unknown): boolean {
  const passing = new Set(['transient', 'no-store', 'lock-error', 'timeout', 'throttled']);
  return error instanceof OutcomeError && error.issues.some(({ code }) => passing.has(code));
}

export function problemsOf(error: unknown): Problem[] {
  if (!(error instanceof OutcomeError))
    return [{ code: '207', sentence: 'The server failed in a way it does not know.' }];
  return error.issues.slice(0, 20).map(({ diagnostics }) => ({ code: '207', sentence: diagnostics.slice(0, 500) }));
}

export function asJson(problems: readonly Problem[]): JsonObject[] {
  return problems.map((problem) => ({ ...problem })) as unknown as JsonObject[];
}
