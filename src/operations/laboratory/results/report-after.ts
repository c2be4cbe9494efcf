/** Reports follow what was done to their results, in the same transaction. */
import type { JsonObject } from '../../../fhir/json.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { subjectOf } from '../../../laboratory/order.ts';
import { nameOf } from '../../../laboratory/result/value.ts';
import { catalogueSystem, codeIn, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { asServer, writtenResource, type Known } from '../server-rights.ts';
import { knownAll, knownBy } from '../specimens-and-orders.ts';
import { orderedAnalytes } from './ordered-analytes.ts';
import { reportChange, reportsOfOrders } from './report-of-orders.ts';

/** What changes in the reports that show these results; `rights` are those that the reports are written with. */
export async function reportsAfter(
  rights: Context,
  changed: readonly Prepared[],
): Promise<{ readonly known: Known; readonly prepared: Prepared }[]> {
  const server = asServer(rights);
  const written = new Map(changed.map((one) => [one.entry.id, writtenResource(one)]));
  const reports = await reportsOfOrders(server, ordersIn([...written.values()]));
  const all: { known: Known; prepared: Prepared }[] = [];
  for (const known of reports) {
    const names = ordersIn([known.resource]);
    const orders = await knownAll(server, 'ServiceRequest', names);
    const existing = await knownBy(server, 'Observation', [['based-on', names.join()]]);
    const results = existing.map(({ resource }) => written.get(String(resource['id'])) ?? resource);
    const analytes = await orderedAnalytes(server, orders);
    const there = new Set(results.map((one) => codeIn(one['code'], catalogueSystem)));
    const missing = analytes.all.filter(
      ({ definition }) => definition.calculation === undefined && !there.has(nameOf(definition)),
    ).length;
    const subject = subjectOf(orders[0]?.resource ?? {});
    all.push({ known, prepared: reportChange(rights, known, { orders, results, missing, subject }) });
  }
  return all;
}

function ordersIn(resources: readonly JsonObject[]): string[] {
  const found = resources.flatMap((one) => objects(one['basedOn']).flatMap(({ reference }) => text(reference) ?? []));
  return [...new Set(found)].filter((one) => one.startsWith('ServiceRequest/'));
}
