/**
 * The changes that an interface may have to be told of → messages in its queue, in the order of the changes.
 *
 * 1. A change goes in the transaction that puts its messages into the queue: there are never two of one, nor none.
 * 2. A change that no rule is for becomes nothing. One that cannot be made a message is told by an event and a Task, and
 *    holds up nothing.
 */
import { outcomeError, OutcomeError } from '../../fhir/outcome.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { typeName } from '../../fhir/resource-types.ts';
import { charsetLabel, encodeEscaped } from '../../hl7v2/charset.ts';
import { announceWithin } from '../../interactions/announce.ts';
import { accessOf } from '../../interactions/access.ts';
import { areVisible } from '../../interactions/as-if.ts';
import { parseStored } from '../../interactions/document.ts';
import { newId } from '../../interactions/new-id.ts';
import { searchParametersOf } from '../../interactions/search-parameters.ts';
import type { Context, Server } from '../../request.ts';
import { parseSearch } from '../../search/parse.ts';
import { readVersions } from '../../store/history.ts';
import { dropChange, lockQueue, nextChanges, type Change, type Held } from '../../store/outbox.ts';
import type { Session } from '../../store/pool.ts';
import type { Stored } from '../../store/read.ts';
import { makeMessage } from '../../translation/out/messages.ts';
import type { Source, Writing } from '../../translation/out/source.ts';
import { enqueue, type Outgoing } from '../enqueue.ts';
import { contextOf, interfaceCaller } from '../gateway.ts';
import { gather } from './gather.ts';
import type { Served } from './interfaces.ts';
import type { Outbound, SendRule } from './outbound-settings.ts';
import { waitToBeSent } from './task.ts';

/** Changes that are read at once. */
const most = 50;

/** An interface that sends. */
export interface ServedOut extends Served {
  readonly interface: Served['interface'] & { readonly out: Outbound };
}

/** @returns false where another process has the queue by now */
export async function makeMessages(server: Server, served: ServedOut, session: Session, held: Held): Promise<boolean> {
  for (;;) {
    const changes = await nextChanges(session, held.interface, most);
    const [first] = changes;
    if (first === undefined) return true;
    const context = await contextFor(server, served);
    for (const change of changes) {
      if (!(await tell(context, served, { change, held }))) return false;
    }
  }
}

async function contextFor(server: Server, { tenant, interface: { id } }: ServedOut): Promise<Context> {
  const caller = await interfaceCaller(server, tenant, id);
  return contextOf(server, { tenant, caller, requestId: newId(), address: '' });
}

interface Task {
  readonly change: Change;
  readonly held: Held;
}

async function tell(context: Context, served: ServedOut, { change, held }: Task): Promise<boolean> {
  const { server, tenant } = context;
  const [stored] = await readVersions(context.session, [{ rid: change.rid, version: change.version }]);
  const made = stored?.text == null ? { messages: [], problems: [] } : await messagesOf(context, served, stored);
  const kept = await server.database.transaction(tenant.id, async (session) => {
    if ((await lockQueue(session, held)) === undefined) return false;
    await dropChange(session, held.interface, change.sequence);
    for (const message of made.messages) await enqueue(session, held.interface, message);
    for (const sentence of made.problems) {
      const name = `Endpoint/${held.interface}`;
      await announceWithin(session, {
        ...{ kind: 'message-not-sent', outcome: 4, reason: sentence },
        agent: { subject: name, client: name, roles: ['interface'] },
      });
    }
    return true;
  });
  if (!kept) return false;
  for (const sentence of made.problems) {
    const { id, name } = served.interface;
    await waitToBeSent(
      server,
      { tenant, interface: { id, name } },
      { id: newId(), sentence, source: nameOf(stored) },
    ).catch((error: unknown) =>
      server.log.error({ err: error, interface: id }, 'no Task for a change that is not told'),
    );
  }
  return true;
}

