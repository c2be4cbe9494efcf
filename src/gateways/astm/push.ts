/**
 * Work that an analyzer is sent of the laboratory's own accord (workOrders `broadcast`): orders whose specimen is received go out on
 * its line as it is open and idle, and so does that they were cancelled (O.12 C). LIS02-A2 §9.
 *
 * 1. What was sent is the Task of the order at the analyzer (work.ts): requested before it goes out, accepted when
 *    the analyzer has acknowledged all of it. What it did not take is sent again, also by another process.
 * 2. Changes are looked for, not waited for: what this line did not see is found by the next one.
 * 3. Of several lines of an interface one looks at a time (push-turn.ts).
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../fhir/json.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import { newId } from '../../interactions/new-id.ts';
import type { Context } from '../../request.ts';
import type { WorkStep } from '../../translation/out/law.ts';
import { contextOf } from '../gateway.ts';
import { findAll, idOf } from '../find.ts';
import { isUsable, markSteps, stepOf, tasksOf, withoutBegun } from '../work.ts';
import { callerOf } from '../interfaces.ts';
import { found, numberOn, tellWork, type Steps } from './answers.ts';
import type { Gateway, ServedAstm } from './gateway.ts';
import type { Line } from './line.ts';
import { isToCancel, isToSend } from './push-due.ts';
import { inTurn } from './push-turn.ts';
import { interfaceOf } from './settings.ts';

/** Milliseconds between two looks, before the last one that is looked at again, and of the first look of a line. */
const lookEvery = 3_000;
const overlap = 10_000;
const firstLook = 2 * 86_400_000;
/** Orders and specimens of one look. */
const most = 2_000;

export interface Pushing {
  readonly line: Line;
  readonly peer: string;
  readonly candidates: () => readonly ServedAstm[];
}

/** Done when the line is closed. */
export async function pushWork(gateway: Gateway, pushing: Pushing): Promise<void> {
  const { line, peer, candidates } = pushing;
  let isOpen = true;
  void line.ended.then(() => (isOpen = false));
  let since = Date.now() - firstLook;
  let waiting: ReadonlySet<string> = new Set();
  while (isOpen) {
    const served = meant(candidates());
    if (served?.interface.law.broadcast === true) {
      const begun = Date.now();
      try {
        const left = await inTurn(gateway, served, () => look(gateway, served, { line, peer, since, waiting }));
        // Another line is at it: what it leaves is looked for again.
        if (left !== undefined) [waiting, since] = [left, begun - overlap];
      } catch (error) {
        gateway.server.log.warn({ err: error, interface: served.interface.id }, 'work was not sent');
      }
    }
    await Promise.race([line.ended, pause(lookEvery, undefined, { ref: false })]);
  }
}

function meant(candidates: readonly ServedAstm[]): ServedAstm | undefined {
  return candidates.length === 1 ? candidates[0] : interfaceOf(candidates, '');
}

interface Looking extends Pick<Pushing, 'line' | 'peer'> {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Ids of orders that were sent and not taken. */
  readonly waiting: ReadonlySet<string>;
}

/** @returns ids of orders that wait for another attempt */
async function look(gateway: Gateway, served: ServedAstm, looking: Looking): Promise<ReadonlySet<string>> {
  const { server } = gateway;
  const { tenant, interface: own } = served;
  const caller = await callerOf(server, served);
  const context = contextOf(server, { tenant, caller, requestId: newId(), address: looking.peer });
  const orders = await changedOrders(context, looking);
  const steps = orders.flatMap((order) => stepOf(served, { ...order, status: 'active' }) ?? []);
  const open = new Set(await withoutBegun(context, steps));
  const tasks = await tasksOf(
    context,
    own.id,
    steps.filter((step) => open.has(step)).map(({ order }) => String(order['id'])),
  );
  const isCancelled = ({ order }: WorkStep): boolean => originOf(orders, order)['status'] === 'revoked';
  const added = [...open].filter(
    (step) => !isCancelled(step) && isToSend(tasks.get(String(step.order['id'])), Date.now()),
  );
  const cancelled = [...open].filter((step) => isCancelled(step) && isToCancel(tasks.get(String(step.order['id']))));
  const left = new Set<string>();
  for (const [action, all] of [
    ['A', added],
    ['C', cancelled],
  ] as const) {
    for (const work of await bySpecimen(context, all)) {
      if (action === 'A' && !isReceived(work.specimen)) continue;
      if (await tell(gateway, served, { context, looking, work, action })) continue;
      for (const { order } of work.steps) left.add(String(order['id']));
    }
  }
  return left;
}

