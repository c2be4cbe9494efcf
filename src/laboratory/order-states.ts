/**
 * The life of an order (ServiceRequest.status): state × step → the next state; what is not in the table is refused.
 *
 * | state     | accession | add-on | cancel  | replace |
 * |-----------|-----------|--------|---------|---------|
 * | draft     |           |        | revoked |         |
 * | active    | active    | active | revoked | revoked |
 * | on-hold   |           |        | revoked |         |
 *
 * `replace`: a new order takes its place, as after the rejection of the specimen. Revoked, completed and entered-in-error
 * are the end.
 *
 * A plain write puts an order that names a definition of the catalogue on hold and back, ends it, and says that it was an
 * error; it opens none that ended:
 *
 * | is        | may become                                   |
 * |-----------|----------------------------------------------|
 * | draft     | active, on-hold, revoked, entered-in-error   |
 * | active    | on-hold, revoked, completed, entered-in-error|
 * | on-hold   | active, revoked, completed, entered-in-error |
 * | completed | entered-in-error                             |
 * | revoked   | entered-in-error                             |
 * | unknown   | any                                          |
 */
import { outcomeError } from '../fhir/outcome.ts';

export const orderStates = [
  'draft',
  'active',
  'on-hold',
  'revoked',
  'completed',
  'entered-in-error',
  'unknown',
] as const;

export type OrderState = (typeof orderStates)[number];

export const orderSteps = ['accession', 'add-on', 'cancel', 'replace'] as const;

export type OrderStep = (typeof orderSteps)[number];

const table: Readonly<Partial<Record<OrderState, Partial<Record<OrderStep, OrderState>>>>> = {
  draft: { cancel: 'revoked' },
  active: { accession: 'active', 'add-on': 'active', cancel: 'revoked', replace: 'revoked' },
  'on-hold': { cancel: 'revoked' },
};

/** @throws OutcomeError `conflict` (409) where the step is not possible now. */
export function nextOrderState(name: string, state: OrderState, step: OrderStep): OrderState {
  const next = table[state]?.[step];
  if (next !== undefined) return next;
  const possible = orderStates.filter((one) => table[one]?.[step] !== undefined);
  throw outcomeError(
    'conflict',
    `ServiceRequest/${name} is ${state}: the step ${step} is possible with one that is ${possible.join(' or ')}.`,
    { expression: 'ServiceRequest.status' },
  );
}

const ended = ['revoked', 'completed', 'entered-in-error'] as const;

const plain: Readonly<Record<OrderState, readonly OrderState[]>> = {
  draft: ['active', 'on-hold', 'revoked', 'entered-in-error'],
  active: ['on-hold', ...ended],
  'on-hold': ['active', ...ended],
  completed: ['entered-in-error'],
  revoked: ['entered-in-error'],
  'entered-in-error': [],
  unknown: orderStates,
};

/** @throws OutcomeError `conflict` (409) where a plain write may not give an order this status. */
export function plainOrderChange(name: string, before: OrderState, after: OrderState): void {
  if (before === after || plain[before].includes(after)) return;
  const possible = plain[before].length === 0 ? 'it stays so' : `it may become ${plain[before].join(' or ')}`;
  throw outcomeError('conflict', `${name} is ${before} and does not become ${after}: ${possible}.`, {
    expression: 'ServiceRequest.status',
  });
}
