/** Puts a message at the end of the queue of an interface, in the transaction of what it tells. */
import { createHash } from 'node:crypto';
import { newId } from '../interactions/new-id.ts';
import { addMessage, type NewMessage } from '../store/messages.ts';
import { ensureQueue } from '../store/outbox.ts';
import type { Session } from '../store/pool.ts';

export type Outgoing = Pick<NewMessage, 'protocol' | 'type' | 'sender' | 'controlId' | 'charset' | 'raw'> & {
  /** The version that it was made of: `DiagnosticReport/7/_history/2`. */
  readonly source?: string;
  /** Ids of the patients that it is about. */
  readonly patients: readonly string[];
};

/** @param name id of the Endpoint @returns the id of the message */
export async function enqueue(
  session: Session,
  name: string,
  outgoing: Outgoing,
  // One that goes at once on a connection of the peer is not queued: its answer is waited for.
  status: 'queued' | 'accepted' = 'queued',
): Promise<string> {
  const received = Date.now();
  const id = newId(received);
  await ensureQueue(session, name);
  await addMessage(session, {
    ...outgoing,
    id,
    received,
    direction: 'out',
    status,
    interface: name,
    peer: '',
    content: createHash('sha256').update(outgoing.raw).digest(),
  });
  return id;
}
