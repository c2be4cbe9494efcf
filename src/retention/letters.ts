/** The category communication: letters that stand for themselves go, some at a time (store/retention-letters.ts). */
import { typeNumber } from '../fhir/resource-types.ts';
import { guardRevision } from '../store/retention.ts';
import { countRemoved } from '../store/retention-runs.ts';
import { countLetters, removeLetters, type Letters } from '../store/retention-letters.ts';
import type { Holding } from './holding.ts';
import type { Due } from './plan.ts';

const numbers = (types: readonly string[]): number[] => types.map((type) => typeNumber(type) ?? -1);

const letters = numbers(['Communication', 'CommunicationRequest']);

/** A letter that refers to one of these is part of the record. */
const record = [
  'DiagnosticReport',
  'Observation',
  'ServiceRequest',
  'Specimen',
  'Encounter',
  'EpisodeOfCare',
  'DocumentReference',
  'Task',
];

/** Writes wait for so many: some 50 ms. */
const most = 200;

function lettersOf({ before, heldPatients }: Due): Letters {
  const [patient = -1, binary = -1] = numbers(['Patient', 'Binary']);
  return { types: letters, record, patient, binary, before, heldPatients: [...heldPatients] };
}

export const communication: Holding = {
  count: (session, due) => countLetters(session, lettersOf(due)),
  remove: async ({ database, tenant, run }, due) => {
    const { category, period, revision } = due;
    const reason = `Kept for ${period} by the rule of retention`;
    const gone = await database.transaction(tenant.id, async (session) => {
      await guardRevision(session, revision);
      const removal = { reason, rule: `${category} ${period}`, by: 'makhbar', most };
      const count = await removeLetters(session, lettersOf(due), removal);
      if (count > 0) await session.query(countRemoved(tenant.id, run, category, count));
      return count;
    });
    return gone === 0 ? undefined : {};
  },
};