/** As it is stored: its step has it as active. */
function originOf(orders: readonly JsonObject[], { id }: JsonObject): JsonObject {
  return orders.find((one) => one['id'] === id) ?? {};
}

/** Orders that changed, those of specimens that changed, and those that wait: as far as they stand, or were taken back. */
async function changedOrders(context: Context, { since, waiting }: Looking): Promise<JsonObject[]> {
  const from = ['_lastUpdated', `ge${new Date(since).toISOString()}`] as const;
  const changed = await findMatches(context, 'ServiceRequest', [['status', 'active,revoked'], from], most);
  const found = await findMatches(context, 'Specimen', [['status', 'available'], from], most);
  const specimens = found.map(({ text }) => parseStored(text));
  const asked = specimens.flatMap((one) =>
    ((one['request'] ?? []) as JsonObject[]).flatMap((request) => idOf(request, 'ServiceRequest') ?? []),
  );
  const names = specimens.map(({ id }) => `Specimen/${String(id)}`);
  const orders = [
    ...changed.map(({ text }) => parseStored(text)),
    ...(await findAll(context, 'ServiceRequest', '_id', [...new Set([...waiting, ...asked])])),
    ...(await findAll(context, 'ServiceRequest', 'specimen', names)),
  ];
  const once = [...new Map(orders.map((order) => [order['id'], order])).values()];
  return once.filter(({ status }) => status === 'active' || status === 'revoked');
}

function isReceived(specimen: JsonObject): boolean {
  return isUsable(specimen) && specimen['receivedTime'] !== undefined;
}

async function bySpecimen(context: Context, steps: readonly WorkStep[]): Promise<Steps[]> {
  const grouped = Map.groupBy(steps, ({ order: { specimen } }) =>
    idOf((specimen as JsonObject[] | undefined)?.[0], 'Specimen'),
  );
  const ids = [...grouped.keys()].filter((id) => id !== undefined);
  const specimens = await findAll(context, 'Specimen', '_id', ids);
  return specimens.map((specimen) => ({
    number: numberOn(specimen),
    specimen,
    steps: grouped.get(String(specimen['id'])) ?? [],
  }));
}

interface Tell {
  readonly context: Context;
  readonly looking: Looking;
  readonly work: Steps;
  readonly action: 'A' | 'C';
}

/** @returns whether the analyzer took it */
async function tell(gateway: Gateway, served: ServedAstm, { context, looking, work, action }: Tell): Promise<boolean> {
  const works = (await found(context, { tests: [] }, [work])).map((one) => ({
    ...one,
    work: { ...one.work, action },
  }));
  if (works.length === 0) return true;
  const mark = (status: string): Promise<void> =>
    markSteps(
      context,
      served,
      work.steps.map(({ order }) => {
        const subject = order['subject'] as JsonObject | undefined;
        return { order: String(order['id']), status, ...(subject && { subject }) };
      }),
    );
  if (action === 'A') await mark('requested');
  const { line, peer } = looking;
  const delivered = await tellWork(gateway, served, { line, peer, controlId: work.number, works, answers: false });
  if (delivered) await mark(action === 'A' ? 'accepted' : 'cancelled');
  return delivered;
}
