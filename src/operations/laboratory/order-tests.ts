/** The tests of orders: with the definition that each was made with, or with today's where it names none. */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { wantedBy } from '../../laboratory/order.ts';
import type { TestDefinition } from '../../laboratory/test-definition.ts';
import type { Context } from '../../request.ts';
import { offersOf, testsByCanonical, type Offered } from './find-tests.ts';
import type { Known } from './server-rights.ts';

export interface Ordered extends Known {
  readonly offer: Offered;
}

/** @throws OutcomeError `business-rule` (422) for an order of what the catalogue does not have. */
export async function testsOfOrders(context: Context, orders: readonly Known[]): Promise<Ordered[]> {
  const offers = await offersOfOrders(context, orders);
  return orders.map((order, i) => {
    const offer = offers[i];
    if (offer === undefined) throw unknown(order.resource);
    return { ...order, offer };
  });
}

/** Undefined for an order of what the catalogue does not have. */
export async function offersOfOrders(
  context: Context,
  orders: readonly Known[],
): Promise<readonly (Offered | undefined)[]> {
  const wanted = orders.map(({ resource }) => wantedBy(resource));
  const byCanonical = await testsByCanonical(
    context,
    wanted.flatMap(({ canonicals }) => canonicals),
  );
  const open = wanted.filter(({ canonicals }) => !canonicals.some((one) => byCanonical.has(one)));
  const offers = await offersOf(
    context,
    open.flatMap(({ tokens }) => tokens),
  );
  return wanted.map(({ canonicals, tokens }) => {
    const test = canonicals.map((one) => byCanonical.get(one)).find((one) => one !== undefined);
    return test === undefined ? tokens.map((one) => offers.get(one)).find((one) => one) : { tests: [test] };
  });
}

function unknown(order: JsonObject): Error {
  const { tokens } = wantedBy(order);
  return outcomeError(
    'business-rule',
    `ServiceRequest/${String(order['id'])} asks for ${tokens.join(' or ') || 'no code'}, which is no test or panel of the catalogue.`,
    { expression: 'ServiceRequest.code' },
  );
}

/** The shortest time in hours that any of the tests gives the specimen. */
export function stabilityOf(tests: readonly TestDefinition[]): number | undefined {
  const known = tests.flatMap(({ stability }) => stability ?? []);
  return known.length === 0 ? undefined : Math.min(...known);
}
