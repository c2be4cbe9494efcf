/** A system that takes messages over MLLP, as a hospital's is one: what it answers, the test says for each message. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import { mllpDecoder, mllpFrame } from '../../src/hl7v2/mllp.ts';

export interface Taken {
  readonly text: string;
  readonly controlId: string;
  readonly bytes: Buffer;
  /** Which connection it came on, from 1. */
  readonly connection: number;
}

/** Messages to answer with, one after the other; `close` breaks the connection; nothing at all is silence. */
export type Reaction = readonly string[] | 'close';

export interface Peer {
  readonly port: number;
  readonly taken: Taken[];
  /** What is answered from now on; AA at the beginning. */
  react: (taken: Taken) => Reaction;
  /** Sends something that nobody asked for on the newest connection. */
  say(text: string): void;
  /** The messages when there are so many. */
  wait(count: number): Promise<readonly Taken[]>;
  stop(): Promise<void>;
}

/** An acknowledgement of original or enhanced mode. */
export function answerTo({ controlId }: Pick<Taken, 'controlId'>, code: string, ...errors: readonly string[]): string {
  return [
    `MSH|^~\\&|HIS|HOSP|MAKHBAR|LAB|20260131081500||ACK|A${controlId}|P|2.5.1`,
    `MSA|${code}|${controlId}`,
    ...errors,
    '',
  ].join('\r');
}

export async function openPeer(port = 0, tls?: TlsOptions): Promise<Peer> {
  const taken: Taken[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const peer: Peer = {
    port: 0,
    taken,
    react: (one) => [answerTo(one, 'AA')],
    say: (text) => [...sockets].at(-1)?.write(mllpFrame(Buffer.from(text))),
    wait: async (count) => {
      for (const end = Date.now() + 120_000; Date.now() < end; await pause(50)) if (taken.length >= count) return taken;
      throw new Error(`Only ${taken.length} of ${count} messages came.`);
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
  const accept = (socket: Socket): void => {
    const connection = ++connections;
    const decoder = mllpDecoder(10_000_000);
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      for (const frame of decoder.take(chunk)) {
        if (frame.kind !== 'message') continue;
        const text = frame.content.toString();
        const one = { text, bytes: frame.content, controlId: text.split('|')[9] ?? '', connection };
        taken.push(one);
        const reaction = peer.react(one);
        if (reaction === 'close') socket.destroy();
        else for (const answer of reaction) socket.write(mllpFrame(Buffer.from(answer)));
      }
    });
  };
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on('tlsClientError', (_, socket: Socket) => socket.destroy());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(peer, { port: (server.address() as AddressInfo).port });
}
