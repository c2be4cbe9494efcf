/**
 * ASTM over TCP: analyzers connect, each connection is a line (serve-line.ts).
 *
 * 1. A peer that no interface of the port allows is closed before it is read, and the laboratories are told.
 * 2. Interfaces that share a port and a peer share their driver: the link must be known before the first byte.
 * 3. Frames and messages are bounded (src/astm/settings.ts), and so are silence and the connections of a peer.
 * 4. A stop lets what came be stored.
 */
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { allows } from '../hl7v2/settings.ts';
import { openPort } from '../port.ts';
import { makeRefusals, type Refused } from '../refusals.ts';
import type { AstmInterfaces, Gateway, ServedAstm } from './gateway.ts';
import { serveLine } from './serve-line.ts';

/** Milliseconds without a byte: analyzers keep connections open over nights. */
const silence = 24 * 3_600_000;
/** Milliseconds that what came gets to be stored when the server stops. */
const longestTurn = 10_000;
const mostConnections = 500;
/** Many analyzers come over one converter of serial lines. */
const mostOfPeer = 150;

export interface AstmListener {
  readonly address: AddressInfo;
  stop(): Promise<void>;
}

export interface AstmListen {
  readonly interfaces: AstmInterfaces;
  /** As interfaces name it: 0 for the shared one. */
  readonly named: number;
  readonly port: number;
  readonly host: string;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

export async function listenAstm(gateway: Gateway, listen: AstmListen): Promise<AstmListener> {
  const sockets = new Set<Socket>();
  const working = new Set<Promise<void>>();
  const refused = makeRefusals(gateway.server, 'astm');
  const accept = (socket: Socket): void => {
    const work = connection(gateway, { listen, sockets, refused }, socket)
      .catch((error: unknown) => gateway.server.log.error({ gateway: 'astm', err: error }, 'connection failed'))
      .finally(() => {
        socket.destroy();
        sockets.delete(socket);
        working.delete(work);
      });
    working.add(work);
  };
  const tcp = await openPort({ ...listen, mostConnections }, accept);
  return {
    address: tcp.address() as AddressInfo,
    stop: async () => {
      const closed = new Promise((done) => tcp.close(done));
      for (const socket of sockets) socket.destroySoon();
      const bounded = pause(longestTurn, undefined, { ref: false });
      await Promise.race([Promise.all([...working, gateway.turns.done()]), bounded]);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

interface Listening {
  readonly listen: AstmListen;
  readonly sockets: Set<Socket>;
  readonly refused: Refused;
}

async function connection(gateway: Gateway, { listen, sockets, refused }: Listening, socket: Socket): Promise<void> {
  const peer = socket.remoteAddress ?? '';
  const { named, interfaces } = listen;
  socket.on('error', () => undefined);
  const secure = listen.tls !== undefined;
  const candidates = (): readonly ServedAstm[] => {
    const allowed = interfaces.ofPort(named).filter(({ interface: own }) => own.secure === secure && allows(own, peer));
    // One that names the very address is meant, before one that names its network.
    const exact = allowed.filter(({ interface: own }) => own.allowed.includes(peer.replace(/^::ffff:/, '')));
    return exact.length > 0 ? exact : allowed;
  };
  const ofPeer = [...sockets].filter(({ remoteAddress }) => remoteAddress === peer).length;
  const reason = refusal(candidates(), ofPeer);
  if (reason !== undefined) {
    refused(peer, interfaces.ofPort(named), reason);
    return;
  }
  sockets.add(socket);
  socket.setTimeout(silence, () => socket.destroy());
  await serveLine(gateway, socket, { peer, candidates, refused });
}

function refusal(candidates: readonly ServedAstm[], ofPeer: number): string | undefined {
  const [first, ...others] = candidates;
  if (first === undefined) return 'No interface of the port allows this address to connect.';
  if (
    others.some(({ interface: own }) => own.driver !== first.interface.driver || own.frame !== first.interface.frame)
  ) {
    return 'Interfaces of the port that allow this address have different drivers: give one a port of its own.';
  }
  return ofPeer >= mostOfPeer ? `An address may have at most ${mostOfPeer} connections at once.` : undefined;
}
