/**
 * LAB-28 without being asked: what a change means for the work of an analyzer.
 *
 *   an order is active and its specimen received | new work (where the interface says broadcast)
 *   an order is revoked, or deleted              | what was sent is cancelled
 *   another analyzer has begun or done an order  | what was sent is cancelled: redundant work
 *
 * What counts is how things are when the message is made, not how they were when the change was noted; the Task of a step
 * (work.ts) says what was sent, so that nothing is sent twice.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { typeName } from '../../../fhir/resource-types.ts';
import { OutcomeError } from '../../../fhir/outcome.ts';
import { announceWithin } from '../../../interactions/announce.ts';
import { parseStored } from '../../../interactions/document.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Context } from '../../../request.ts';
import { readVersions } from '../../../store/history.ts';
import { dropChange, lockQueue, type Change, type Held } from '../../../store/outbox.ts';
import type { Work } from '../../../translation/out/law.ts';
import type { Served } from '../interfaces.ts';
import { findAll, idOf } from '../../find.ts';
import { sendWork } from './send.ts';
import { isUnsent, isUsable, isWork, openSteps, stepOf, taskName, tasksOf, withoutBegun } from '../../work.ts';

interface Telling {
  readonly change: Change;
  readonly held: Held;
}

/** @returns false where another process has the queue by now */
export async function tellWork(context: Context, served: Served, telling: Telling): Promise<boolean> {
  try {
    return await tell(context, served, telling);
  } catch (error) {
    const passing = new Set(['transient', 'no-store', 'lock-error', 'timeout', 'throttled', 'conflict']);
    if (!(error instanceof OutcomeError) || error.issues.some(({ code }) => passing.has(code))) throw error;
    return giveUp(context, telling, error.message);
  }
}

/** What can be made no work holds up nothing, and is told. */
async function giveUp({ server, tenant }: Context, { change, held }: Telling, sentence: string): Promise<boolean> {
  const name = `Endpoint/${held.interface}`;
  return server.database.transaction(tenant.id, async (session) => {
    if ((await lockQueue(session, held)) === undefined) return false;
    await dropChange(session, held.interface, change.sequence);
    await announceWithin(session, {
      ...{ kind: 'message-not-sent', outcome: 4, reason: `OML^O33: ${sentence}` },
      agent: { subject: name, client: name, roles: ['interface'] },
    });
    return true;
  });
}

async function tell(context: Context, served: Served, { change, held }: Telling): Promise<boolean> {
  return inTransaction(context, async (inside) => {
    if ((await lockQueue(inside.session, held)) === undefined) return false;
    await dropChange(inside.session, held.interface, change.sequence);
    const [stored] = await readVersions(inside.session, [{ rid: change.rid, version: change.version }]);
    if (stored === undefined) return true;
    const type = typeName(stored.type);
    const [current] = await findAll(inside, type, '_id', [stored.id]);
    const works =
      current === undefined
        ? await ofDeleted(inside, served, change)
        : await worksOf(inside, served, { ...current, resourceType: type });
    for (const work of works) await sendWork(inside, served, work);
    return true;
  });
}

/** A deleted order is cancelled as it was last. */
async function ofDeleted(context: Context, served: Served, { rid, version }: Change): Promise<Work[]> {
  const [before] = await readVersions(context.session, [{ rid, version: version - 1 }]);
  if (before?.text == null || typeName(before.type) !== 'ServiceRequest') return [];
  return cancelled(context, served, parseStored(before.text));
}

async function worksOf(context: Context, served: Served, resource: JsonObject): Promise<Work[]> {
  if (resource['resourceType'] === 'ServiceRequest') {
    const status = String(resource['status']);
    if (status === 'revoked' || status === 'entered-in-error') return cancelled(context, served, resource);
    return newOf(context, served, resource);
  }
  if (resource['resourceType'] === 'Specimen') return ofSpecimen(context, served, resource);
  return redundant(context, served, resource);
}

function isReceived(specimen: JsonObject): boolean {
  return isUsable(specimen) && specimen['receivedTime'] !== undefined;
}

async function newOf(context: Context, served: Served, order: JsonObject): Promise<Work[]> {
  const step = served.interface.law?.broadcast === true ? stepOf(served, order) : undefined;
  const id = idOf(((order['specimen'] ?? []) as JsonObject[])[0], 'Specimen');
  if (step === undefined || id === undefined) return [];
  const [specimen] = await findAll(context, 'Specimen', '_id', [id]);
  if (specimen === undefined || !isReceived(specimen)) return [];
  const steps = await unsent(context, served, await withoutBegun(context, [step]));
  return steps.length === 0 ? [] : [{ control: 'NW', specimen, steps }];
}

async function ofSpecimen(context: Context, served: Served, specimen: JsonObject): Promise<Work[]> {
  if (served.interface.law?.broadcast !== true || !isReceived(specimen)) return [];
  const steps = await unsent(context, served, await openSteps(context, served, specimen));
  return steps.length === 0 ? [] : [{ control: 'NW', specimen, steps }];
}

async function unsent(context: Context, served: Served, steps: Work['steps']): Promise<Work['steps']> {
  const known = await tasksOf(
    context,
    served.interface.id,
    steps.map(({ order }) => String(order['id'])),
  );
  return steps.filter(({ order }) => isUnsent(known.get(String(order['id']))));
}

/** What was sent and neither begun nor refused nor cancelled already. */
async function cancelled(context: Context, served: Served, order: JsonObject): Promise<Work[]> {
  const id = String(order['id']);
  const task = (await tasksOf(context, served.interface.id, [id])).get(id);
  const isOpen = task?.['status'] === 'requested' || task?.['status'] === 'accepted';
  const step = stepOf(served, { ...order, status: 'active' });
  if (!isOpen || task['businessStatus'] !== undefined || step === undefined) return [];
  const tube = idOf(((order['specimen'] ?? []) as JsonObject[])[0], 'Specimen');
  const [specimen] = tube === undefined ? [] : await findAll(context, 'Specimen', '_id', [tube]);
  return [{ control: 'CA', specimen, steps: [step] }];
}

async function redundant(context: Context, served: Served, task: JsonObject): Promise<Work[]> {
  const order = idOf(task['focus'], 'ServiceRequest');
  const isBegun = task['status'] === 'in-progress' || task['status'] === 'completed';
  if (!isWork(task) || !isBegun || order === undefined) return [];
  const own = taskName(served.interface.id, order);
  const isOwn = ((task['identifier'] ?? []) as { value?: string }[]).some(({ value }) => value === own);
  const [resource] = isOwn ? [] : await findAll(context, 'ServiceRequest', '_id', [order]);
  return resource === undefined ? [] : cancelled(context, served, resource);
}
