/**
 * The life of a specimen: state × step → the next state; what is not in the table is refused with a sentence.
 *
 * | state      | collect   | receive  | aliquot  | pool     | store  | retrieve | ship    | return   | reject   | dispose  | cancel    |
 * |------------|-----------|----------|----------|----------|--------|----------|---------|----------|----------|----------|-----------|
 * | accessioned| collected | received |          |          |        |          |         |          | rejected |          | cancelled |
 * | collected  |           | received |          |          |        |          | shipped |          | rejected | disposed |           |
 * | received   |           |          | received | received | stored |          | shipped |          | rejected | disposed |           |
 * | stored     |           |          |          |          | stored | received |         |          | rejected | disposed |           |
 * | shipped    |           |          |          |          |        |          |         | received | rejected |          |           |
 * | rejected   |           |          |          |          |        |          |         |          |          | disposed |           |
 *
 * A specimen that came in from elsewhere was collected there: it is received without having been collected here. Disposed
 * and cancelled are the end.
 */
import { outcomeError } from '../fhir/outcome.ts';

export const specimenStates = [
  'accessioned',
  'collected',
  'received',
  'stored',
  'shipped',
  'rejected',
  'disposed',
  'cancelled',
] as const;

export type SpecimenState = (typeof specimenStates)[number];

export const specimenSteps = [
  'collect',
  'receive',
  'aliquot',
  'pool',
  'store',
  'retrieve',
  'ship',
  'return',
  'reject',
  'dispose',
  'cancel',
] as const;

export type SpecimenStep = (typeof specimenSteps)[number];

const table: Readonly<Record<SpecimenState, Partial<Record<SpecimenStep, SpecimenState>>>> = {
  accessioned: { collect: 'collected', receive: 'received', reject: 'rejected', cancel: 'cancelled' },
  collected: { receive: 'received', ship: 'shipped', reject: 'rejected', dispose: 'disposed' },
  received: {
    aliquot: 'received',
    pool: 'received',
    store: 'stored',
    ship: 'shipped',
    reject: 'rejected',
    dispose: 'disposed',
  },
  stored: { store: 'stored', retrieve: 'received', reject: 'rejected', dispose: 'disposed' },
  shipped: { return: 'received', reject: 'rejected' },
  rejected: { dispose: 'disposed' },
  disposed: {},
  cancelled: {},
};

/** @throws OutcomeError `conflict` (409) where the step is not possible now. */
export function nextSpecimenState(name: string, state: SpecimenState, step: SpecimenStep): SpecimenState {
  const next = table[state][step];
  if (next !== undefined) return next;
  const possible = specimenStates.filter((one) => table[one][step] !== undefined);
  throw outcomeError(
    'conflict',
    `Specimen ${name} is ${state}: the step ${step} is possible with one that is ${possible.join(' or ')}.`,
    { expression: 'Specimen.extension' },
  );
}

/** `Specimen.status`; a specimen that was not taken yet has none. */
export function specimenStatus(state: SpecimenState): string | undefined {
  if (state === 'accessioned') return undefined;
  if (state === 'rejected') return 'unsatisfactory';
  if (state === 'cancelled') return 'entered-in-error';
  return state === 'disposed' ? 'unavailable' : 'available';
}
