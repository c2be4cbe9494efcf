/**
 * One message from its bytes to its acknowledgements.
 *
 * 1. The bytes are stored, as they came, before anything is acknowledged; what cannot be stored is not acknowledged as
 *    taken.
 * 2. A repetition gets the acknowledgement that was given, and is not applied again: the same content (but for MSH-7), with
 *    the same MSH-10 or, for orders and results, any. The same MSH-10 with other content is a new message.
 * 3. What cannot be applied waits as a Task (task.ts) and can be replayed.
 * 4. Enhanced mode (§2.9.3): CA as soon as it is stored, AA or AE when it is applied, each if it was asked for.
 */
import { createHash } from 'node:crypto';
import { thing, type SecurityEvent } from '../../audit/security.ts';
import { OutcomeError } from '../../fhir/outcome.ts';
import { acknowledge, type AckCode, type Problem } from '../../hl7v2/acknowledge.ts';
import { isBatch, splitBatch } from '../../hl7v2/batch.ts';
import { decodeMessage, encodeMessage, type Decoded } from '../../hl7v2/charset.ts';
import { isEnhanced, isWanted, readHeader, type Header } from '../../hl7v2/header.ts';
import { fieldsOf, NoMessage, parseMessage, serializeMessage, sizeFault, type Message } from '../../hl7v2/message.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { announce, announceWithin } from '../../interactions/announce.ts';
import { newId } from '../../interactions/new-id.ts';
import type { Server } from '../../request.ts';
import {
  addMessage,
  claimMessage,
  finishMessage,
  readMessage as storedMessage,
  repeatedMessage,
  type Became,
  type NewMessage,
  type StoredMessage,
} from '../../store/messages.ts';
import { translate } from '../../translation/messages.ts';
import type { Translation } from '../../translation/translation.ts';
import { apply } from '../apply.ts';
import { contextOf, interfaceCaller, sessionOf } from '../gateway.ts';
import type { Served } from './interfaces.ts';
import { interfaceFor, isStoredOnly } from './settings.ts';
import { endTask, waitAsTask } from './task.ts';
import { unmappedOf, unmappedProblems } from './unmapped.ts';

/** Whose message it may be, and where it came from. */
export interface Arrival {
  readonly peer: string;
  /** Interfaces to which the peer may send. */
  readonly candidates: readonly Served[];
}

/** What is known of a message that could be read. */
interface Known extends Served {
  readonly message: Message;
  readonly header: Header;
  readonly charset: string;
  readonly peer: string;
}

/** What is done with a message, in the turn of its key, and the acknowledgements, each when it is due. */
export interface Reception {
  /** The interface that it is for. */
  readonly key: string;
  readonly acknowledgements: AsyncGenerator<Buffer>;
}

export function turnOf({ tenant, interface: { id } }: Served): string {
  return `${tenant.id} ${id}`;
}

export function receive(server: Server, arrival: Arrival, bytes: Buffer): Reception {
  const fallback = arrival.candidates[0]?.interface.charset;
  const decoded = decodeMessage(bytes, fallback);
  const read = readMessage(decoded);
  if (read.message === undefined) return refusing(server, arrival, { problem: read.problem });
  const { message } = read;
  const header = readHeader(message);
  const served = interfaceFor(arrival.candidates, header);
  if (served === undefined) {
    const problem: Problem = {
      code: '207',
      sentence: 'No interface, or more than one, takes messages of this application and facility.',
      place: { segment: 'MSH', sequence: 1, field: 3 },
    };
    return refusing(server, arrival, { problem, known: { message, charset: decoded.charset } });
  }
  const known = { ...served, message, header, charset: decoded.charset, peer: arrival.peer };
  const acknowledgements = isBatch(message) ? takeBatch(server, known) : take(server, known, bytes);
  return { key: turnOf(served), acknowledgements };
}

/**
 * Each message of a batch by itself, in their order; their acknowledgements go back as a batch (§2.10.3.3). One that is not
 * for the interface of the first is refused.
 */
