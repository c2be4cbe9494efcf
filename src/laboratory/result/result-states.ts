/**
 * The life of a result: state × step → the next state; what is not in the table is refused with a sentence.
 *
 * | state     | enter   | hold | unhold  | review    | approve  | release  | correct  | withdraw  | cancel    |
 * |-----------|---------|------|---------|-----------|----------|----------|----------|-----------|-----------|
 * | ordered   | entered |      |         |           |          |          |          |           | cancelled |
 * | entered   | entered | held |         | reviewed  |          |          |          | withdrawn | cancelled |
 * | held      | entered | held | entered |           |          |          |          | withdrawn | cancelled |
 * | reviewed  | entered | held |         | reviewed  | approved | released |          | withdrawn | cancelled |
 * | approved  | entered | held |         |           | approved | released |          | withdrawn | cancelled |
 * | released  |         |      |         |           |          |          | released | withdrawn |           |
 * | refused   |         |      |         |           |          |          |          |           | cancelled |
 *
 * `hold`: a control failed, or a rule asks for a repetition. `review` is the technical one, `approve` the medical one.
 * Autoverification takes a result through review and release. Withdrawn and cancelled are the end. Refused is what an analyzer
 * measured and the rules do not take: it is of no report, and stays until somebody has seen to it.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { codeIn, extensions, objects, observationKindSystem, refusedKind, text } from '../terms.ts';

export const resultStates = [
  'ordered',
  'entered',
  'held',
  'reviewed',
  'approved',
  'released',
  'withdrawn',
  'cancelled',
  'refused',
] as const;

export type ResultState = (typeof resultStates)[number];

export const resultSteps = [
  'enter',
  'hold',
  'unhold',
  'review',
  'approve',
  'release',
  'correct',
  'withdraw',
  'cancel',
] as const;

export type ResultStep = (typeof resultSteps)[number];

const open = { enter: 'entered', hold: 'held', withdraw: 'withdrawn', cancel: 'cancelled' } as const;

const table: Readonly<Record<ResultState, Partial<Record<ResultStep, ResultState>>>> = {
  ordered: { enter: 'entered', cancel: 'cancelled' },
  entered: { ...open, review: 'reviewed' },
  held: { ...open, unhold: 'entered' },
  reviewed: { ...open, review: 'reviewed', approve: 'approved', release: 'released' },
  approved: { ...open, approve: 'approved', release: 'released' },
  released: { correct: 'released', withdraw: 'withdrawn' },
  withdrawn: {},
  cancelled: {},
  refused: { cancel: 'cancelled' },
};

/** @throws OutcomeError `conflict` (409) where the step is not possible now. */
export function nextResultState(name: string, state: ResultState, step: ResultStep): ResultState {
  const next = table[state][step];
  if (next !== undefined) return next;
  const possible = resultStates.filter((one) => table[one][step] !== undefined);
  throw outcomeError(
    'conflict',
    `Observation/${name} is ${state}: the step ${step} is possible with one that is ${possible.join(' or ')}.`,
    { expression: 'Observation.status' },
  );
}

/** Where a result stands; one that another system stored, by its status. */
export function resultState(observation: JsonObject): ResultState {
  const status = text(observation['status']) ?? '';
  const byStatus = { registered: 'ordered', cancelled: 'cancelled', 'entered-in-error': 'withdrawn' } as const;
  if (Object.hasOwn(byStatus, status)) return byStatus[status as keyof typeof byStatus];
  if (status !== 'preliminary') return 'released';
  if (objects(observation['category']).some((one) => codeIn(one, observationKindSystem) === refusedKind))
    return 'refused';
  const written = text(extensions(observation, 'result-state')[0]?.['valueCode']);
  return written === 'held' || written === 'reviewed' || written === 'approved' ? written : 'entered';
}

/** `Observation.status` of a state that a step of ours leads to. */
export function resultStatus(state: ResultState, step: ResultStep): string {
  if (step === 'correct') return 'corrected';
  if (state === 'released') return 'final';
  if (state === 'withdrawn') return 'entered-in-error';
  if (state === 'ordered') return 'registered';
  return state === 'cancelled' ? 'cancelled' : 'preliminary';
}
