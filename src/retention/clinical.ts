/**
 * The category clinical: patients of whom nothing happened for its period are erased, one after the other, each with all
 * that belongs to him (operations/erase-carry-out.ts).
 *
 * 1. In the transaction of an erasure the rules and holds are those by which the patient was chosen, and he is still one of
 *    whom nothing happened; the run counts him there.
 * 2. One that cannot be erased is counted (`clinical-refused`) and stays; the run goes on with the next.
 */
import { OutcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Session } from '../store/pool.ts';
import { guardRevision } from '../store/retention.ts';
import { countQuiet, isQuiet, nextQuiet, type Quiet } from '../store/retention-patients.ts';
import { countRemoved } from '../store/retention-runs.ts';
import type { Holding, Removing } from './holding.ts';
import type { Due } from './plan.ts';

export const refused = 'clinical-refused';

const patientType = typeNumber('Patient') ?? -1;

function quietOf({ before, heldPatients }: Due): Quiet {
  return { type: patientType, before, heldPatients: [...heldPatients] };
}

export const clinical: Holding = {
  count: (session, due) => countQuiet(session, quietOf(due)),
  remove: async (removing, due, cursor) => {
    const { session, run } = removing;
    const patient = await nextQuiet(session, quietOf(due), String(cursor?.['after'] ?? ''));
    if (patient === undefined) return undefined;
    await erased(removing, due, patient).catch(async (error: unknown) => {
      if (!isRefusal(error)) throw error;
      await session.query(countRemoved(session.tenant, run, refused, 1));
    });
    return { after: patient };
  },
};

function erased({ erase, run }: Removing, due: Due, patient: string): Promise<void> {
  const { category, period } = due;
  return erase(patient, {
    reason: `Kept for ${period} by the rule of retention`,
    rule: `${category} ${period}`,
    run,
    permitted: async (session: Session, rids) => {
      await guardRevision(session, due.revision);
      if (!(await isQuiet(session, quietOf(due), { patient, rids }))) return false;
      await session.query(countRemoved(session.tenant, run, category, 1));
      return true;
    },
  });
}

/** What another try would not overcome. */
const passing = new Set(['transient', 'lock-error', 'timeout', 'no-store', 'exception', 'throttled']);

function isRefusal(error: unknown): boolean {
  return error instanceof OutcomeError && !passing.has(error.issues[0]?.code ?? 'exception');
}
