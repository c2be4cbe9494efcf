/**
 * MLLP over TCP: connections in, acknowledgements out, each connection one message at a time.
 *
 * 1. A peer that no interface of the port allows is closed before it is read.
 * 2. Frames are bounded, silence is bounded, and so are the connections of a peer: what one peer does harms no other.
 * 3. Messages of one interface are applied in the order in which they came, over all its connections.
 * 4. A stop lets the message under way be acknowledged.
 */
import { createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { mllpDecoder, mllpFrame } from '../../hl7v2/mllp.ts';
import type { Server } from '../../request.ts';
import type { Interfaces, Served } from './interfaces.ts';
import { receive } from './receive.ts';
import { allows } from './settings.ts';

/** Bytes of one message: a report with pictures. */
const longestMessage = 64 * 1024 * 1024;
/** Milliseconds without a byte. Interfaces keep connections open over nights. */
const silence = 24 * 3_600_000;
/** Milliseconds in which a frame that has begun must end. */
const longestFrame = 120_000;
/** Milliseconds that a message under way gets when the server stops. */
const longestTurn = 10_000;
const mostConnections = 200;
const mostOfPeer = 32;

export interface Listener {
  readonly address: AddressInfo;
  stop(): Promise<void>;
}

interface Listening {
  readonly server: Server;
  readonly interfaces: Interfaces;
  /** As interfaces name it: 0 for the shared one. */
  readonly named: number;
  readonly sockets: Set<Socket>;
  /** By interface: the end of the last message. */
  readonly turns: Map<string, Promise<void>>;
  stopping: boolean;
}

export async function listen(
  server: Server,
  interfaces: Interfaces,
  { named, port, host }: { readonly named: number; readonly port: number; readonly host: string },
): Promise<Listener> {
  const listening: Listening = { server, interfaces, named, sockets: new Set(), turns: new Map(), stopping: false };
  const working = new Set<Promise<void>>();
  const tcp = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    const work = connection(listening, socket).finally(() => working.delete(work));
    working.add(work);
  });
  tcp.maxConnections = mostConnections;
  await opened(tcp, port, host);
  return {
    address: tcp.address() as AddressInfo,
    stop: async () => {
      listening.stopping = true;
      const closed = new Promise((done) => tcp.close(done));
      for (const socket of listening.sockets) socket.pause();
      await Promise.race([Promise.all(listening.turns.values()), pause(longestTurn, undefined, { ref: false })]);
      for (const socket of listening.sockets) socket.destroySoon();
      await Promise.all(working);
      await closed;
    },
  };
}

function opened(tcp: TcpServer, port: number, host: string): Promise<void> {
  return new Promise((done, fail) => {
    tcp.once('error', fail);
    tcp.listen({ port, host }, () => {
      tcp.off('error', fail);
      tcp.on('error', () => undefined);
      done();
    });
  });
}

async function connection(listening: Listening, socket: Socket): Promise<void> {
  const { server, interfaces, named, sockets } = listening;
  const peer = socket.remoteAddress ?? '';
  socket.on('error', () => undefined);
  const allowed = (): readonly Served[] => interfaces.ofPort(named).filter((one) => allows(one.interface, peer));
  const ofPeer = [...sockets].filter(({ remoteAddress }) => remoteAddress === peer).length;
  if (allowed().length === 0 || ofPeer >= mostOfPeer || listening.stopping) {
    server.log.warn({ gateway: 'hl7v2', port: named }, 'connection refused');
    socket.destroy();
    return;
  }
  sockets.add(socket);
  socket.setTimeout(silence, () => socket.destroy());
  try {
    await converse(listening, socket, allowed);
  } catch (error) {
    server.log.warn({ gateway: 'hl7v2', err: error }, 'connection ended');
  } finally {
    sockets.delete(socket);
    socket.destroy();
  }
}

async function converse(listening: Listening, socket: Socket, allowed: () => readonly Served[]): Promise<void> {
  const decoder = mllpDecoder(longestMessage);
  const peer = socket.remoteAddress ?? '';
  let limit: NodeJS.Timeout | undefined;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    for (const frame of decoder.take(chunk)) {
      if (frame.kind !== 'message') {
        listening.server.log.warn({ gateway: 'hl7v2', kind: frame.kind }, 'what came is no message');
        continue;
      }
      const candidates = allowed();
      if (candidates.length === 0) return;
      await inTurn(listening, candidates, () => answer(listening.server, socket, { peer, candidates }, frame.content));
      if (listening.stopping) return;
    }
    clearTimeout(limit);
    limit = decoder.pending === 0 ? undefined : setTimeout(() => socket.destroy(), longestFrame).unref();
  }
  clearTimeout(limit);
}

async function answer(
  server: Server,
  socket: Socket,
  arrival: { readonly peer: string; readonly candidates: readonly Served[] },
  content: Buffer,
): Promise<void> {
  for await (const acknowledgement of receive(server, arrival, content)) socket.write(mllpFrame(acknowledgement));
}

/** After all that came before it for the same interface. */
async function inTurn({ turns }: Listening, candidates: readonly Served[], work: () => Promise<void>): Promise<void> {
  const key = candidates.map((one) => `${one.tenant.id} ${one.interface.id}`).join();
  const before = turns.get(key) ?? Promise.resolve();
  const own = before.then(work);
  const settled = own.catch(() => undefined);
  turns.set(key, settled);
  try {
    await own;
  } finally {
    if (turns.get(key) === settled) turns.delete(key);
  }
}
