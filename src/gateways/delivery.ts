/** What became of a message that was sent: written with the event that says so, in one transaction. */
import { thing, type SecurityEvent } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { announceWithin } from '../interactions/announce.ts';
import type { Server } from '../request.ts';
import type { StoredMessage } from '../store/messages.ts';
import { lockQueue, markSent, queueFailed, queueMoved, type Held, type QueueState } from '../store/outbox.ts';
import type { Session } from '../store/pool.ts';
import type { Sending } from './outbox.ts';

export type Delivery =
  /** The peer took it; or it has it and will say later what became of it. */
  | { readonly kind: 'sent' | 'accepted'; readonly ack?: Buffer; readonly peer: string }
  /** It will never take it. */
  | {
      readonly kind: 'refused';
      readonly ack?: Buffer;
      readonly problems: readonly JsonObject[];
      readonly sentence: string;
      readonly peer: string;
    }
  /** Not now; `refusal`: the peer said so itself. */
  | {
      readonly kind: 'passing';
      readonly sentence: string;
      readonly refusal?: boolean;
      readonly ack?: Buffer;
      readonly problems?: readonly JsonObject[];
      readonly peer: string;
    };

/** Failures in a row after which a queue stalls. */
const stallsAfter = 3;
/** Refusals that may pass, in a row, after which a message is given up. */
const mostRefusals = 10;
/** Seconds. */
const longestDelay = 120;

interface Delivered {
  readonly sending: Sending;
  readonly held: Held;
  readonly message: StoredMessage;
  readonly delivery: Delivery;
}

/** `next`: the queue goes on; `wait`: after a while; `lost`: another process has it. */
export async function delivered(server: Server, done: Delivered): Promise<'next' | 'wait' | 'lost'> {
  const { sending, held, delivery } = done;
  const result = await server.database.transaction(sending.tenant.id, async (session) => {
    const state = await lockQueue(session, held);
    if (state === undefined) return undefined;
    if (delivery.kind === 'passing' && !(delivery.refusal === true && state.attempts + 1 >= mostRefusals)) {
      return { moved: false, stalls: await passed(session, done, { state, sentence: delivery.sentence }) };
    }
    await finish(session, done);
    return { moved: true, resumed: await moved(session, done, state) };
  });
  if (result === undefined) return 'lost';
  const about = { tenant: sending.tenant.name, interface: sending.id };
  if (result.stalls === true && 'sentence' in delivery) {
    server.log.warn({ ...about, reason: delivery.sentence }, 'interface stalls');
  }
  if (result.resumed === true) server.log.info(about, 'interface goes on');
  if (result.moved && 'sentence' in delivery) {
    await sending
      .failed(done.message, delivery.sentence)
      .catch((error: unknown) => server.log.error({ err: error, message: done.message.id }, 'no Task for a message'));
  }
  if (result.moved && !('sentence' in delivery) && done.message.attempts > 0) {
    await sending
      .taken(done.message)
      .catch((error: unknown) => server.log.error({ err: error, message: done.message.id }, 'a Task is not completed'));
  }
  return result.moved ? 'next' : 'wait';
}

/** @returns whether it stalls from now on */
async function passed(
  session: Session,
  { held, message, delivery, sending }: Delivered,
  { state, sentence }: { readonly state: QueueState; readonly sentence: string },
): Promise<boolean> {
  const stalls = state.stalled === undefined && state.attempts + 1 >= stallsAfter;
  const seconds = Math.min(longestDelay, 2 ** Math.min(state.attempts, 10)) * (0.8 + Math.random() * 0.4);
  const { ack } = delivery;
  const problems = 'problems' in delivery ? (delivery.problems ?? []) : [];
  await markSent(session, message.id, { status: 'queued', ack, problems });
  await queueFailed(session, held.interface, { sentence, seconds, stalls: state.attempts + 1 >= stallsAfter });
  if (stalls)
    await announceWithin(session, interfaceEvent(sending, { kind: 'interface-stalled', outcome: 8, reason: sentence }));
  return stalls;
}

async function finish(session: Session, { sending, message, delivery }: Delivered): Promise<void> {
  const { kind, ack, peer } = delivery;
  const status = kind === 'sent' || kind === 'accepted' ? kind : 'failed';
  const problems = 'problems' in delivery ? (delivery.problems ?? []) : [];
  await markSent(session, message.id, { status, ack, problems });
  const event =
    'sentence' in delivery
      ? ({ kind: 'message-not-sent', outcome: 4, reason: delivery.sentence } as const)
      : ({ kind: 'message-sent' } as const);
  await announceWithin(session, messageEvent(sending, message, { ...event, address: peer }));
}

/** @returns whether it had stalled */
async function moved(session: Session, { held, sending }: Delivered, state: QueueState): Promise<boolean> {
  await queueMoved(session, held.interface);
  if (state.stalled === undefined) return false;
  await announceWithin(session, interfaceEvent(sending, { kind: 'interface-resumed' }));
  return true;
}

export function messageEvent(
  sending: Pick<Sending, 'id'>,
  { id, protocol, type, patients = [] }: StoredMessage,
  event: Pick<SecurityEvent, 'kind' | 'outcome' | 'reason' | 'address'>,
): SecurityEvent {
  return {
    ...interfaceEvent(sending, event),
    deed: `${protocol} ${type}`.slice(0, 80),
    requestId: id,
    patients,
    further: [thing('message', id)],
  };
}

export function interfaceEvent(
  { id }: Pick<Sending, 'id'>,
  event: Pick<SecurityEvent, 'kind' | 'outcome' | 'reason'>,
): SecurityEvent {
  const name = `Endpoint/${id}`;
  return { ...event, agent: { subject: name, client: name, roles: ['interface'] } };
}
