/**
 * Sends what waits in the queues of interfaces (store/outbox.ts), whatever the protocol: a channel delivers one message and
 * says what became of it.
 *
 * 1. One process is at a queue, one message at a time, in the order in which they were made.
 * 2. What fails for a reason that passes stays at the head and is sent again, as it was, after a while that grows; what the
 *    peer refuses is given up, waits as a Task, and holds up nothing. A refusal that may pass is given up in the end.
 * 3. A queue that stalls is told once, and once when it goes on: line of the log, AuditEvent, metric, status.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Server } from '../request.ts';
import type { StoredMessage } from '../store/messages.ts';
import {
  claimQueue,
  dueQueues,
  ensureQueue,
  nextMessage,
  releaseQueue,
  renewQueue,
  type Held,
} from '../store/outbox.ts';
import type { Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { sessionOf } from './gateway.ts';
import { delivered, type Delivery } from './delivery.ts';
import { giveUpOverdue } from './overdue.ts';

/** The way to the peer of one interface. */
export interface Channel {
  /** Sends one message and waits for what the peer says; throws nothing. */
  deliver(message: StoredMessage): Promise<Delivery>;
  close(): void;
}

/** An interface that messages go out by. */
export interface Sending {
  readonly tenant: Tenant;
  /** Id and name of the Endpoint. */
  readonly id: string;
  readonly name: string;
  /** Another text after each change of what a channel depends on. */
  readonly state: string;
  open(session: Session): Promise<Channel>;
  /** Makes messages of the changes that wait; false where `held` was lost. */
  make(session: Session, held: Held): Promise<boolean>;
  /** Somebody must look at a message that was given up. */
  failed(message: StoredMessage, sentence: string): Promise<void>;
  /** One that was tried before was taken: nobody needs to look any more. */
  taken(message: StoredMessage): Promise<void>;
}

/** Milliseconds between two looks for work. */
const lookEvery = 400;
/** Milliseconds between two looks for what was accepted and never answered. */
const overdueEvery = 10_000;
/** Queues of a process: the others are for others. */
const mostQueues = 1_000;
/** Milliseconds after a fault that is none of the peer: the database is away. */
const afterFault = 5_000;

interface Worker {
  sending: Sending;
  readonly held: Held;
  readonly session: Session;
  channel: Channel | undefined;
  /** What the channel was opened for. */
  channelState: string;
  running: Promise<void> | undefined;
  /** When the lease was renewed last, by the clock that does not jump. */
  renewed: number;
  lost: boolean;
}

export interface Outbox {
  stop(): Promise<void>;
}

function keyOf(tenant: number, name: string): string {
  return `${tenant} ${name}`;
}

/** @param sendings the interfaces as they are now */
export function startOutbox(server: Server, sendings: () => readonly Sending[]): Outbox {
  const workers = new Map<string, Worker>();
  const stopping = new AbortController();
  const known = new Set<string>();
  const { signal } = stopping;
  const loop = (async () => {
    while (!signal.aborted) {
      await look({ server, workers, known, signal }, sendings()).catch((error: unknown) =>
        server.log.warn({ err: error }, 'messages to send wait for the database'),
      );
      await pause(lookEvery, undefined, { signal, ref: false }).catch(() => undefined);
    }
  })();
  const overdue = (async () => {
    while (!signal.aborted) {
      await pause(overdueEvery, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await lookForOverdue(server, sendings()).catch((error: unknown) =>
        server.log.warn({ err: error }, 'what was not answered waits for the database'),
      );
    }
  })();
  // Four signs of life in the time after which a queue is another's.
  const renewing = setInterval(() => void renewAll(server, workers), server.config.leaseTime / 4).unref();
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([loop, overdue]);
      for (const { channel } of workers.values()) channel?.close();
      await Promise.all([...workers.values()].map(({ running }) => running ?? Promise.resolve()));
      clearInterval(renewing);
      await Promise.all([...workers.values()].map((worker) => leave(worker)));
    },
  };
}

interface Rounds {
  readonly server: Server;
  readonly workers: Map<string, Worker>;
  /** Queues that are there for sure. */
  readonly known: Set<string>;
  readonly signal: AbortSignal;
}

