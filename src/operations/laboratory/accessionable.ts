/** Orders that can be accessioned: active, without a specimen, each of one test; those of panels taken apart. */
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { newId } from '../../interactions/new-id.ts';
import { orderState } from '../../laboratory/order.ts';
import { nextOrderState } from '../../laboratory/order-states.ts';
import { objects } from '../../laboratory/terms.ts';
import type { TestDefinition } from '../../laboratory/test-definition.ts';
import type { Context } from '../../request.ts';
import { testsOfOrders, type Ordered } from './order-tests.ts';
import type { Known } from './server-rights.ts';

export interface TestOrder {
  readonly id: string;
  readonly resource: JsonObject;
  /** Undefined for one that is made now. */
  readonly version?: number;
  /** The order of the panel that it is part of. */
  readonly parent?: Known;
}

export interface Accessionable {
  readonly test: TestDefinition;
  readonly order: TestOrder;
}

/** @throws OutcomeError `conflict` (409) for an order that is not active, or has a specimen. */
export async function accessionable(context: Context, orders: readonly Known[]): Promise<Accessionable[]> {
  for (const { resource } of orders) {
    const id = String(resource['id']);
    nextOrderState(id, orderState(resource), 'accession');
    const [specimen] = objects(resource['specimen']);
    if (specimen !== undefined) {
      throw outcomeError('conflict', `ServiceRequest/${id} is accessioned: it has ${String(specimen['reference'])}.`);
    }
  }
  return (await testsOfOrders(context, orders)).flatMap(apart);
}

function apart({ resource, version, offer }: Ordered): Accessionable[] {
  const [test] = offer.tests;
  if (offer.panel === undefined && test !== undefined) {
    const pinned = { ...resource, instantiatesCanonical: withCanonical(resource, test.canonical) };
    return [{ test, order: { id: String(resource['id']), resource: pinned, version } }];
  }
  const parent: Known = { resource, version };
  return offer.tests.map((one) => ({
    test: one,
    order: { id: newId(), resource: partOf(resource, one, offer.panel ?? ''), parent },
  }));
}

function withCanonical({ instantiatesCanonical }: JsonObject, canonical: string): string[] {
  const given = Array.isArray(instantiatesCanonical) ? instantiatesCanonical.map(String) : [];
  return given.includes(canonical) ? given : [canonical, ...given];
}

/** What of the panel's order holds for each of its tests. */
const inherited = [
  ...['requisition', 'status', 'intent', 'category', 'priority', 'subject', 'encounter', 'occurrenceDateTime'],
  ...[
    'authoredOn',
    'requester',
    'performer',
    'locationReference',
    'locationCode',
    'reasonCode',
    'reasonReference',
    'insurance',
    'supportingInfo',
    'meta',
  ],
];

function partOf(panel: JsonObject, test: TestDefinition, canonical: string): JsonObject {
  const own = Object.entries(panel).filter(([name]) => inherited.includes(name));
  return {
    resourceType: 'ServiceRequest',
    ...Object.fromEntries(own),
    instantiatesCanonical: [test.canonical, canonical],
    basedOn: [{ reference: `ServiceRequest/${String(panel['id'])}` }],
    code: test.concept,
  };
}