async function* takeBatch(server: Server, whole: Known): AsyncGenerator<Buffer> {
  const { delimiters } = whole.message;
  const answers: Buffer[] = [];
  const { messages } = splitBatch(whole.message);
  for (const message of messages) {
    const known = { ...whole, message, header: readHeader(message) };
    if (interfaceFor([whole], known.header) === undefined) {
      const sentence = 'All messages of a batch must be for one interface.';
      answers.push(ack(known, { code: 'AR', problems: [{ code: '207', sentence }] }));
      continue;
    }
    const bytes = encodeMessage(serializeMessage(message), whole.charset);
    for await (const answer of take(server, known, bytes)) answers.push(answer);
  }
  const { field, component, repetition, escape, subcomponent } = delimiters;
  const head = `BHS${field}${component}${repetition}${escape}${subcomponent}\r`;
  yield Buffer.concat([Buffer.from(head), ...answers, Buffer.from(`BTS${field}${messages.length}\r`)]);
}

/** A frame of which only the begin was kept. */
export function refuseLong(
  server: Server,
  arrival: Arrival,
  { begin, most }: { readonly begin: Buffer; readonly most: number },
): Reception {
  const decoded = decodeMessage(begin, arrival.candidates[0]?.interface.charset);
  const { message } = readMessage(decoded);
  const problem: Problem = { code: '207', sentence: `A message may have at most ${most} bytes.` };
  return refusing(server, arrival, { problem, ...(message && { known: { message, charset: decoded.charset } }) });
}

function refusing(
  server: Server,
  arrival: Arrival,
  { problem, known }: { problem: Problem; known?: { message: Message; charset: string } },
): Reception {
  const acknowledgements = async function* (): AsyncGenerator<Buffer> {
    await refuse(server, arrival, problem.sentence);
    yield ack(known, { code: 'AR', problems: [problem] });
  };
  const [first] = arrival.candidates;
  return { key: first === undefined ? '' : turnOf(first), acknowledgements: acknowledgements() };
}

function readMessage({ text }: Decoded): { message: Message } | { message: undefined; problem: Problem } {
  try {
    const message = parseMessage(text);
    const fault = sizeFault(message);
    return fault === undefined ? { message } : { message: undefined, problem: { code: '207', sentence: fault } };
  } catch (error) {
    if (!(error instanceof NoMessage)) throw error;
    return { message: undefined, problem: { code: '100', sentence: error.message } };
  }
}

async function* take(server: Server, known: Known, bytes: Buffer): AsyncGenerator<Buffer> {
  const { tenant, header } = known;
  const session = sessionOf(server, tenant);
  const content = contentOf(known.message);
  const before = await repeatedMessage(session, { interface: known.interface.id, content });
  const repeated = before !== undefined && isRepetition(before, header) ? before : undefined;
  const stored = repeated ?? newMessage(known, bytes, content);
  if (repeated === undefined) await keep(server, known, stored as NewMessage);
  const enhanced = isEnhanced(header);
  if (enhanced && isWanted(header.acceptAck, true)) yield ack(known, { code: 'CA', problems: [] });
  if (repeated?.ack !== undefined && repeated.status !== 'failed') {
    const succeeded = repeated.status !== 'rejected';
    if (!enhanced || isWanted(header.applicationAck, succeeded)) yield repeatedAck(known, repeated);
    return;
  }
  const became = await applied(server, known, stored.id);
  if (became.ok && repeated?.status === 'failed') await endTask(server, known, stored.id);
  if (!enhanced || isWanted(header.applicationAck, became.ok)) yield became.answer;
}

function newMessage(known: Known, raw: Buffer, content: Buffer): NewMessage {
  const { header, charset, peer } = known;
  const received = Date.now();
  return {
    id: newId(received),
    received,
    direction: 'in',
    protocol: 'hl7v2',
    status: 'received',
    interface: known.interface.id,
    peer,
    sender: short([header.application, header.facility].join('|')),
    type: short(`${header.code}^${header.event}`),
    controlId: short(header.controlId),
    charset,
    content,
    raw,
  };
}

