/**
 * MLLP over TCP: connections in, acknowledgements out, each connection one message at a time.
 *
 * 1. A peer that no interface of the port allows is closed before it is read, and the laboratories are told.
 * 2. Frames are bounded, and so are silence, rubbish, what waits to be read by the peer, and the connections of a peer: what
 *    one peer does harms no other.
 * 3. Messages of one interface are applied in the order in which they came, over all its connections.
 * 4. A stop lets the message under way be acknowledged.
 */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { mllpDecoder, mllpFrame, type Frame, type MllpDecoder } from '../../hl7v2/mllp.ts';
import type { Server } from '../../request.ts';
import type { Interfaces, Served } from './interfaces.ts';
import { receive, refuseLong } from './receive.ts';
import { certificateOf, openPort } from '../port.ts';
import { makeRefusals, type Refused } from '../refusals.ts';
import { allows, vouches, type Interface } from './settings.ts';
import type { Turns } from '../turns.ts';

/** Bytes of one message: a report with pictures. */
const longestMessage = 64 * 1024 * 1024;
/** Bytes of all frames that have begun: what many peers send at once must not fill the memory. */
const mostPending = 512 * 1024 * 1024;
/** Milliseconds without a byte. Interfaces keep connections open over nights. */
const silence = 24 * 3_600_000;
/** Milliseconds in which a frame that has begun must end, and an acknowledgement must be read. */
const longestFrame = 120_000;
/** Milliseconds that a message under way gets when the server stops. */
const longestTurn = 10_000;
/** Milliseconds in which a peer may read the last answer. */
const closing = 2_000;
const mostConnections = 200;
const mostOfPeer = 32;
/** Frames of a connection that are no message. */
const mostRubbish = 20;

export interface Listener {
  readonly address: AddressInfo;
  stop(): Promise<void>;
}

interface Listening {
  readonly server: Server;
  readonly interfaces: Interfaces;
  /** As interfaces name it: 0 for the shared one. */
  readonly named: number;
  readonly turns: Turns;
  readonly refused: Refused;
  readonly sockets: Set<Socket>;
  /** Of all connections. */
  pending: number;
  stopping: boolean;
}

