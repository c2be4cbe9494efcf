/**
 * Specimen/$accession: numbers, and a Specimen for each container that active orders of one patient need.
 *
 *   POST [base]/Specimen/$accession    order… or requisition    201: Parameters with specimen…, order…, outcome?
 *
 * | parameter        | is                                                                                  |
 * |------------------|-------------------------------------------------------------------------------------|
 * | order (repeated) | reference to a ServiceRequest, however it came: $order, a plain POST, a message       |
 * | requisition      | the identifier, or its value: all active orders of it that have no specimen yet       |
 *
 * An order of a panel is taken apart: an order for each test, based on it. Duplicates of orders that did not come by $order are
 * warnings in `outcome`. Numbers follow the setting `accessionPattern`
 * (laboratory/accession-number.ts) and are counted in the transaction that stores the specimens.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { operationOutcome, outcomeError, type Issue } from '../../fhir/outcome.ts';
import { plainAccessOf } from '../../interactions/access.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import { newId } from '../../interactions/new-id.ts';
import type { Prepared } from '../../interactions/prepare.ts';
import { accessionNumber, defaultPattern, scopeOf } from '../../laboratory/accession-number.ts';
import { custodyOf } from '../../laboratory/custody.ts';
import { requisitionSystem, subjectOf, wantedBy, withSections } from '../../laboratory/order.ts';
import { requirementsOf, type Requirement } from '../../laboratory/requirement.ts';
import { specimenOf } from '../../laboratory/specimen.ts';
import { objects } from '../../laboratory/terms.ts';
import type { Answer, Context } from '../../request.ts';
import { takeNumbers } from '../../store/accession.ts';
import { optional } from '../administer.ts';
import { operationInput, type Input } from '../parameters.ts';
import { missing } from '../request-input.ts';
import { accessionable, type Accessionable } from './accessionable.ts';
import { duplicatesOf } from './duplicates.ts';
import { containersOf } from './find-tests.ts';
import { referencesIn } from './input.ts';
import { asServer, changed, made, writeAll, writtenResource, type Known } from './server-rights.ts';
import { knownAll, knownBy } from './specimens-and-orders.ts';

/** Orders of one accession. */
const mostOrders = 200;

export async function accession(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['order', 'requisition']);
  const resource = await inTransaction(context, async (inside) => {
    const orders = await ordersIn(inside, input);
    const all = await accessionable(inside, orders);
    const containers = await containersOf(
      inside,
      all.map(({ test }) => test),
    );
    const requirements = requirementsOf(all, containers);
    const without = all.find(({ test }) => !containers.has(test.containers[0] ?? ''));
    if (without !== undefined) {
      throw outcomeError('business-rule', `The test ${without.test.code} names no container of the catalogue.`);
    }
    // $order warns by itself.
    const given = new Map(orders.map(({ resource }) => [String(resource['id']), resource]));
    const plain = all.filter(({ order }) => {
      const asked = order.parent?.resource ?? given.get(order.id) ?? order.resource;
      return wantedBy(asked).canonicals.length === 0;
    });
    const issues = await duplicatesOf(
      inside,
      subjectOf(orders[0]!.resource),
      plain.map(({ test }) => test),
      new Set(orders.map(({ resource }) => String(resource['id']))),
    );
    return store(inside, orders, requirements, issues);
  });
  return { status: 201, resource };
}

async function ordersIn(context: Context, input: Input): Promise<Known[]> {
  const references = referencesIn(input, 'order', ['ServiceRequest']);
  if (references.length > mostOrders) {
    throw outcomeError('too-costly', `$accession takes ${mostOrders} orders at most, not ${references.length}.`);
  }
  if (references.length > 0) return checkedSubject(await knownAll(context, 'ServiceRequest', references));
  const given = input.value('requisition');
  const value = given === undefined ? optional(input, 'requisition') : String(given['value'] ?? '');
  const system = given === undefined ? requisitionSystem : String(given['system'] ?? '');
  if (value === undefined || !/^[^\s,\\$|]{1,200}$/.test(value)) missing(value === undefined ? 'order' : 'requisition');
  const criteria = [
    ['requisition', `${system}|${value}`],
    ['status', 'active'],
  ] as const;
  const open = (await knownBy(context, 'ServiceRequest', criteria)).filter(
    ({ resource }) => objects(resource['specimen']).length === 0,
  );
  if (open.length > 0) return checkedSubject(open);
  throw outcomeError('not-found', `The requisition ${value} has no active order without a specimen.`);
}

function checkedSubject(orders: Known[]): Known[] {
  const subjects = new Set(orders.map(({ resource }) => subjectOf(resource)));
  if (subjects.size === 1) return orders;
  throw outcomeError('business-rule', 'The orders are of several patients: a specimen is of one.');
}

