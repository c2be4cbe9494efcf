/**
 * Reflex tests: ordered on the specimen of the order that they follow from, where it is still fresh enough for them. Each
 * decision is told in the result; what cannot be added is a warning, and nothing else is refused for it.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { OutcomeError, type Issue } from '../../../fhir/outcome.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { custodyOf } from '../../../laboratory/custody.ts';
import { receivedOrder } from '../../../laboratory/order-progress.ts';
import { orderOf, wantedBy, wardOf } from '../../../laboratory/order.ts';
import { toldBy, type Told } from '../../../laboratory/result/autoverify.ts';
import type { ReflexRule } from '../../../laboratory/result/follow-up.ts';
import { nameOf } from '../../../laboratory/result/value.ts';
import { ordersOf } from '../../../laboratory/specimen.ts';
import { catalogueSystem, object, objects, text } from '../../../laboratory/terms.ts';
import type { TestDefinition } from '../../../laboratory/test-definition.ts';
import { withDue } from '../../../laboratory/turnaround.ts';
import type { Context } from '../../../request.ts';
import { checkSpecimen } from '../add-on.ts';
import { offersOf } from '../find-tests.ts';
import { changed, made, writtenResource, type Known } from '../server-rights.ts';
import { known, knownAll, knownBy } from '../specimens-and-orders.ts';
import type { Background } from './background.ts';
import type { Judged } from './judge.ts';
import type { OrderedAnalyte } from './ordered-analytes.ts';
import type { Work } from './work-up.ts';

export interface Reflexes {
  /** As orders of the report. */
  readonly orders: readonly Known[];
  /** With the specimen and its chain of custody. */
  readonly changes: readonly Prepared[];
  /** Analytes that are wanted now. */
  readonly missing: number;
  /** What was decided, by the analyte that it follows from. */
  readonly remarks: ReadonlyMap<OrderedAnalyte, readonly string[]>;
  readonly issues: readonly Issue[];
}

interface Fired {
  readonly turn: Judged;
  readonly rule: ReflexRule;
  readonly told: Told;
}

interface Added {
  readonly fired: Fired;
  readonly test: TestDefinition;
  readonly resource: JsonObject;
}

const none: Reflexes = { orders: [], changes: [], missing: 0, remarks: new Map(), issues: [] };

export async function reflexesOf(
  server: Context,
  { rules }: Background,
  work: Work,
  turns: readonly Judged[],
): Promise<Reflexes> {
  const fired = turns.filter(isSure).flatMap((turn) => firedBy(rules.reflex, turn));
  if (fired.length === 0) return none;
  const [order] = fired.map(({ turn }) => turn.analyte.order.resource);
  const reference = work.specimen ?? text(objects(order?.['specimen'])[0]?.['reference']);
  const specimen = reference === undefined ? undefined : await known(server, 'Specimen', reference.split('/')[1] ?? '');
  const offers = await offersOf(
    server,
    fired.flatMap(({ rule }) => rule.tests),
  );
  const taken = await takenTests(server, work, fired, specimen);
  const remarks = new Map<OrderedAnalyte, string[]>();
  const issues: Issue[] = [];
  const added: Added[] = [];
  const tell = ({ turn, told }: Fired, said: string): void => {
    const sentence = `Reflex: ${told.name}: ${said} (${told.because})`;
    remarks.set(turn.analyte, [...(remarks.get(turn.analyte) ?? []), sentence]);
  };
  const warn = (one: Fired, said: string): void => {
    tell(one, said);
    issues.push({ severity: 'warning', code: 'business-rule', diagnostics: `Reflex: ${one.told.name}: ${said}` });
  };
  for (const one of fired) {
    if (one.told.broken === true) warn(one, 'nothing is ordered');
    for (const token of one.told.broken === true ? [] : one.rule.tests) {
      const tests = offers.get(token)?.tests;
      if (tests === undefined) warn(one, `${token.slice(0, 100)} is no test or panel of the catalogue`);
      for (const test of tests ?? []) {
        const refusal = taken.has(test.code) ? undefined : await refusalOf(server, specimen, test);
        if (taken.has(test.code)) tell(one, `${test.code} is ordered already`);
        else if (refusal === undefined) {
          tell(one, `${test.code} is ordered`);
          added.push({ fired: one, test, resource: reflexOrder(one, test, specimen) });
        } else warn(one, `${test.code} is not ordered: ${refusal}`);
        taken.add(test.code);
      }
    }
  }
  return { ...written(server, added, specimen), remarks, issues };
}