/** PostgreSQL's text has no NUL. */
function short(text: string): string {
  return text.slice(0, 200).replaceAll('\0', '');
}

/** What a repetition has in common with what it repeats: all but when it was sent and its number. */
function contentOf(message: Message): Buffer {
  const hash = createHash('sha256');
  for (const segment of message.segments) {
    const fields = fieldsOf(message.delimiters, segment);
    const counted = segment.name === 'MSH' ? fields.filter((_, i) => i !== 7 && i !== 10) : fields;
    hash.update(counted.join('\u0001')).update('\r');
  }
  return hash.digest();
}

/** What says the same however often it is said; a patient's data may go back to what they were. */
const sameWhenRepeated: ReadonlySet<string> = new Set(['ORU', 'OUL', 'ORM', 'OML', 'OMG']);

function isRepetition({ controlId }: StoredMessage, header: Header): boolean {
  return controlId === short(header.controlId) || sameWhenRepeated.has(header.code);
}

/** The one that was given; where the number of the message is another, the same answer with that number. */
function repeatedAck(known: Known, { ack: given = Buffer.alloc(0), controlId, problems }: StoredMessage): Buffer {
  if (controlId === short(known.header.controlId)) return given;
  const code = /\rMSA.([A-Z]{2})/.exec(given.toString('latin1'))?.[1] ?? 'AA';
  return ack(known, {
    code: code as AckCode,
    problems: problems.filter((one) => unmappedOf(one) === undefined) as unknown as Problem[],
  });
}

interface Outcome {
  readonly ok: boolean;
  readonly answer: Buffer;
}

/** Translates and applies a stored message and marks what became of it. */
async function applied(server: Server, known: Known, id: string): Promise<Outcome> {
  const session = sessionOf(server, known.tenant);
  const finish = async (
    became: Omit<Became, 'ack' | 'problems'>,
    code: AckCode,
    problems: readonly Problem[],
  ): Promise<Outcome> => {
    const answer = ack(known, { code, problems });
    await finishMessage(session, id, { ...became, ack: answer, problems: asJson(problems) });
    return { ok: code === 'AA', answer };
  };
  if (known.message.problem !== undefined) {
    const problem: Problem = {
      code: '102',
      sentence: known.message.problem,
      place: { segment: 'MSH', sequence: 1, field: 2 },
    };
    return finish({ status: 'rejected' }, 'AR', [problem]);
  }
  if (isStoredOnly(known.interface, known.header)) return finish({ status: 'stored' }, 'AA', []);
  const { entries, problems, unmapped } = translated(server, known, id);
  const errors = problems.filter(({ severity = 'E' }) => severity === 'E');
  const unknown = errors.some(({ code }) => code === '200' || code === '201');
  if (unknown) return finish({ status: 'rejected' }, 'AR', errors);
  if (errors.length > 0) {
    await waitAsTask(server, known, { id, problems: errors });
    return finish({ status: 'failed' }, 'AE', problems);
  }
  try {
    const context = contextOf(server, {
      tenant: known.tenant,
      caller: await interfaceCaller(server, known.tenant, known.interface.id),
      requestId: id,
      address: known.peer,
    });
    const answer = ack(known, { code: 'AA', problems });
    const done = await apply(context, entries, {
      isOpen: (inside) => claimMessage(inside, id),
      mark: (inside, made) =>
        finishMessage(inside, id, {
          status: 'applied',
          ack: answer,
          problems: [...asJson(problems), ...unmappedProblems(unmapped)],
          ...made,
        }),
    });
    return { ok: true, answer: done ? answer : ((await storedMessage(session, id))?.ack ?? answer) };
  } catch (error) {
    // Nothing is known of it but that it was not applied now: it stays received, and is not acknowledged.
    if (isPassing(error)) throw error;
    const found = problemsOf(error);
    await waitAsTask(server, known, { id, problems: found });
    if (!(error instanceof OutcomeError)) server.log.error({ err: error, message: id }, 'message not applied');
    return finish({ status: 'failed' }, 'AE', [...found, ...problems]);
  }
}