async function store(
  inside: Context,
  orders: readonly Known[],
  requirements: readonly Requirement<Accessionable>[],
  issues: readonly Issue[],
): Promise<JsonObject> {
  const subject = subjectOf(orders[0]!.resource);
  const specimens: { readonly id: string; readonly prepared: Prepared; readonly orders: readonly string[] }[] = [];
  const numbers = await numbersFor(
    inside,
    requirements.map(({ container, count }) => ({ section: container.label, count })),
  );
  for (const { container, count, volume, tests } of requirements) {
    for (let i = 0; i < count; i++) {
      const id = newId();
      const named = tests.map(({ order }) => `ServiceRequest/${order.id}`);
      const resource = specimenOf({
        number: numbers(container.label),
        subject,
        container,
        orders: named,
        volume: volume / count,
      });
      specimens.push({ id, prepared: made(inside, resource, id), orders: named });
    }
  }
  const written = specimens.map(({ prepared }) => prepared);
  const server = asServer(inside);
  // Nothing is to be checked of the specimens of who may make any: one statement does.
  const unbound = plainAccessOf(inside, 'c')('Specimen')?.kind === 'all';
  if (!unbound) await writeAll(inside, written);
  const followed = followingOrders(server, requirements, specimens);
  const custody = custodyOf({
    targets: specimens.map(({ id }) => `Specimen/${id}`),
    step: 'accession',
    recorded: new Date().toISOString(),
    subject: inside.caller.subject,
    ...(inside.caller.fhirUser !== undefined && { fhirUser: inside.caller.fhirUser }),
  });
  await writeAll(server, [...(unbound ? written : []), ...followed, made(server, custody)]);
  return {
    resourceType: 'Parameters',
    parameter: [
      ...written.map((one) => ({ name: 'specimen', resource: writtenResource(one) })),
      ...followed.map((one) => ({ name: 'order', resource: writtenResource(one) })),
      ...(issues.length === 0
        ? []
        : [{ name: 'outcome', resource: operationOutcome(issues) as unknown as JsonObject }]),
    ],
  };
}

/** Numbers for containers of some sections, each given once. */
async function numbersFor(
  { tenant, session }: Context,
  wanted: readonly { readonly section: string; readonly count: number }[],
): Promise<(section: string) => string> {
  const { accessionPattern: pattern = defaultPattern, timezone: zone = 'UTC' } = tenant.settings;
  const now = new Date();
  const scopes = new Map(wanted.map(({ section }) => [section, scopeOf({ pattern, now, zone, section })]));
  const counts = new Map<string, number>();
  for (const { section, count } of wanted) {
    const scope = scopes.get(section) ?? '';
    counts.set(scope, (counts.get(scope) ?? 0) + count);
  }
  const next = new Map(await takeNumbers(session, counts));
  return (section) => {
    const scope = scopes.get(section) ?? '';
    const number = next.get(scope) ?? 0;
    next.set(scope, number + 1);
    return accessionNumber(scope, number);
  };
}

/** A number for something that is in no container of the catalogue. */
export async function nextNumber(inside: Context, section: string): Promise<string> {
  return (await numbersFor(inside, [{ section, count: 1 }]))(section);
}

/** Orders with their specimens; a panel has those of its tests. */
function followingOrders(
  server: Context,
  requirements: readonly Requirement<Accessionable>[],
  specimens: readonly { readonly id: string; readonly orders: readonly string[] }[],
): Prepared[] {
  const all = requirements.flatMap(({ tests }) => tests);
  const specimensOf = (names: ReadonlySet<string>): JsonObject[] =>
    specimens
      .filter(({ orders }) => orders.some((one) => names.has(one)))
      .map(({ id }) => ({ reference: `Specimen/${id}` }));
  const parents = Map.groupBy(
    all.filter(({ order }) => order.parent !== undefined),
    ({ order }) => order.parent,
  );
  return [
    ...all.map(({ order, test }) => {
      const specimen = specimensOf(new Set([`ServiceRequest/${order.id}`]));
      const resource = { ...withSections(order.resource, [test]), specimen };
      return order.version === undefined ? made(server, resource, order.id) : changed(server, resource, order.version);
    }),
    ...[...parents].map(([parent, children]) => {
      const names = new Set(children.map(({ order }) => `ServiceRequest/${order.id}`));
      const whole = withSections(
        parent!.resource,
        children.map(({ test }) => test),
      );
      return changed(server, { ...whole, specimen: specimensOf(names) }, parent!.version);
    }),
  ];
}
