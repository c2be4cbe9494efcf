/**
 * A data-subject request as a state machine: the status of its Task and the steps that the laboratory takes. Pure.
 * https://gdpr-info.eu/art-12-gdpr/
 *
 * | status      | acknowledge | verify   | forward     | extend      | accept   | carry-out   | refuse   | complete  | fail   | cancel    |
 * |-------------|-------------|----------|-------------|-------------|----------|-------------|----------|-----------|--------|-----------|
 * | requested   | received    | –        | requested   | –           | –        | –           | rejected | –         | –      | cancelled |
 * | received    | –           | received | received    | received    | accepted | –           | rejected | –         | –      | cancelled |
 * | accepted    | –           | accepted | accepted    | accepted    | –        | in-progress | rejected | –         | –      | cancelled |
 * | in-progress | –           | –        | in-progress | in-progress | –        | in-progress | –        | completed | failed | cancelled |
 *
 * From completed, failed, rejected and cancelled nothing leads on: whoever asks again makes a new request.
 */
import { outcomeError } from '../fhir/outcome.ts';

export const statuses = [
  'requested',
  'received',
  'accepted',
  'in-progress',
  'completed',
  'failed',
  'rejected',
  'cancelled',
] as const;

export type Status = (typeof statuses)[number];

export const steps = [
  'acknowledge',
  'verify',
  'forward',
  'extend',
  'accept',
  'carry-out',
  'refuse',
  'complete',
  'fail',
  'cancel',
] as const;

export type Step = (typeof steps)[number];

const table: Readonly<Record<Status, Readonly<Partial<Record<Step, Status>>>>> = {
  requested: { acknowledge: 'received', forward: 'requested', refuse: 'rejected', cancel: 'cancelled' },
  received: {
    verify: 'received',
    forward: 'received',
    extend: 'received',
    accept: 'accepted',
    refuse: 'rejected',
    cancel: 'cancelled',
  },
  accepted: {
    verify: 'accepted',
    forward: 'accepted',
    extend: 'accepted',
    'carry-out': 'in-progress',
    refuse: 'rejected',
    cancel: 'cancelled',
  },
  'in-progress': {
    forward: 'in-progress',
    extend: 'in-progress',
    'carry-out': 'in-progress',
    complete: 'completed',
    fail: 'failed',
    cancel: 'cancelled',
  },
  completed: {},
  failed: {},
  rejected: {},
  cancelled: {},
};

/** @throws OutcomeError `business-rule` with what is possible instead. */
export function next(status: Status, step: Step): Status {
  const to = table[status][step];
  if (to !== undefined) return to;
  const possible = Object.keys(table[status]);
  const instead = possible.length === 0 ? 'it has ended' : `possible are ${possible.join(', ')}`;
  throw outcomeError('business-rule', `A request that is ${status} does not take the step ${step}: ${instead}.`);
}

/** @throws OutcomeError `invalid` */
export function stepOf(text: string): Step {
  const step = steps.find((known) => known === text);
  if (step !== undefined) return step;
  throw outcomeError('invalid', `step is one of ${steps.join(', ')}, not "${text.slice(0, 40)}".`, { status: 400 });
}

export function statusOf(text: unknown): Status {
  const status = statuses.find((known) => known === text);
  if (status === undefined) throw new Error('A request has a status that none can have.');
  return status;
}