/** The database cannot be reached or is full: no fault of the message. */
function isPassing(error: unknown): boolean {
  const passing = new Set(['transient', 'no-store', 'lock-error', 'timeout', 'throttled']);
  return error instanceof OutcomeError && error.issues.some(({ code }) => passing.has(code));
}

function asJson(problems: readonly Problem[]): JsonObject[] {
  return problems.map((problem) => ({ ...problem })) as unknown as JsonObject[];
}

function settingsOf({ tenant, interface: { zone, systems }, mapped }: Known): Parameters<typeof translate>[1] {
  return { zone: zone ?? tenant.settings.timezone ?? 'UTC', systems, mapped };
}

/** A fault of ours in translating is one of this message alone: it waits, and others go on. */
function translated(server: Server, known: Known, id: string): Translation {
  try {
    return translate(known.message, settingsOf(known), newId);
  } catch (error) {
    server.log.error({ err: error, message: id }, 'message not translated');
    return { entries: [], problems: problemsOf(error), unmapped: [] };
  }
}

function problemsOf(error: unknown): Problem[] {
  if (!(error instanceof OutcomeError))
    return [{ code: '207', sentence: 'The server failed in a way it does not know.' }];
  return error.issues.slice(0, 20).map(({ diagnostics }) => ({ code: '207', sentence: diagnostics.slice(0, 500) }));
}

function ack(
  known: { readonly message: Message; readonly charset: string } | undefined,
  { code, problems }: { code: AckCode; problems: readonly Problem[] },
): Buffer {
  const text = acknowledge(known?.message, {
    code,
    problems,
    controlId: newId().replaceAll('-', '').slice(0, 20),
    time: now(),
  });
  try {
    return encodeMessage(text, known?.charset ?? 'utf-8');
  } catch {
    return Buffer.from(text, 'utf8');
  }
}

/** YYYYMMDDHHMMSS in UTC. */
function now(): string {
  return `${new Date().toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}+0000`;
}

/** Laboratories that are told of a message that none of them takes. */
const mostTold = 10;

/** A peer that may send, but not this: told to the log of each laboratory that it may have meant. */
async function refuse(server: Server, { peer, candidates }: Arrival, reason: string): Promise<void> {
  for (const { tenant, interface: meant } of candidates.slice(0, mostTold)) {
    await announce(server, tenant, {
      kind: 'message-refused',
      outcome: 4,
      reason,
      agent: { subject: `Endpoint/${meant.id}`, client: `Endpoint/${meant.id}` },
      address: peer,
    });
  }
}

/** Stored with the event that says so: there is none without the other. */
async function keep(server: Server, known: Known, stored: NewMessage): Promise<void> {
  await server.database.transaction(known.tenant.id, async (session) => {
    await addMessage(session, stored);
    await announceWithin(session, receivedEvent(known, stored.id));
  });
}

function receivedEvent(known: Known, id: string): SecurityEvent {
  const name = `Endpoint/${known.interface.id}`;
  return {
    kind: 'message-received',
    deed: `hl7v2 ${known.header.code}^${known.header.event}`.slice(0, 80),
    agent: { subject: name, client: name, roles: ['interface'] },
    address: known.peer,
    requestId: id,
    further: [thing('message', id)],
  };
}

/** Applies a message that was stored before, as when it came: after a death, or when somebody has mended the reason. */
export async function replay(server: Server, served: Served, stored: StoredMessage): Promise<Outcome> {
  const decoded = decodeMessage(stored.raw, served.interface.charset);
  const read = readMessage(decoded);
  if (read.message === undefined) {
    const answer = ack(undefined, { code: 'AR', problems: [read.problem] });
    const became = { status: 'rejected' as const, ack: answer, problems: asJson([read.problem]) };
    await finishMessage(sessionOf(server, served.tenant), stored.id, became);
    return { ok: false, answer };
  }
  const header = readHeader(read.message);
  const known = { ...served, message: read.message, header, charset: decoded.charset, peer: stored.peer };
  const outcome = await applied(server, known, stored.id);
  if (outcome.ok && stored.status === 'failed') await endTask(server, known, stored.id);
  return outcome;
}
