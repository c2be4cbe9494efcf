/**
 * What a peer has accepted and says nothing more of is given up after a day: it waits as a Task, as what the peer refuses does,
 * and its queue stalls until the next message is taken. Should the peer say later that it took it, that counts (hl7v2/later.ts).
 */
import type { Server } from '../request.ts';
import { announceWithin } from '../interactions/announce.ts';
import { lockAwaited, overdueAnswers, stallQueue } from '../store/awaited.ts';
import type { StoredMessage } from '../store/messages.ts';
import { markSent } from '../store/outbox.ts';
import { interfaceEvent, messageEvent } from './delivery.ts';
import type { Sending } from './outbox.ts';

/** A guess: applications that work by night answer by the next day. */
const longestWait = 24 * 3_600;
/** Of one look. */
const most = 100;
const sentence = 'The peer has accepted the message and did not say within 24 hours what became of it.';

/** @param sendingOf the interface, where this process serves it */
export async function giveUpOverdue(
  server: Server,
  sendingOf: (tenant: number, name: string) => Sending | undefined,
): Promise<void> {
  for (const { tenant, interface: name, id } of await overdueAnswers(server.database, longestWait, most)) {
    const sending = sendingOf(tenant, name);
    if (sending !== undefined) await giveUp(server, sending, id);
  }
}

async function giveUp(server: Server, sending: Sending, id: string): Promise<void> {
  const about = { tenant: sending.tenant.name, interface: sending.id };
  const given = await server.database.transaction(sending.tenant.id, async (session) => {
    const message = await lockAwaited(session, id);
    if (message === undefined) return undefined;
    await markSent(session, id, { status: 'failed', problems: [{ code: '207', severity: 'E', sentence }] });
    const event = { kind: 'message-not-sent', outcome: 4, reason: sentence } as const;
    await announceWithin(session, messageEvent(sending, message, event));
    const stalls = await stallQueue(session, sending.id, sentence);
    const stalled = { kind: 'interface-stalled', outcome: 8, reason: sentence } as const;
    if (stalls) await announceWithin(session, interfaceEvent(sending, stalled));
    return { message, stalls };
  });
  if (given === undefined) return;
  if (given.stalls) server.log.warn({ ...about, reason: sentence }, 'interface stalls');
  await told(server, sending, given.message);
}

async function told(server: Server, sending: Sending, message: StoredMessage): Promise<void> {
  await sending
    .failed(message, sentence)
    .catch((error: unknown) => server.log.error({ err: error, message: message.id }, 'no Task for a message'));
}
