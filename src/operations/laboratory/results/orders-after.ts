/** Orders follow what was done to their results, in the same transaction (laboratory/order-progress.ts). */
import type { JsonObject } from '../../../fhir/json.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { orderAfterResults, resultsByAnalyte } from '../../../laboratory/order-progress.ts';
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
  const byOrder = Map.groupBy(all, ({ order }) => order.resource['id']);
  const byAnalyte = resultsByAnalyte(results);
  const changes = orders.flatMap((order) => {
    const own = byOrder.get(order.resource['id']) ?? [];
    const resource = orderAfterResults(
      order.resource,
      own.map(({ definition }) => definition),
      byAnalyte,
    );
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
