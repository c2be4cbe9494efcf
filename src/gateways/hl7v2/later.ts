/**
 * The application acknowledgement of a message that the peer has accepted (enhanced mode, §2.9.3.3): it comes on the
 * connection of the message or to our listener, whenever the peer has worked on it.
 */
import { announceWithin } from '../../interactions/announce.ts';
import type { Server } from '../../request.ts';
import { awaitedMessage, markSent } from '../../store/outbox.ts';
import { messageEvent } from '../delivery.ts';
import { decodeMessage } from '../../hl7v2/charset.ts';
import { readMessage } from './answer.ts';
import { readAnswer } from './answered.ts';
import { acknowledged } from './client.ts';
import type { Served } from './interfaces.ts';
import { takeOrderResponse } from './law/order-response.ts';
import { endTask } from '../task.ts';
import { waitToBeSent } from './task.ts';

/** @returns whether it answers a message of the interface */
export async function answeredLater(server: Server, served: Served, answer: Buffer): Promise<boolean> {
  const { tenant, interface: own } = served;
  const controlId = acknowledged(answer) ?? '';
  const { kind, code, problems, sentence } = readAnswer(answer, {
    mode: 'enhanced',
    orders: served.interface.law === undefined,
  });
  if (controlId === '' || !/^A[AER]$/.test(code)) return false;
  const outcome = await server.database.transaction(tenant.id, async (session) => {
    const stored = await awaitedMessage(session, own.id, controlId);
    if (stored === undefined) return undefined;
    if (stored.status === 'sent') return { failed: undefined };
    // Given up, because the peer refused it or was silent for too long: only that it took it after all is news.
    const late = stored.status === 'failed';
    if (late && kind !== 'sent') return undefined;
    const failed = kind === 'sent' ? undefined : stored;
    await markSent(session, stored.id, { status: failed === undefined ? 'sent' : 'failed', ack: answer, problems });
    if (failed !== undefined) {
      const event = { kind: 'message-not-sent', outcome: 4, reason: sentence } as const;
      await announceWithin(session, messageEvent(own, failed, event));
    }
    return { failed, ...(late && { late: stored.id }) };
  });
  if (outcome?.late !== undefined) await endTask(server, { tenant, interface: own, peer: '' }, outcome.late);
  if (outcome?.failed !== undefined) {
    const { message } = readMessage(decodeMessage(outcome.failed.raw, outcome.failed.charset));
    await waitToBeSent(server, { tenant, interface: own }, { ...outcome.failed, sentence, message });
  }
  if (outcome !== undefined && served.interface.law !== undefined) await takeOrderResponse(server, served, answer);
  return outcome !== undefined;
}
