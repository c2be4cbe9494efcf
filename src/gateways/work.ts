/**
 * Work of an analyzer: active orders for tests that it does, on a specimen, that no analyzer has begun or done. What was sent
 * is a Task for each analyzer and order (`urn:makhbar:task|analyzer-work`):
 *
 *   requested   | sent
 *   accepted    | ORL: OK
 *   rejected    | ORL: UA, unable to accept; statusReason says so, for somebody to see
 *   in-progress | LAB-29 tells that it has begun, or ORL: UC, too late to cancel
 *   completed   | LAB-29 has told the results
 *   cancelled   | ORL: CR
 *
 * An order whose result is to be repeated (laboratory/result/follow-up.ts) is work again, whatever the Task says.
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseStored } from '../interactions/document.ts';
import { findMatches } from '../interactions/matches.ts';
import type { Context } from '../request.ts';
import { repetition } from '../laboratory/result/follow-up.ts';
import { codeIn } from '../laboratory/terms.ts';
import { workCode, workSystem } from '../translation/analyzer.ts';
import type { WorkStep } from '../translation/out/law.ts';
import { write } from './apply.ts';
import type { Served } from './hl7v2/interfaces.ts';
import { findAll, idOf } from './find.ts';

/** An interface of an analyzer, whatever it speaks. */
export interface Analyzer extends Pick<Served, 'local'> {
  readonly interface: Pick<Served['interface'], 'id' | 'conceptMaps' | 'law'>;
}

/** Active orders of a laboratory that are looked through for one analyzer. */
const most = 5_000;

/** The step of an order: undefined where the analyzer does not do the test, or nothing is to be done. */
export function stepOf({ interface: own, local }: Analyzer, order: JsonObject): WorkStep | undefined {
  const { status, doNotPerform, code } = order as { status?: string; doNotPerform?: boolean; code?: JsonObject };
  if (status !== 'active' || doNotPerform === true || code === undefined) return undefined;
  const codings = (code['coding'] ?? []) as { system?: string; code?: string }[];
  const [theirs] = codings.flatMap((one) => local(one.system ?? '', one.code ?? '') ?? []);
  if (theirs !== undefined) return { order, code: { coding: [theirs, ...(codings as JsonObject[])] } };
  const tests = own.law?.tests ?? [];
  const all = tests.length === 0 && own.conceptMaps.length === 0;
  const named = codings.some((one) => tests.includes(one.code ?? '') || tests.includes(`${one.system}|${one.code}`));
  return all || named ? { order, code } : undefined;
}

/** The specimen's work for this analyzer, without what one has begun. */
export async function openSteps(context: Context, analyzer: Analyzer, specimen: JsonObject): Promise<WorkStep[]> {
  if (!isUsable(specimen)) return [];
  const requests = ((specimen['request'] ?? []) as JsonObject[]).flatMap((one) => idOf(one, 'ServiceRequest') ?? []);
  const orders = [
    ...(await findAll(context, 'ServiceRequest', 'specimen', [`Specimen/${String(specimen['id'])}`])),
    ...(await findAll(context, 'ServiceRequest', '_id', requests)),
  ];
  const once = [...new Map(orders.map((order) => [order['id'], order])).values()];
  return withoutBegun(
    context,
    once.flatMap((order) => stepOf(analyzer, order) ?? []),
  );
}

export function isUsable({ status }: JsonObject): boolean {
  return status === undefined || status === 'available';
}

export async function withoutBegun(context: Context, steps: readonly WorkStep[]): Promise<WorkStep[]> {
  const begun = new Set<string>();
  const tasks = await findAll(
    context,
    'Task',
    'focus',
    steps.map(({ order }) => `ServiceRequest/${String(order['id'])}`),
  );
  for (const task of tasks) {
    if (isWork(task) && isBegun(task)) begun.add(idOf(task['focus'], 'ServiceRequest') ?? '');
  }
  for (const order of await toRepeat(context, [...begun])) begun.delete(order);
  return steps.filter(({ order }) => !begun.has(String(order['id'])));
}

/** Those of the orders for which a second measurement is waited for. */
async function toRepeat(context: Context, orders: readonly string[]): Promise<string[]> {
  const names = orders.map((order) => `ServiceRequest/${order}`);
  const tasks = await findAll(context, 'Task', 'based-on', names);
  return tasks
    .filter(({ code, status }) => status === 'requested' && codeIn(code, repetition.system) === repetition.code)
    .flatMap(({ basedOn }) => ((basedOn ?? []) as JsonObject[]).flatMap((one) => idOf(one, 'ServiceRequest') ?? []));
}