function nameOf(stored: Stored | undefined): string {
  return stored === undefined ? '' : `${typeName(stored.type)}/${stored.id}/_history/${stored.version}`;
}

interface Made {
  readonly messages: readonly Outgoing[];
  readonly problems: readonly string[];
}

async function messagesOf(context: Context, served: ServedOut, stored: Stored): Promise<Made> {
  const type = typeName(stored.type);
  const messages: Outgoing[] = [];
  const problems: string[] = [];
  let source: Source | undefined;
  for (const rule of served.interface.out.send) {
    if (rule.criteria.split('?')[0] !== type || !(await isFor(context, rule, stored))) continue;
    try {
      source ??= await gather(context, parseStored(stored.text ?? ''), stored.version === 1);
      const message = messageOf(served, { rule, source, stored });
      if (message !== undefined) messages.push(message);
    } catch (error) {
      if (isPassing(error)) throw error;
      if (!(error instanceof OutcomeError)) context.server.log.error({ err: error }, 'a message cannot be made');
      problems.push(`${rule.message}: ${error instanceof OutcomeError ? error.message : 'the server failed.'}`);
    }
  }
  return { messages, problems };
}

/** The database is away: no fault of the change. */
function isPassing(error: unknown): boolean {
  const codes = new Set(['transient', 'no-store', 'lock-error', 'timeout', 'throttled']);
  return error instanceof OutcomeError && error.issues.some(({ code }) => codes.has(code));
}

/** Whether a version meets the criteria of a rule, and the interface may see it. */
async function isFor(context: Context, { criteria }: SendRule, stored: Stored): Promise<boolean> {
  const access = accessOf(context, 'r');
  const [seen] = await areVisible(context, [stored], access);
  const [type = '', query = ''] = criteria.split(/\?(.*)/s);
  if (seen !== true || query === '') return seen === true;
  try {
    const asked = [...new URLSearchParams(query)];
    const { condition } = parseSearch(type, asked, { parameters: searchParametersOf(context), access });
    const [meets] = await areVisible(
      context,
      [stored],
      Object.assign(() => condition, { within: access }),
    );
    return meets === true;
  } catch (error) {
    if (isPassing(error) || !(error instanceof OutcomeError)) throw error;
    throw outcomeError('transient', `A rule of an interface cannot be followed: ${error.message}`);
  }
}

interface Making {
  readonly rule: SendRule;
  readonly source: Source;
  readonly stored: Stored;
}

function messageOf({ tenant, interface: own }: ServedOut, { rule, source, stored }: Making): Outgoing | undefined {
  const { out } = own;
  const from = { application: out.ownApplication || 'MAKHBAR', facility: out.ownFacility || tenant.name };
  const writing: Writing = {
    version: out.version,
    zone: own.zone ?? tenant.settings.timezone ?? 'UTC',
    authorities: Object.fromEntries(Object.entries(own.systems).map(([authority, system]) => [system, authority])),
    from,
    to: { application: out.toApplication, facility: out.toFacility },
    acknowledgement: out.acknowledgement,
    charset: charsetLabel(own.charset),
    now: new Date().toISOString(),
    // As long as versions before 2.7 allow.
    controlId: newId().replaceAll('-', '').slice(0, 20),
  };
  const text = makeMessage(rule.message, source, writing);
  if (text === undefined) return undefined;
  return {
    protocol: 'hl7v2',
    type: rule.message,
    sender: `${from.application}|${from.facility}`,
    controlId: writing.controlId,
    charset: own.charset,
    raw: encodeEscaped(text, own.charset),
    source: nameOf(stored),
    patients: patientsOf(source.root),
  };
}

function patientsOf(root: JsonObject): string[] {
  if (root['resourceType'] === 'Patient') return [String(root['id'])];
  const { subject } = root as { subject?: { reference?: string } };
  const [, id] = /^Patient\/([^/]+)/.exec(subject?.reference ?? '') ?? [];
  return id === undefined ? [] : [id];
}
