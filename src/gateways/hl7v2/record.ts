/**
 * The message of record: the bytes as they came, who sent them where, and the event that says so.
 *
 * 1. There is no message without its event, nor an event without its message.
 * 2. A message is stored before it is acknowledged: by itself where the peer is told that it was taken, else in the
 *    transaction that stores what it became.
 */
import { hash, webcrypto } from 'node:crypto';
import type { SecurityEvent } from '../../audit/security.ts';
import { typeOf } from '../../hl7v2/header.ts';
import { fieldsOf, type Message } from '../../hl7v2/message.ts';
import { announceWithin, eventRecord } from '../../interactions/announce.ts';
import { newId } from '../../interactions/new-id.ts';
import type { Context, Server } from '../../request.ts';
import { lockKeys } from '../../store/lock.ts';
import { addFinished, addMessage, type Became, type NewMessage } from '../../store/messages.ts';
import { criteriaOf } from '../apply.ts';
import { receivedEvent, short } from '../record.ts';
import type { Known } from './applied.ts';

/** To be applied. */
export function newMessage(known: Known, raw: Buffer, content: Buffer): NewMessage {
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
    type: short(typeOf(header)),
    controlId: short(header.controlId),
    charset,
    content,
    raw,
  };
}

/** Bytes of a message that is worked on with others in between. */
export const isLong = 1_000_000;

/** What a repetition has in common with what it repeats: all but when it was sent and its number. */
export async function contentOf(message: Message): Promise<Buffer> {
  const pieces = message.segments.map((segment) => {
    const fields = fieldsOf(message.delimiters, segment);
    return (segment.name === 'MSH' ? fields.filter((_, i) => i !== 7 && i !== 10) : fields).join('\u0001');
  });
  const text = `${pieces.join('\r')}\r`;
  if (text.length < isLong) return hash('sha256', text, 'buffer');
  // On a thread of its own: others would wait for a tenth of a second.
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', Buffer.from(text)));
}

/** By itself, to be applied. */
export async function keep(server: Server, known: Known, stored: NewMessage): Promise<void> {
  await server.database.transaction(known.tenant.id, async (session) => {
    const about = aboutOf(known);
    await addMessage(session, { ...stored, ...(about !== undefined && { about }) });
    await announceWithin(session, eventOf(known, stored.id));
  });
}

/** With what became of it where that is nothing. */
export async function keepFinished(
  server: Server,
  known: Known,
  { stored, became }: { readonly stored: NewMessage; readonly became: Became },
): Promise<void> {
  await server.database.transaction(known.tenant.id, async (session) => {
    await addFinished(session, stored, became);
    await announceWithin(session, eventOf(known, stored.id));
  });
}

/** With what it became, in the transaction that stores that. */
export async function keepApplied(
  inside: Context,
  known: Known,
  { stored, became }: { readonly stored: NewMessage; readonly became: Became },
): Promise<void> {
  await addFinished(inside.session, stored, became);
  inside.events?.push(eventRecord(eventOf(known, stored.id)));
}

/** What it is about, as the store compares it; undefined where that may be anything. */
export function aboutOf({ tenant, translation }: Known): string[] | undefined {
  const criteria = criteriaOf(translation?.entries ?? []);
  return criteria.length === 0 ? undefined : lockKeys(tenant.id, criteria);
}

function eventOf(known: Known, id: string): SecurityEvent {
  return receivedEvent(known, { id, deed: `hl7v2 ${typeOf(known.header)}` });
}
