/** What may be entered: the analytes that orders ask for, with the definitions that the orders were made with. */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { typeNumber } from '../../../fhir/resource-types.ts';
import type { AnalyteDefinition } from '../../../laboratory/definition.ts';
import { tokensOf } from '../../../laboratory/result/observation.ts';
import { catalogueSystem, loincSystem } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { readMany } from '../../../store/read.ts';
import { testsOfOrders, type Ordered } from '../order-tests.ts';
import { definitionOf } from '../read-once.ts';
import type { Known } from '../server-rights.ts';

const definitionType = typeNumber('ObservationDefinition') ?? -1;

export interface OrderedAnalyte {
  readonly definition: AnalyteDefinition;
  readonly order: Known;
}

export interface OrderedAnalytes {
  readonly all: readonly OrderedAnalyte[];
  /** By `system|code` and by the code of the catalogue alone; an order that still stands goes before a revoked one. */
  find(token: string): OrderedAnalyte | undefined;
}

export async function orderedAnalytes(server: Context, orders: readonly Known[]): Promise<OrderedAnalytes> {
  const tests = await testsOfOrders(server, orders);
  const ids = [...new Set(tests.flatMap(({ offer }) => offer.tests.flatMap(({ analytes }) => analytes)))];
  const stored = await readMany(
    server.session,
    ids.map((id) => ({ type: definitionType, id })),
  );
  const definitions = new Map(
    stored.flatMap(({ id, text }) => (text === null ? [] : [[id, definitionOf(text)] as const])),
  );
  const open = tests.toSorted((a, b) => Number(isOpen(a)) - Number(isOpen(b)));
  const all = open.flatMap((order) =>
    order.offer.tests
      .flatMap(({ analytes }) => analytes)
      .flatMap((id) => definitions.get(id) ?? [])
      .map((definition) => ({ definition, order })),
  );
  const byToken = new Map(all.flatMap((one) => tokens(one.definition).map((token) => [token, one] as const)));
  return { all: all.filter(({ order }) => isOpen(order)), find: (token) => byToken.get(token) };
}

export function isOpen({ resource }: Pick<Ordered, 'resource'>): boolean {
  return resource['status'] === 'active' || resource['status'] === 'completed';
}

function tokens({ codings }: AnalyteDefinition): string[] {
  const all = tokensOf({ coding: [...codings] as JsonObject[] });
  const own = codings.filter(({ system }) => system === catalogueSystem || system === loincSystem);
  return [...all, ...own.map(({ code }) => String(code))];
}

/** @throws OutcomeError `not-found` (422) for what no order asks for, `conflict` (409) where the order was taken back. */
export function orderedAnalyte(analytes: OrderedAnalytes, token: string): OrderedAnalyte {
  const found = analytes.find(token);
  if (found === undefined) {
    const known = [...new Set(analytes.all.map(({ definition }) => definition.code ?? definition.id))];
    throw outcomeError(
      'not-found',
      `No order asks for the analyte "${token.slice(0, 80)}"; there are ${known.slice(0, 40).join(', ') || 'none'}.`,
      { status: 422 },
    );
  }
  if (isOpen(found.order)) return found;
  const { id, status } = found.order.resource;
  throw outcomeError(
    'conflict',
    `ServiceRequest/${String(id)} is ${String(status)}: results are entered for an order that is active.`,
    { expression: 'ServiceRequest.status' },
  );
}
