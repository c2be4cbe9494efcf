/** What arrives must be what the tests need, and not too old for them. */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { collectedAt, numberOf, ordersOf } from '../../laboratory/specimen.ts';
import type { TestDefinition } from '../../laboratory/test-definition.ts';
import type { Context } from '../../request.ts';
import { containersOf } from './find-tests.ts';
import { offersOfOrders, stabilityOf, type Ordered } from './order-tests.ts';
import { asServer } from './server-rights.ts';
import { knownAll } from './specimens-and-orders.ts';

const hour = 3_600_000;

export interface Arrival {
  readonly time: string;
  /** Code of the container in the catalogue. */
  readonly container: string | undefined;
}

/** @throws OutcomeError `business-rule` (422) for the wrong container and for a specimen that is too old. */
export async function checkReceived(
  inside: Context,
  specimen: JsonObject,
  orders: readonly Ordered[],
  { time, container }: Arrival,
): Promise<void> {
  const collected = collectedAt(specimen);
  if (collected !== undefined && Date.parse(collected) > Date.parse(time)) {
    throw outcomeError('business-rule', `Specimen ${numberOf(specimen)} was collected on ${collected}, after ${time}.`);
  }
  const tests = orders.flatMap(({ offer }) => offer.tests);
  if (container !== undefined) await checkContainer(inside, specimen, tests, container);
  if (collected !== undefined) checkStability(specimen, tests, collected, Date.parse(time));
}

/** The specimen's orders that still stand and that the catalogue knows; the server looks, whoever asks. */
export async function openOrdersOf(inside: Context, specimen: JsonObject): Promise<Ordered[]> {
  const server = asServer(inside);
  const orders = await knownAll(server, 'ServiceRequest', ordersOf(specimen));
  const open = orders.filter(({ resource }) => resource['status'] === 'active');
  const offers = await offersOfOrders(server, open);
  return open.flatMap((order, i) => {
    const offer = offers[i];
    return offer === undefined ? [] : [{ ...order, offer }];
  });
}

async function checkContainer(
  inside: Context,
  specimen: JsonObject,
  tests: readonly TestDefinition[],
  container: string,
): Promise<void> {
  const needed = [...(await containersOf(inside, tests)).values()].map(({ code }) => code);
  if (needed.length === 0 || needed.includes(container)) return;
  throw outcomeError(
    'business-rule',
    `Specimen ${numberOf(specimen)} arrived in "${container.slice(0, 60)}", but its tests need ${[...new Set(needed)].join(' or ')}: reject it.`,
  );
}

export function checkStability(
  specimen: JsonObject,
  tests: readonly TestDefinition[],
  collected: string,
  at: number,
): void {
  const stability = stabilityOf(tests);
  if (stability === undefined || at - Date.parse(collected) <= stability * hour) return;
  throw outcomeError(
    'business-rule',
    `Specimen ${numberOf(specimen)} was collected on ${collected}: its tests need one of no more than ${stability} hours.`,
  );
}
