/** Orders of panels follow the orders of their tests, in the same transaction (laboratory/order-progress.ts). */
import type { JsonObject } from '../../fhir/json.ts';
import type { Prepared } from '../../interactions/prepare.ts';
import { panelAfterParts, panelOf } from '../../laboratory/order-progress.ts';
import type { Context } from '../../request.ts';
import { lockAll, lockKeys } from '../../store/lock.ts';
import { changed } from './server-rights.ts';
import { knownBy } from './specimens-and-orders.ts';

/** @param orders as they will be: written, or still to be written by this transaction */
export async function panelsAfter(server: Context, orders: readonly JsonObject[]): Promise<Prepared[]> {
  const by = new Map(orders.map((one) => [String(one['id']), one]));
  const panels = [...new Set(orders.flatMap((one) => panelOf(one) ?? []))];
  if (panels.length === 0) return [];
  // Of two that complete the last parts at once, the second sees what the first did.
  await lockAll(
    server.session,
    lockKeys(
      server.session.tenant,
      panels.map((one) => `panel ${one}`),
    ),
  );
  const after: Prepared[] = [];
  for (const reference of panels) {
    const id = reference.slice('ServiceRequest/'.length);
    const [panel] = await knownBy(server, 'ServiceRequest', [['_id', id]]);
    const based = await knownBy(server, 'ServiceRequest', [['based-on', reference]]);
    const parts = based
      .map(({ resource }) => by.get(String(resource['id'])) ?? resource)
      .filter((one) => panelOf(one) === reference);
    const resource = panel && panelAfterParts(by.get(id) ?? panel.resource, parts);
    if (panel !== undefined && resource !== undefined) after.push(changed(server, resource, panel.version));
  }
  return after;
}
