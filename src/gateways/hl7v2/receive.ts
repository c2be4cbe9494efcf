/**
 * One message from its bytes to its acknowledgements.
 *
 * 1. The bytes are stored, as they came, before anything is acknowledged (record.ts); what cannot be stored is not
 *    acknowledged as taken.
 * 2. A repetition gets the acknowledgement that was given, and is not applied again: the same content (but for MSH-7), with
 *    the same MSH-10 or, for orders and results, any. The same MSH-10 with other content is a new message.
 * 3. What cannot be applied waits as a Task (task.ts) and can be replayed.
 * 4. Enhanced mode (§2.9.3): CA as soon as it is stored, AA or AE when it is applied, each if it was asked for.
 * 5. What is about the same is applied in the order in which it came: within a process by turns (turns.ts); between processes
 *    because who sends waits for an acknowledgement, and what was acknowledged as taken only is applied before what follows.
 */
import type { AckCode, Problem } from '../../hl7v2/acknowledge.ts';
import { isBatch, splitBatch } from '../../hl7v2/batch.ts';
import { decodeMessage, encodeMessage } from '../../hl7v2/charset.ts';
import { isEnhanced, isWanted, readHeader, type Header } from '../../hl7v2/header.ts';
import { serializeMessage, type Message } from '../../hl7v2/message.ts';
import { announce } from '../../interactions/announce.ts';
import { breathe } from '../../interactions/entry.ts';
import type { Server } from '../../request.ts';
import {
  earlierMessages,
  readMessage as readStored,
  repeatedMessage,
  type NewMessage,
  type StoredMessage,
} from '../../store/messages.ts';
import { criteriaOf } from '../apply.ts';
import { sessionOf } from '../gateway.ts';
import { ack, readMessage } from './answer.ts';
import { applied, isPlain, replay, translated, type Applying, type Known, type Outcome } from './applied.ts';
import type { Served } from './interfaces.ts';
import { answeredLater } from './later.ts';
import { queryOf } from './queries.ts';
import { short } from '../record.ts';
import { aboutOf, contentOf, isLong, keep, newMessage } from './record.ts';
import { interfaceFor } from './settings.ts';
import { endTask } from '../task.ts';
import { turnOf } from '../interfaces.ts';
import { unmappedOf } from '../unmapped.ts';

/** Whose message it may be, and where it came from. */
export interface Arrival {
  readonly peer: string;
  /** Interfaces to which the peer may send. */
  readonly candidates: readonly Served[];
}

/** What is done with a message, in the turn of its key, and the acknowledgements, each when it is due. */
export interface Reception {
  /** The interface that it is for. */
  readonly key: string;
  /** What it is about; undefined for what must be alone (turns.ts). */
  readonly parts: readonly string[] | undefined;
  readonly acknowledgements: AsyncGenerator<Buffer>;
}

export async function receive(server: Server, arrival: Arrival, bytes: Buffer): Promise<Reception> {
  const isBig = bytes.length > isLong;
  if (isBig) await breathe();
  const fallback = arrival.candidates[0]?.interface.charset;
  const decoded = decodeMessage(bytes, fallback);
  const read = readMessage(decoded);
  if (read.message === undefined) return refusing(server, arrival, { problem: read.problem });
  if (isBig) await breathe();
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
  const key = turnOf(served);
  const { charset, disagreed } = decoded;
  const known = { ...served, message, header: headerFor(served, header), charset, disagreed, peer: arrival.peer };
  if (header.code === 'ACK' || (header.code === 'ORL' && served.interface.law !== undefined)) {
    return { key, parts: ['acknowledgements'], acknowledgements: takeAnswer(server, known, bytes) };
  }
  if (isBatch(message)) return { key, parts: undefined, acknowledgements: takeBatch(server, known) };
  // What a query finds, and what an analyzer's results belong to, is known when it is their turn.
  if (queryOf(known) !== undefined || served.interface.law !== undefined) {
    return { key, parts: undefined, acknowledgements: take(server, known, bytes) };
  }
  const translation = translated(server, known);
  const criteria = criteriaOf(translation.entries);
  const parts = criteria.length === 0 ? undefined : criteria;
  return { key, parts, acknowledgements: take(server, { ...known, translation }, bytes) };
}

/** As its interface wants it to be read. */
function headerFor({ interface: { quirks } }: Served, header: Header): Header {
  return quirks.includes('original-mode') ? { ...header, acceptAck: '', applicationAck: '' } : header;
}

/** What a peer says of a message that we sent; it is acknowledged only where it asks for that. */
async function* takeAnswer(server: Server, known: Known, bytes: Buffer): AsyncGenerator<Buffer> {
  const { header } = known;
  const isOurs = await answeredLater(server, known, bytes);
  const sentence = 'MSA-2 names no message that waits for an answer.';
  if (!isOurs) await refuse(server, { peer: known.peer, candidates: [known] }, sentence);
  if (!isEnhanced(header) || !isWanted(header.acceptAck, isOurs)) return;
  const problem: Problem = { code: '204', sentence, place: { segment: 'MSA', sequence: 1, field: 2 } };
  yield isOurs ? ack(known, { code: 'CA', problems: [] }) : ack(known, { code: 'CR', problems: [problem] });
}

