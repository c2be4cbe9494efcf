/** What arrives must be what the tests need, and not too old for them. */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { collectedAt, numberOf, ordersOf } from '../../laboratory/specimen.ts';
import type { TestDefinition } from '../../laboratory/test-definition.ts';
import type { Context } from '../../request.ts';
import { containersOf } from './find-tests.ts';
import { stabilityOf, testsOfOrders } from './order-tests.ts';
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
  { time, container }: Arrival,
): Promise<void> {
  const collected = collectedAt(specimen);
  if (collected !== undefined && Date.parse(collected) > Date.parse(time)) {
    throw outcomeError('business-rule', `Specimen ${numberOf(specimen)} was collected on ${collected}, after ${time}.`);
  }
  if (collected === undefined && container === undefined) return;
  const tests = await testsOf(inside, specimen);
  if (container !== undefined) await checkContainer(inside, specimen, tests, container);
  if (collected !== undefined) checkStability(specimen, tests, collected, Date.parse(time));
}

/** The tests of the specimen's orders that still stand; the server looks, whoever asks. */
export async function testsOf(inside: Context, specimen: JsonObject): Promise<TestDefinition[]> {
  const server = asServer(inside);
  const orders = await knownAll(server, 'ServiceRequest', ordersOf(specimen));
  const open = orders.filter(({ resource }) => resource['status'] === 'active');
  return (await testsOfOrders(server, open)).flatMap(({ offer }) => offer.tests);
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
