/**
 * One transmission of an analyzer, whatever it came by: a socket, a serial line, a file.
 *
 * 1. The bytes are stored, as they came, before `takeTransmission` is done: then the last frame may be acknowledged, or the
 *    file put away. What cannot be stored fails, and comes again.
 * 2. The same bytes of one interface are one message, however often they come, but for questions: who asks again is answered
 *    again. A message that could not be applied is tried again then.
 * 3. It is applied afterwards, in its turn: what is about the same specimen in the order in which it came. Only so much waits
 *    of one interface that the memory is not filled: then storing waits.
 */
import { createHash } from 'node:crypto';
import { componentsAt } from '../../astm/record.ts';
import { announceWithin } from '../../interactions/announce.ts';
import { newId } from '../../interactions/new-id.ts';
import { lockAll, lockKeys } from '../../store/lock.ts';
import {
  addMessage,
  earlierMessages,
  readMessage,
  repeatedMessage,
  type NewMessage,
  type StoredMessage,
} from '../../store/messages.ts';
import { specimenOf } from '../../translation/astm/results.ts';
import { sessionOf } from '../gateway.ts';
import { turnOf } from '../interfaces.ts';
import { receivedEvent, short } from '../record.ts';
import { applied, type Stored } from './applied.ts';
import { driverOf, type Gateway, type ServedAstm } from './gateway.ts';
import { numberOf, readTransmission, senderOf, typeOf, type Reading } from './reading.ts';

export interface Transmission {
  readonly content: Buffer;
  /** Where it came from: an address, a serial line, the name of a file. */
  readonly peer: string;
}

export interface Taken {
  /** Of the message. */
  readonly id: string;
  /** What it asks, once it is stored. */
  readonly reading: Reading;
  /** Settles when it is applied, or waits for somebody; never fails. */
  readonly done: Promise<void>;
}

/** @throws OutcomeError where it cannot be stored */
export async function takeTransmission(
  gateway: Gateway,
  served: ServedAstm,
  { content, peer }: Transmission,
): Promise<Taken> {
  const reading = readTransmission(driverOf(gateway, served.interface), content, served.interface.charset);
  const about = lockKeys(served.tenant.id, aboutOf(served, reading));
  const message: NewMessage = {
    ...newMessage(served, reading, { content, peer }),
    ...(about.length > 0 && { about }),
  };
  const before = await keep(gateway, served, message);
  const stored: Stored = before ?? message;
  if (before !== undefined && before.status !== 'failed' && before.status !== 'received') {
    return { id: before.id, reading, done: Promise.resolve() };
  }
  const done = gateway.turns
    .take(turnOf(served), about.length > 0 ? about : undefined, () => applyInOrder(gateway, served, { stored, about }))
    .catch((error: unknown) =>
      // It stays received: recovery applies it.
      gateway.server.log.warn({ err: error, interface: served.interface.id }, 'a message is still to be applied'),
    );
  return { id: stored.id, reading, done };
}

function newMessage(
  { interface: own }: ServedAstm,
  reading: Reading,
  { content: raw, peer }: Transmission,
): NewMessage {
  const received = Date.now();
  const id = newId(received);
  const type = typeOf(reading);
  const content = createHash('sha256').update(raw);
  if (type === 'Q') content.update(id);
  return {
    ...{ id, received, direction: 'in', protocol: 'astm', status: 'received', interface: own.id },
    peer: short(peer.replace(/^::ffff:/, '')),
    sender: short(senderOf(reading)),
    type,
    controlId: short(numberOf(reading)),
    charset: reading.charset,
    content: content.digest(),
    raw,
  };
}

/** @returns the message that it repeats */
async function keep(gateway: Gateway, served: ServedAstm, message: NewMessage): Promise<StoredMessage | undefined> {
  return gateway.server.database.transaction(served.tenant.id, async (session) => {
    const key = `${message.interface} ${message.content.toString('hex')}`;
    // Two connections may send the same at once.
    const [, before] = await Promise.all([
      lockAll(session, lockKeys(served.tenant.id, [key])),
      repeatedMessage(session, message),
    ]);
    if (before !== undefined) return before;
    await addMessage(session, message);
    const deed = `astm ${message.type}`.trim();
    await announceWithin(session, receivedEvent({ ...served, peer: message.peer }, { id: message.id, deed }));
    return undefined;
  });
}

/** The specimens and controls that it names; none for what may be about anything. */
function aboutOf({ interface: own }: ServedAstm, { messages }: Reading): string[] {
  const orders = messages.flatMap(({ patients }) => patients).flatMap((patient) => patient.orders);
  const names = orders.map(({ record }) => specimenOf(record) || componentsAt(record, 5).join('^'));
  return [...new Set(names.map((name) => `astm ${own.id} ${name}`))];
}

interface InOrder {
  readonly stored: Stored;
  readonly about: readonly string[];
}

/** After what came before about the same, and was left: by this process or by another. */
async function applyInOrder(gateway: Gateway, served: ServedAstm, { stored, about }: InOrder): Promise<void> {
  const session = sessionOf(gateway.server, served.tenant);
  const asked = { interface: served.interface.id, about: about.length > 0 ? about : undefined, before: stored.id };
  for (const id of await earlierMessages(session, asked)) {
    const earlier = await readMessage(session, id);
    if (earlier?.status === 'received') await applied(gateway, served, earlier);
  }
  await applied(gateway, served, stored);
}