/** A value that may be wrong asks for nothing, nor does one whose reflexes were ordered when it was released. */
function isSure({ corrected, heldByControl, repeat, unsure }: Judged): boolean {
  return !corrected && !heldByControl && repeat === undefined && unsure !== 'held';
}

function firedBy(rules: readonly ReflexRule[], turn: Judged): Fired[] {
  return toldBy(rules, turn.facts).flatMap((told, i) => {
    const rule = rules[i];
    return told.holds && rule !== undefined ? [{ turn, rule, told }] : [];
  });
}

/** Codes of the tests of the specimen, and of those that followed from these orders before, also where they were revoked. */
async function takenTests(
  server: Context,
  work: Work,
  fired: readonly Fired[],
  specimen: Known | undefined,
): Promise<Set<string>> {
  const names = new Set(fired.map(({ turn }) => `ServiceRequest/${String(turn.analyte.order.resource['id'])}`));
  const followed = await knownBy(server, 'ServiceRequest', [['based-on', [...names].join()]]);
  const others = work.specimen === undefined && specimen ? ordersOf(specimen.resource) : [];
  const all = [...work.orders, ...followed, ...(await knownAll(server, 'ServiceRequest', others))];
  const own = `${catalogueSystem}|`;
  return new Set(
    all
      .flatMap(({ resource }) => wantedBy(resource).tokens)
      .filter((token) => token.startsWith(own))
      .map((token) => token.slice(own.length)),
  );
}

/** Why a test cannot be done on the specimen. */
async function refusalOf(
  server: Context,
  specimen: Known | undefined,
  test: TestDefinition,
): Promise<string | undefined> {
  if (specimen === undefined) return 'there is no specimen.';
  try {
    await checkSpecimen(server, specimen.resource, [{ test }]);
    return undefined;
  } catch (error) {
    if (error instanceof OutcomeError) return error.message;
    throw error;
  }
}

function reflexOrder({ turn, told }: Fired, test: TestDefinition, specimen: Known | undefined): JsonObject {
  const origin = turn.analyte.order.resource;
  const now = new Date().toISOString();
  const requester = text(object(origin['requester'])['reference']);
  const location = wardOf(origin);
  const order = orderOf(test, {
    subject: text(object(origin['subject'])['reference']) ?? '',
    requisition: text(object(origin['requisition'])['value']) ?? String(origin['id']),
    authoredOn: now,
    priority: text(origin['priority']) ?? 'routine',
    reason: `Reflex of ${nameOf(turn.result.definition)}: ${told.name}`,
    specimen: `Specimen/${String(specimen?.resource['id'])}`,
    ...(requester !== undefined && { requester }),
    ...(location !== undefined && { location }),
  });
  const based = { ...order, basedOn: [{ reference: `ServiceRequest/${String(origin['id'])}` }] };
  return receivedOrder(withDue(based, [test], now));
}

function written(
  server: Context,
  added: readonly Added[],
  specimen: Known | undefined,
): Omit<Reflexes, 'remarks' | 'issues'> {
  if (added.length === 0 || specimen === undefined) return { orders: [], changes: [], missing: 0 };
  const orders = added.map(({ resource }) => made(server, resource));
  const request = [
    ...objects(specimen.resource['request']),
    ...orders.map(({ entry }) => ({ reference: `ServiceRequest/${entry.id}` })),
  ];
  const { subject, fhirUser } = server.caller;
  const custody = custodyOf({
    targets: [`Specimen/${String(specimen.resource['id'])}`],
    step: 'add-on',
    recorded: new Date().toISOString(),
    subject,
    reason: { text: [...new Set(added.map(({ fired }) => `Reflex: ${fired.told.name}`))].join(', ') },
    ...(fhirUser !== undefined && { fhirUser }),
  });
  return {
    orders: orders.map((one) => ({ resource: writtenResource(one), version: 1 })),
    changes: [...orders, changed(server, { ...specimen.resource, request }, specimen.version), made(server, custody)],
    missing: new Set(added.flatMap(({ test }) => test.analytes)).size,
  };
}
