/** Legal holds where somebody removes something on purpose, and not by a rule. */
import { outcomeError } from '../fhir/outcome.ts';
import type { Session } from '../store/pool.ts';
import { guardRevision } from '../store/retention.ts';
import { readInForce } from './plan.ts';

/**
 * In the transaction that removes what is of a patient: a hold that comes later waits until it has ended.
 * @throws OutcomeError `conflict` where a legal hold covers it.
 */
export async function refuseHeld(session: Session, patient: string): Promise<void> {
  const { revision, everything, held, patients } = await readInForce(session);
  if (everything || held.has('clinical') || patients.has(patient)) {
    throw outcomeError(
      'conflict',
      `Patient/${patient} is under a legal hold and must be kept; $legal-holds tells why and since when.`,
      { status: 409 },
    );
  }
  await guardRevision(session, revision);
}
