/**
 * What follows from an order whose status changed: its parts, where it is of a panel, the order of the panel that it is part of,
 * and specimens that nobody waits for any more.
 *
 * | the order becomes          | parts that are open                | specimens                       |
 * |----------------------------|------------------------------------|---------------------------------|
 * | revoked, entered-in-error  | revoked                            | not collected, not needed: cancelled |
 * | on-hold                    | on-hold, where they are active     |                                 |
 * | active                     | active, where they are on hold     |                                 |
 *
 * An order whose tests were all taken back does not become active again.
 *
 * `$cancel` says it, and so does a plain write: of an EMR (PUT, PATCH), or of a hospital (ORC-1 CA, HD, RL), in its transaction.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import type { Prepared } from '../../interactions/prepare.ts';
import { panelOf } from '../../laboratory/order-progress.ts';
import { orderState } from '../../laboratory/order.ts';
import { nextOrderState, orderStates, type OrderState } from '../../laboratory/order-states.ts';
import { afterStep, ordersOf, stateOf } from '../../laboratory/specimen.ts';
import { objects, text } from '../../laboratory/terms.ts';
import type { Context } from '../../request.ts';
import { panelsAfter } from './panels-after.ts';
import { asServer, changed, writeAll, type Known } from './server-rights.ts';
import { keepCustody } from './specimen-step.ts';
import { knownAll, knownBy } from './specimens-and-orders.ts';

/** After plain writes. @param orders as they were written */
export async function followOrders(inside: Context, orders: readonly JsonObject[]): Promise<void> {
  const server = asServer(inside);
  for (const order of orders) {
    const state = orderState(order);
    if (state === 'revoked' || state === 'entered-in-error') {
      await takeBack(inside, order, `its order is ${state}`);
    } else if (state === 'on-hold' || state === 'active') {
      if (state === 'active') await checkStands(server, order);
      const parts = await partsOf(server, order, [state === 'active' ? 'on-hold' : 'active']);
      await writeAll(
        server,
        parts.map(({ resource, version }) => changed(server, { ...resource, status: state }, version)),
      );
    }
  }
  await writeAll(server, await panelsAfter(server, orders));
}

/** @throws OutcomeError `conflict` where all tests of a panel were taken back: nothing would be done for its order. */
async function checkStands(server: Context, order: JsonObject): Promise<void> {
  const parts = await partsOf(server, order, orderStates);
  const standing = parts.some(({ resource }) => !['revoked', 'entered-in-error'].includes(orderState(resource)));
  if (parts.length === 0 || standing) return;
  throw outcomeError(
    'conflict',
    `ServiceRequest/${String(order['id'])} was taken back with its tests and does not become active: order it anew.`,
    { expression: 'ServiceRequest.status' },
  );
}

/** Of an order that is taken back: its parts and its specimens. */
export async function takeBack(inside: Context, order: JsonObject, reason: string): Promise<void> {
  const server = asServer(inside);
  const parts = await partsOf(server, order, ['active', 'on-hold', 'draft']);
  await writeAll(
    server,
    parts.map((one) => revoked(server, one, reason)),
  );
  await cancelSpecimens(inside, [order, ...parts.map(({ resource }) => resource)]);
}

/** The order without what asked for it. @throws OutcomeError `conflict` where it cannot be taken back any more */
export function revoked(context: Context, { resource, version }: Known, reason: string): Prepared {
  const status = nextOrderState(String(resource['id']), orderState(resource), 'cancel');
  const note = [...objects(resource['note']), { time: new Date().toISOString(), text: `Cancelled: ${reason}` }];
  return changed(context, { ...resource, status, note }, version);
}

async function partsOf(server: Context, order: JsonObject, states: readonly OrderState[]): Promise<Known[]> {
  const reference = `ServiceRequest/${String(order['id'])}`;
  const based = await knownBy(server, 'ServiceRequest', [
    ['based-on', reference],
    ['status', states.join()],
  ]);
  return based.filter(({ resource }) => panelOf(resource) === reference);
}

async function cancelSpecimens(inside: Context, orders: readonly JsonObject[]): Promise<void> {
  const server = asServer(inside);
  const references = orders
    .flatMap((order) => objects(order['specimen']))
    .flatMap(({ reference }) => text(reference) ?? [])
    .filter((one) => one.startsWith('Specimen/'));
  const specimens = await knownAll(server, 'Specimen', references);
  for (const { resource, version } of specimens.filter((one) => stateOf(one.resource) === 'accessioned')) {
    if (await isWaitedFor(server, resource)) continue;
    await writeAll(server, [changed(server, afterStep(resource, 'cancel'), version)]);
    await keepCustody(inside, { targets: [`Specimen/${String(resource['id'])}`], step: 'cancel' });
  }
}

async function isWaitedFor(server: Context, specimen: JsonObject): Promise<boolean> {
  const orders = await knownAll(server, 'ServiceRequest', ordersOf(specimen));
  return orders.some(({ resource }) => resource['status'] === 'active' || resource['status'] === 'on-hold');
}
