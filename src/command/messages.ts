/** `makhbar messages list|show|replay|retry|unmapped`: what came over the interfaces of a laboratory, and what became of it. */
import { thing } from '../audit/security.ts';
import type { Config } from '../config.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sessionOf } from '../gateways/gateway.ts';
import { readServedAstm, replayAstm } from '../gateways/astm/interfaces.ts';
import { readServed } from '../gateways/hl7v2/interfaces.ts';
import { replay } from '../gateways/hl7v2/applied.ts';
import { hasUnjudged, judgeAgain } from '../gateways/judged-again.ts';
import { recode } from '../gateways/recode.ts';
import { textOf } from '../gateways/astm/reading.ts';
import { decodeMessage } from '../hl7v2/charset.ts';
import { createLog } from '../log.ts';
import type { Server } from '../request.ts';
import { shared } from '../start/http.ts';
import {
  isApplied,
  listMessages,
  messageStatuses,
  readMessage,
  type MessagesAsked,
  type MessageStatus,
  type StoredMessage,
} from '../store/messages.ts';
import type { Database } from '../store/pool.ts';
import { messagesWithControls, messagesWithUnmapped, unmappedCodes } from '../store/unmapped-codes.ts';
import { requeueMessage } from '../store/outbox.ts';
import { findTenant, type Tenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { noting } from './note.ts';

export interface ReplayOptions extends ListOptions {
  unmapped?: boolean;
}

export interface ListOptions extends Output {
  status?: string;
  direction?: string;
  interface?: string;
  controlId?: string;
  count?: number;
}

export async function listMessagesCommand(tenant: string, options: ListOptions): Promise<void> {
  const messages = await within(tenant, ({ server, tenant: { id } }) =>
    listMessages(sessionOf(server, { id }), askedBy(options)),
  );
  print(
    options,
    messages.map(shown),
    messages.length === 0 ? 'There are no such messages.' : messages.map(line).join('\n'),
  );
}

function askedBy({ status, direction, interface: name, controlId, count = 50 }: ListOptions): MessagesAsked {
  if (status !== undefined && !messageStatuses.includes(status as MessageStatus)) {
    throw outcomeError('value', `A message is ${messageStatuses.join(', ')}, not ${status.slice(0, 40)}.`);
  }
  if (direction !== undefined && direction !== 'in' && direction !== 'out') {
    throw outcomeError('value', 'The direction of a message is in or out.');
  }
  return {
    count,
    ...(direction !== undefined && { direction }),
    ...(status !== undefined && { status: status as MessageStatus }),
    ...(name !== undefined && { interface: name }),
    ...(controlId !== undefined && { controlId }),
  };
}

/** Without the message itself. */
function shown({
  id,
  received,
  direction,
  status,
  interface: name,
  sender,
  type,
  controlId,
  problems,
  resources,
}: StoredMessage): object {
  return { id, received, direction, status, interface: name, sender, type, controlId, problems, resources };
}

function line({ id, received, direction, status, sender, type, controlId, problems }: StoredMessage): string {
  const [problem] = problems;
  const reason = problem === undefined ? '' : `  ${String(problem['sentence'])}`;
  return `${id}  ${received}  ${direction.padEnd(3)}  ${status.padEnd(8)}  ${type.padEnd(8)}  ${sender}  ${controlId}${reason}`;
}

/** The message as it came, and the acknowledgement that was given. */
export async function showMessageCommand(tenant: string, id: string, options: Output): Promise<void> {
  const stored = await within(tenant, ({ server, database, tenant: found }) =>
    noting(
      database,
      found,
      { kind: 'message-read', deed: 'makhbar messages show' },
      {
        work: () => known(server, found, id),
        further: () => [thing('message', id)],
      },
    ),
  );
  const charset = stored.charset;
  const [message, ack] = [stored.raw, stored.ack ?? Buffer.alloc(0)].map((bytes) =>
    (stored.protocol === 'astm' ? textOf(bytes, charset) : decodeMessage(bytes, charset).text).replaceAll(
      /\r\n?/g,
      '\n',
    ),
  );
  print(options, { ...shown(stored), message, ack }, `${line(stored)}\n\n${message}\n${ack}`);
}

export async function known(server: Server, tenant: Tenant, id: string): Promise<StoredMessage> {
  const stored = /^[0-9a-f-]{36}$/.test(id) ? await readMessage(sessionOf(server, tenant), id) : undefined;
  if (stored === undefined) throw outcomeError('not-found', `There is no message ${id.slice(0, 64)}.`);
  return stored;
}

/** Applies messages again that were not applied; one that was stays as it is. */
export async function replayMessagesCommand(tenant: string, ids: string[], options: ReplayOptions): Promise<void> {
  if (options.unmapped === true) return recodeCommand(tenant, ids, options);
  const results = await within(tenant, async ({ server, tenant: found }) => {
    const waiting =
      ids.length > 0
        ? await Promise.all(ids.map((id) => known(server, found, id)))
        : await waitingMessages(server, found, options);
    const again = await replaying(server, found);
    const done: { id: string; applied: boolean }[] = [];
    for (const stored of waiting) {
      const isOpen = stored.direction === 'in' && (!isApplied(stored) || hasUnjudged(stored));
      done.push({ id: stored.id, applied: isOpen && (await again(stored)) });
    }
    return done;
  });
  const applied = results.filter((one) => one.applied).length;
  print(options, results, `${applied} of ${results.length} messages were applied.`);
}

/** Those that were not applied, and those whose controls are not judged; the oldest first. */
async function waitingMessages(server: Server, tenant: Tenant, options: ListOptions): Promise<StoredMessage[]> {
  const session = sessionOf(server, tenant);
  const asked = askedBy({ count: 1_000, ...options });
  const failed = await listMessages(session, { ...asked, ...{ status: 'failed', direction: 'in' } });
  const ids = await messagesWithControls(session, asked.count);
  const controls = await Promise.all(ids.map((id) => known(server, tenant, id)));
  return [
    ...failed.toReversed(),
    ...controls.filter((one) => asked.interface === undefined || one.interface === asked.interface),
  ];
}

/** Applies a message by its interface, whatever that speaks; false where the interface is gone. */
async function replaying(server: Server, tenant: Tenant): Promise<(stored: StoredMessage) => Promise<boolean>> {
  const [messages, analyzers] = await Promise.all([readServed(server, tenant), readServedAstm(server, tenant)]);
  const replayAnalyzer = replayAstm(server);
  return async (stored) => {
    const isMeant = ({ interface: { id } }: { interface: { id: string } }): boolean => id === stored.interface;
    const [message, analyzer] = [messages.find(isMeant), analyzers.find(isMeant)];
    const served = analyzer ?? message;
    if (served !== undefined && hasUnjudged(stored)) return judgeAgain(server, served, stored);
    if (analyzer !== undefined) return replayAnalyzer(analyzer, stored);
    return message !== undefined && (await replay(server, message, stored)).ok;
  };
}

/** Puts messages that were given up back into their queues: these, or all of an interface. */
export async function retryMessagesCommand(tenant: string, ids: string[], options: ListOptions): Promise<void> {
  const results = await within(tenant, async ({ server, database, tenant: found }) => {
    const asked = { ...askedBy({ count: 1_000, ...options }), status: 'failed', direction: 'out' } as const;
    const waiting = ids.length > 0 ? ids : (await listMessages(sessionOf(server, found), asked)).map(({ id }) => id);
    const done: { id: string; queued: boolean }[] = [];
    for (const id of waiting.toReversed()) {
      await known(server, found, id);
      const queued = await noting(
        database,
        found,
        { kind: 'message-retried', deed: 'makhbar messages retry' },
        { work: (session) => requeueMessage(session, id), further: () => [thing('message', id)] },
      );
      done.push({ id, queued });
    }
    return done;
  });
  const queued = results.filter((one) => one.queued).length;
  print(options, results, `${queued} of ${results.length} messages are sent again.`);
}

/** Gives what applied messages became the codings that ConceptMaps know by now. */
async function recodeCommand(tenant: string, ids: string[], options: ReplayOptions): Promise<void> {
  const results = await within(tenant, async ({ server, tenant: found }) => {
    const served = [...(await readServed(server, found)), ...(await readServedAstm(server, found))];
    const session = sessionOf(server, found);
    const done: { id: string; mapped: boolean }[] = [];
    const one = async (id: string): Promise<void> => {
      const stored = await known(server, found, id);
      const own = served.find(({ interface: { id: name } }) => name === stored.interface);
      if (options.interface !== undefined && options.interface !== stored.interface) return;
      const isMapped = isApplied(stored) && own !== undefined && (await recode(server, own, stored));
      done.push({ id, mapped: isMapped });
    };
    for (const id of ids) await one(id);
    let page = ids.length > 0 ? [] : await messagesWithUnmapped(session, undefined, atOnce);
    while (page.length > 0) {
      for (const id of page) await one(id);
      page = await messagesWithUnmapped(session, page.at(-1), atOnce);
    }
    return done;
  });
  const mapped = results.filter((one) => one.mapped).length;
  print(options, results, `${mapped} of ${results.length} messages with local codes got codings.`);
}

const atOnce = 500;

/** Local codes that wait for a ConceptMap. */
export async function unmappedCommand(tenant: string, options: Output & { count?: number }): Promise<void> {
  const codes = await within(tenant, ({ server, tenant: found }) =>
    unmappedCodes(sessionOf(server, found), options.count ?? 200),
  );
  const lines = codes.map(
    ({ system, code, display, interface: name, count, last }) =>
      `${system}  ${code}  ${display}  Endpoint/${name}  ${count}  ${last}`,
  );
  print(options, codes, codes.length === 0 ? 'Every local code is mapped.' : lines.join('\n'));
}

export interface Inside {
  readonly server: Server;
  readonly database: Database;
  readonly tenant: Tenant;
}

export async function within<T>(name: string, work: (inside: Inside) => Promise<T>): Promise<T> {
  return withDatabase(async (database: Database, config: Config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const server = shared(config, database, createLog('silent'));
    const done = await work({ server, database, tenant });
    await server.usage.flush();
    return done;
  });
}
