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
