/** What the orders of a report asked for: their dates, the definitions of the catalogue, what has no result yet. */
import type { JsonObject } from '../../../fhir/json.ts';
import { typeNumber } from '../../../fhir/resource-types.ts';
import { parseStored } from '../../../interactions/document.ts';
import { catalogueSystem, codeIn, extensions, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { readMany } from '../../../store/read.ts';
import { offersOfOrders } from '../order-tests.ts';
import { isOpen } from '../results/ordered-analytes.ts';
import { knownBy } from '../specimens-and-orders.ts';
import type { Core } from './gather.ts';

export interface OrderedOf {
  readonly orders: readonly JsonObject[];
  readonly definitions: readonly JsonObject[];
  readonly missing: readonly JsonObject[];
}

/** A report that still waits for something. */
const waiting: ReadonlySet<unknown> = new Set(['registered', 'preliminary', 'partial']);

export async function orderedOf(server: Context, { report, results }: Core): Promise<OrderedOf> {
  const ids = objects(report['basedOn']).flatMap(
    ({ reference }) => /^ServiceRequest\/([A-Za-z0-9.-]{1,64})$/.exec(text(reference) ?? '')?.[1] ?? [],
  );
  if (ids.length === 0) return { orders: [], definitions: [], missing: [] };
  const orders = await knownBy(server, 'ServiceRequest', [['_id', ids.join()]]);
  const offers = await offersOfOrders(server, orders);
  const analytes = offers.map((offer) => offer?.tests.flatMap((test) => test.analytes) ?? []);
  const type = typeNumber('ObservationDefinition') ?? -1;
  const wanted = [...new Set(analytes.flat())];
  const stored = await readMany(
    server.session,
    wanted.map((id) => ({ type, id })),
  );
  const definitions = stored
    .flatMap((one) => (one.text === null ? [] : [parseStored(one.text)]))
    .toSorted((a, b) => wanted.indexOf(String(a['id'])) - wanted.indexOf(String(b['id'])));
  const asked = new Set(orders.flatMap((order, at) => (isOpen(order) ? (analytes[at] ?? []) : [])));
  const there = new Set([...results.values()].map((one) => codeIn(one['code'], catalogueSystem)));
  const missing = definitions.filter(
    (one) =>
      waiting.has(report['status']) &&
      asked.has(String(one['id'])) &&
      extensions(one, 'calculation').length === 0 &&
      !there.has(codeIn(one['code'], catalogueSystem)),
  );
  return { orders: orders.map(({ resource }) => resource), definitions, missing };
}