async function look(rounds: Rounds, sendings: readonly Sending[]): Promise<void> {
  const { server, workers, known, signal } = rounds;
  const now = new Map(sendings.map((one) => [keyOf(one.tenant.id, one.id), one]));
  for (const [key, sending] of now) {
    if (known.has(key)) continue;
    await ensureQueue(sessionOf(server, sending.tenant), sending.id);
    known.add(key);
  }
  for (const [key, worker] of workers) {
    const sending = now.get(key);
    if (sending !== undefined) worker.sending = sending;
    if ((sending === undefined || worker.lost) && worker.running === undefined) {
      workers.delete(key);
      worker.channel?.close();
      await leave(worker);
    }
  }
  if (now.size === 0) return;
  const leases = [...workers.values()].map(({ held }) => held.lease);
  for (const { tenant, interface: name } of await dueQueues(server.database, leases)) {
    const key = keyOf(tenant, name);
    const sending = now.get(key);
    if (sending === undefined || signal.aborted) continue;
    const worker = workers.get(key) ?? (await claim(rounds, sending));
    if (worker === undefined || worker.lost || worker.running !== undefined) continue;
    worker.running = turn(rounds, worker)
      .catch(async (error: unknown) => {
        server.log.warn({ err: error, interface: name }, 'messages not sent');
        await pause(afterFault, undefined, { signal, ref: false }).catch(() => undefined);
      })
      .finally(() => (worker.running = undefined));
  }
}

async function lookForOverdue(server: Server, sendings: readonly Sending[]): Promise<void> {
  if (sendings.length === 0) return;
  const now = new Map(sendings.map((one) => [keyOf(one.tenant.id, one.id), one]));
  await giveUpOverdue(server, (tenant, name) => now.get(keyOf(tenant, name)));
}

async function claim({ server, workers }: Rounds, sending: Sending): Promise<Worker | undefined> {
  if (workers.size >= mostQueues) return undefined;
  const session = sessionOf(server, sending.tenant);
  const renewed = performance.now();
  const held = await claimQueue(session, sending.id, server.config.leaseTime / 1_000);
  if (held === undefined) return undefined;
  const worker: Worker = {
    ...{ sending, held, session, channel: undefined, channelState: '', running: undefined, renewed },
    lost: false,
  };
  workers.set(keyOf(sending.tenant.id, sending.id), worker);
  return worker;
}

async function renewAll(server: Server, workers: ReadonlyMap<string, Worker>): Promise<void> {
  for (const worker of workers.values()) {
    const begun = performance.now();
    try {
      if (await renewQueue(worker.session, worker.held, server.config.leaseTime / 1_000)) worker.renewed = begun;
      else worker.lost = true;
    } catch (error) {
      server.log.warn({ err: error, interface: worker.held.interface }, 'a queue is not renewed');
    }
  }
}

async function leave({ session, held }: Worker): Promise<void> {
  await releaseQueue(session, held).catch(() => undefined);
}

/** Until nothing waits, or something fails. */
async function turn({ server, signal }: Rounds, worker: Worker): Promise<void> {
  const { session, held } = worker;
  while (!signal.aborted) {
    if (!(await worker.sending.make(session, held))) worker.lost = true;
    const message = worker.lost ? undefined : await nextMessage(session, held.interface);
    if (message === undefined) return;
    const channel = await channelOf(worker);
    // A process that slept must not send what another has sent since.
    if (performance.now() - worker.renewed > server.config.leaseTime) worker.lost = true;
    if (worker.lost) return channel.close();
    const delivery = await channel.deliver(message);
    // What the connection is made with may have been changed by then (`makhbar interface peer`).
    if (delivery.kind === 'passing' && delivery.refusal !== true) closeChannel(worker);
    // A channel that was closed by the stop says nothing of the peer.
    if (signal.aborted && delivery.kind === 'passing') return;
    const next = await delivered(server, { ...worker, message, delivery });
    if (next === 'lost') worker.lost = true;
    if (next !== 'next') return;
  }
}

/** As the interface is now. */
async function channelOf(worker: Worker): Promise<Channel> {
  const { sending, session } = worker;
  if (worker.channel === undefined || worker.channelState !== sending.state) {
    closeChannel(worker);
    worker.channelState = sending.state;
    worker.channel = await sending.open(session);
  }
  return worker.channel;
}

function closeChannel(worker: Worker): void {
  worker.channel?.close();
  worker.channel = undefined;
}