/**
 * Each message of a batch by itself, in their order; their acknowledgements go back as a batch (§2.10.3.3). One that is not
 * for the interface of the first is refused.
 */
async function* takeBatch(server: Server, whole: Known): AsyncGenerator<Buffer> {
  const { delimiters } = whole.message;
  const answers: Buffer[] = [];
  const { messages, told } = splitBatch(whole.message);
  for (const message of messages) {
    const known = { ...whole, message, header: headerFor(whole, readHeader(message)) };
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
  // BTS-2 is a comment. What came is taken all the same; what did not, somebody must ask for.
  const { length } = messages;
  const missing =
    told === undefined || told === length ? [] : [`The batch tells of ${told} messages and ${length} came.`];
  for (const sentence of missing) await refuse(server, { peer: whole.peer, candidates: [whole] }, sentence);
  yield Buffer.concat([Buffer.from(head), ...answers, Buffer.from(`${['BTS', length, ...missing].join(field)}\r`)]);
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
  return { key: first === undefined ? '' : turnOf(first), parts: [], acknowledgements: acknowledgements() };
}

async function* take(server: Server, known: Known, bytes: Buffer): AsyncGenerator<Buffer> {
  const { header } = known;
  if (bytes.length > isLong) await breathe();
  const arrived = newMessage(known, bytes, await contentOf(known.message));
  const enhanced = isEnhanced(header);
  const taken = enhanced && isWanted(header.acceptAck, true);
  // Most are new, and nothing waits before them: that is asked by the transaction that applies them.
  const became =
    taken || !isPlain(known) ? undefined : await appliedAtOnce(server, known, { id: arrived.id, arrived, ifNew: true });
  if (became === undefined || became.isNotNew === true) yield* takeAfter(server, known, { arrived, taken });
  else if (!enhanced || isWanted(header.applicationAck, became.ok)) yield became.answer;
}

/** After all that was taken before, unless it repeats that. */
async function* takeAfter(
  server: Server,
  known: Known,
  { arrived, taken }: { readonly arrived: NewMessage; readonly taken: boolean },
): AsyncGenerator<Buffer> {
  const { tenant, header } = known;
  const session = sessionOf(server, tenant);
  const enhanced = isEnhanced(header);
  const before = await repeatedMessage(session, arrived);
  const repeated = before !== undefined && isRepetition(before, header) ? before : undefined;
  if (repeated === undefined && taken) await keep(server, known, arrived);
  if (taken) yield ack(known, { code: 'CA', problems: [] });
  if (repeated?.ack !== undefined && repeated.status !== 'failed') {
    const succeeded = repeated.status !== 'rejected';
    if (!enhanced || isWanted(header.applicationAck, succeeded)) yield repeatedAck(known, repeated);
    return;
  }
  const stored = repeated ?? (taken ? arrived : undefined);
  await applyEarlier(server, known, stored?.id);
  const became =
    stored === undefined
      ? await appliedAtOnce(server, known, { id: arrived.id, arrived })
      : await applied(server, known, { id: stored.id });
  if (became.ok && repeated?.status === 'failed') await endTask(server, known, repeated.id);
  if (!enhanced || isWanted(header.applicationAck, became.ok)) yield became.answer;
  for (const further of became.further ?? []) yield further;
}

interface Arrived extends Applying {
  readonly arrived: NewMessage;
}

/**
 * Stored with what it becomes, in one transaction: nobody was told before that it was taken. Where that fails as the database
 * does, it is kept if that can be, to be applied later.
 */
async function appliedAtOnce(server: Server, known: Known, arriving: Arrived): Promise<Outcome> {
  const { arrived } = arriving;
  try {
    return await applied(server, known, arriving);
  } catch (error) {
    const before = async (): Promise<unknown> =>
      arriving.ifNew === true ? repeatedMessage(sessionOf(server, known.tenant), arrived) : undefined;
    await before()
      .then((one) => (one === undefined ? keep(server, known, arrived) : undefined))
      .catch(() => undefined);
    throw error;
  }
}

/** What was acknowledged as taken before, in whatever process, and is about the same, is applied before. */
async function applyEarlier(server: Server, known: Known, before: string | undefined): Promise<void> {
  const session = sessionOf(server, known.tenant);
  const about = aboutOf(known);
  const asked = { interface: known.interface.id, about, ...(before !== undefined && { before }) };
  for (const id of await earlierMessages(session, asked)) {
    const stored = id === before ? undefined : await readStored(session, id);
    if (stored?.status === 'received') await replay(server, known, stored);
  }
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