export interface Listen {
  readonly interfaces: Interfaces;
  readonly turns: Turns;
  readonly named: number;
  readonly port: number;
  readonly host: string;
  /** TLS, where the interfaces of the port want it. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

export async function listen(server: Server, { interfaces, turns, named, port, host, tls }: Listen): Promise<Listener> {
  const listening: Listening = {
    server,
    interfaces,
    named,
    turns,
    refused: makeRefusals(server, 'hl7v2'),
    sockets: new Set(),
    pending: 0,
    stopping: false,
  };
  const working = new Set<Promise<void>>();
  const accept = (socket: Socket): void => {
    const work = connection(listening, socket)
      .catch((error: unknown) => {
        server.log.error({ gateway: 'hl7v2', err: error }, 'connection failed');
        socket.destroy();
      })
      .finally(() => working.delete(work));
    working.add(work);
  };
  const tcp = await openPort({ port, host, tls, mostConnections }, accept);
  return {
    address: tcp.address() as AddressInfo,
    stop: async () => {
      listening.stopping = true;
      const closed = new Promise((done) => tcp.close(done));
      for (const socket of listening.sockets) socket.pause();
      await Promise.race([turns.done(), pause(longestTurn, undefined, { ref: false })]);
      for (const socket of listening.sockets) socket.destroySoon();
      await Promise.all(working);
      await closed;
    },
  };
}

async function connection(listening: Listening, socket: Socket): Promise<void> {
  const { server, interfaces, named, sockets } = listening;
  const peer = socket.remoteAddress ?? '';
  socket.on('error', () => undefined);
  // Interfaces are other objects once they were read anew: what was decided holds until then.
  const decided = new WeakMap<Interface, boolean>();
  const isAllowed = ({ interface: one }: Served): boolean => {
    const known = decided.get(one);
    if (known !== undefined) return known;
    const secure = socket instanceof TLSSocket;
    const good = allows(one, peer) && one.secure === secure && vouches(one, certificateOf(socket));
    decided.set(one, good);
    return good;
  };
  const allowed = (): readonly Served[] => interfaces.ofPort(named).filter(isAllowed);
  const reason = listening.stopping ? '' : refusal(listening, peer, allowed());
  if (reason !== undefined) {
    if (reason !== '') listening.refused(peer, interfaces.ofPort(named), reason);
    socket.destroy();
    return;
  }
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  socket.setTimeout(silence, () => socket.destroy());
  try {
    await converse(listening, socket, allowed);
  } catch (error) {
    if (!socket.destroyed) server.log.warn({ gateway: 'hl7v2', err: error }, 'connection ended');
    socket.destroy();
  } finally {
    close(socket);
  }
}

/** What was answered last may be read; what still comes is not. */
function close(socket: Socket): void {
  if (socket.destroyed) return;
  socket.removeAllListeners('readable');
  socket.on('data', () => undefined);
  socket.resume();
  socket.end();
  setTimeout(() => socket.destroy(), closing).unref();
}

function refusal({ sockets }: Listening, peer: string, allowed: readonly Served[]): string | undefined {
  if (allowed.length === 0) return 'No interface of the port allows this address, or its certificate, to connect.';
  const ofPeer = [...sockets].filter(({ remoteAddress }) => remoteAddress === peer).length;
  return ofPeer >= mostOfPeer ? `An address may have at most ${mostOfPeer} connections at once.` : undefined;
}

async function converse(listening: Listening, socket: Socket, allowed: () => readonly Served[]): Promise<void> {
  const decoder = mllpDecoder(longestMessage);
  const hold = holding(listening, decoder, socket);
  const peer = socket.remoteAddress ?? '';
  let rubbish = 0;
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const frames = decoder.take(chunk);
      if (!hold.noted(frames.length > 0)) return;
      for (const frame of frames) {
        const candidates = allowed();
        if (candidates.length === 0) return;
        if (frame.kind === 'rubbish') rubbish++;
        else await answer(listening, socket, { peer, candidates, frame });
        if (frame.kind === 'too-long' || listening.stopping) return;
        if (rubbish > mostRubbish) {
          listening.refused(peer, candidates, 'What the connection sent were no messages; it was closed.');
          return;
        }
      }
      hold.wait();
    }
  } finally {
    hold.end();
  }
}

/** What a connection holds of a frame that has not ended: bounded in bytes with all others, and in time. */
function holding(listening: Listening, decoder: MllpDecoder, socket: Socket): Holding {
  let held = 0;
  let limit: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(limit);
    limit = undefined;
  };
  const count = (bytes: number): void => {
    listening.pending += bytes - held;
    held = bytes;
  };
  return {
    noted: (ended) => {
      count(decoder.pending);
      // Of the frame that ended: the time until its acknowledgement is ours.
      if (ended || held === 0) stop();
      return listening.pending <= mostPending;
    },
    wait: () => {
      if (held > 0) limit ??= setTimeout(() => socket.destroy(), longestFrame).unref();
    },
    end: () => {
      stop();
      count(0);
    },
  };
}

interface Holding {
  /** After each chunk; false where all connections hold too much. */
  noted(ended: boolean): boolean;
  /** When the connection waits for the rest of a frame. */
  wait(): void;
  end(): void;
}

async function answer(
  { server, turns }: Listening,
  socket: Socket,
  {
    frame,
    ...arrival
  }: {
    readonly peer: string;
    readonly candidates: readonly Served[];
    readonly frame: Exclude<Frame, { kind: 'rubbish' }>;
  },
): Promise<void> {
  const { key, parts, acknowledgements } =
    frame.kind === 'message'
      ? await receive(server, arrival, frame.content)
      : refuseLong(server, arrival, { begin: frame.begin, most: longestMessage });
  await turns.take(key, parts, async () => {
    for await (const acknowledgement of acknowledgements) socket.write(mllpFrame(acknowledgement));
  });
  // A peer that does not read gets no more to read.
  if (!socket.writableNeedDrain) return;
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(longestFrame)]);
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]);
  over.abort();
}