/** Whether an order without what was begun (withoutBegun) is to be sent to the analyzer that has this Task of it. */
export function isUnsent(task: JsonObject | undefined): boolean {
  return task === undefined || isBegun(task);
}

function isBegun({ status }: JsonObject): boolean {
  return status === 'in-progress' || status === 'completed';
}

export function isWork(task: JsonObject): boolean {
  const { coding = [] } = (task['code'] ?? {}) as { coding?: { system?: string; code?: string }[] };
  return coding.some(({ system, code }) => system === workCode.system && code === workCode.code);
}

/** All open work of the analyzer, by specimen. */
export async function allSteps(
  context: Context,
  analyzer: Analyzer,
): Promise<{ specimen: JsonObject; steps: WorkStep[] }[]> {
  const matches = await findMatches(context, 'ServiceRequest', [['status', 'active']], most);
  if (matches.length === most) {
    throw outcomeError(
      'too-costly',
      'There are too many active orders to ask for all work; ask for that of a specimen.',
    );
  }
  const orders = matches.map(({ text }) => parseStored(text));
  const steps = await withoutBegun(
    context,
    orders.flatMap((order) => stepOf(analyzer, order) ?? []),
  );
  const bySpecimen = Map.groupBy(steps, ({ order: { specimen } }) =>
    idOf((specimen as JsonObject[] | undefined)?.[0], 'Specimen'),
  );
  const specimens = await findAll(
    context,
    'Specimen',
    '_id',
    [...bySpecimen.keys()].filter((id) => id !== undefined),
  );
  return specimens
    .filter(isUsable)
    .map((specimen) => ({ specimen, steps: bySpecimen.get(String(specimen['id'])) ?? [] }));
}

/** What became of the step of an order at an analyzer. */
export interface Mark {
  readonly order: string;
  readonly status: string;
  readonly subject?: JsonObject | undefined;
  /** Why; '' takes away what was said. */
  readonly reason?: string;
  /** A cancellation is under way. */
  readonly cancelling?: boolean;
}

export function taskName(endpoint: string, order: string): string {
  return `${endpoint}/${order}`;
}

/** The Tasks of an analyzer for these orders, by the id of the order. */
export async function tasksOf(
  context: Context,
  endpoint: string,
  orders: readonly string[],
): Promise<Map<string, JsonObject>> {
  const names = orders.map((order) => `${workSystem}|${taskName(endpoint, order)}`);
  const found = new Map<string, JsonObject>();
  for (const name of names) {
    const [match] = await findMatches(context, 'Task', [['identifier', name]], 1);
    if (match !== undefined) found.set(name.slice(name.lastIndexOf('/') + 1), parseStored(match.text));
  }
  return found;
}

export async function markSteps(context: Context, { interface: own }: Analyzer, marks: readonly Mark[]): Promise<void> {
  const known = await tasksOf(
    context,
    own.id,
    marks.map(({ order }) => order),
  );
  const entries = marks.flatMap(({ order, status, subject, reason, cancelling }): JsonObject[] => {
    const task = known.get(order);
    const { statusReason, businessStatus, ...rest } = task ?? newTask(own, order, subject);
    const resource = {
      ...rest,
      status,
      ...(reason === undefined
        ? statusReason && { statusReason }
        : reason !== '' && { statusReason: { text: reason } }),
      ...(cancelling === true && { businessStatus: { text: 'cancelling' } }),
    } as JsonObject;
    const url = task === undefined ? 'Task' : `Task/${String(task['id'])}`;
    const isSame =
      task?.['status'] === status && reason === undefined && cancelling !== true && businessStatus === undefined;
    return isSame ? [] : [{ resource, request: { method: task === undefined ? 'POST' : 'PUT', url } }];
  });
  await write(context, entries);
}

function newTask({ id, law }: Analyzer['interface'], order: string, subject: JsonObject | undefined): JsonObject {
  const reference = { reference: `ServiceRequest/${order}` };
  return {
    ...{ resourceType: 'Task', identifier: [{ system: workSystem, value: taskName(id, order) }], intent: 'order' },
    ...{ code: { coding: [workCode] }, focus: reference, basedOn: [reference], authoredOn: new Date().toISOString() },
    ...(subject && { for: subject }),
    ...(law?.device !== undefined && { owner: { reference: law.device } }),
  };
}
