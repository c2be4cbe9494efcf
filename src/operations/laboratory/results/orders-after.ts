/** Orders follow what was done to their results, in the same transaction (laboratory/order-progress.ts). */
import type { JsonObject } from '../../../fhir/json.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { orderAfterResults } from '../../../laboratory/order-progress.ts';
import { objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { panelsAfter } from '../panels-after.ts';
import { changed, writtenResource, type Known } from '../server-rights.ts';
import { knownAll, knownBy } from '../specimens-and-orders.ts';
import { orderedAnalytes, type OrderedAnalytes } from './ordered-analytes.ts';

/** The orders that change with these results, all that there are of them; with the orders of their panels. */
export async function orderChanges(
  server: Context,
  orders: readonly Known[],
  { all }: OrderedAnalytes,
  results: readonly JsonObject[],
): Promise<Prepared[]> {
  const changes = orders.flatMap((order) => {
    const id = order.resource['id'];
    const own = all.filter((one) => one.order.resource['id'] === id).map(({ definition }) => definition);
    const resource = orderAfterResults(order.resource, own, results);
    return resource === undefined ? [] : [changed(server, resource, order.version)];
  });
  const panels = await panelsAfter(
    server,
    changes.map(({ resource }) => resource),
  );
  return [...changes, ...panels];
}

/** The same after these results were changed, whichever others there are. */
export async function ordersAfter(server: Context, written: readonly Prepared[]): Promise<Prepared[]> {
  const by = new Map(written.map((one) => [one.entry.id, writtenResource(one)]));
  const names = [...by.values()].flatMap((one) =>
    objects(one['basedOn']).flatMap(({ reference }) => text(reference) ?? []),
  );
  const asked = [...new Set(names)].filter((one) => one.startsWith('ServiceRequest/'));
  if (asked.length === 0) return [];
  const orders = await knownAll(server, 'ServiceRequest', asked);
  const existing = await knownBy(server, 'Observation', [['based-on', asked.join()]]);
  const results = existing.map(({ resource }) => by.get(String(resource['id'])) ?? resource);
  return orderChanges(server, orders, await orderedAnalytes(server, orders), results);
}
