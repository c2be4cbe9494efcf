/**
 * MLLP as the side that sends: one connection to the peer of an interface, kept open, one message at a time and then its
 * acknowledgement. https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
 *
 * 1. An acknowledgement counts if its MSA-2 is the MSH-10 of the message under way; one of another message (a late one, or an
 *    application's of enhanced mode) is handed on and waited past.
 * 2. After a failure nobody knows what the peer still says: the connection is closed, and the next message opens another.
 * 3. Addresses are judged when a connection is made: what is not public is for the operator to allow.
 */
import { once } from 'node:events';
import { connect, isIP, type BlockList, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { guardedLookup, mayGoTo, NotPublic } from '../../publishing/allowed-address.ts';
import { mllpDecoder, mllpFrame } from '../../hl7v2/mllp.ts';

export interface Peer {
  /** `mllp://host:port` or `mllps://host:port`. */
  readonly address: string;
  /** Networks besides public addresses; undefined: the operator set the address itself. */
  readonly allowed: BlockList | undefined;
  /** PEM. */
  readonly authority?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export interface Client {
  /**
   * What the peer answers to a message.
   * @throws NoAnswer with the sentence
   */
  exchange(message: Buffer, controlId: string, milliseconds: number): Promise<Buffer>;
  close(): void;
}

/** Why there is no answer; the sentence holds nothing of what the peer said. */
export class NoAnswer extends Error {}

/** Bytes of an acknowledgement. */
const longestAnswer = 1_048_576;
const connectTime = 10_000;
/** Milliseconds after which the system asks a silent peer whether it is still there. */
const askedAfter = 30_000;

interface Waiting {
  readonly controlId: string;
  readonly done: (answer: Buffer) => void;
  readonly fail: (error: NoAnswer) => void;
}

interface Connection {
  readonly socket: Socket;
  waiting: Waiting | undefined;
}

/** @param other takes what is no answer to the message under way */
export function makeClient(peer: Peer, other: (answer: Buffer) => void): Client {
  let connection: Connection | undefined;
  const opened = async (): Promise<Connection> => {
    if (connection !== undefined && !connection.socket.destroyed) return connection;
    const made = { socket: await connected(peer), waiting: undefined };
    listen(made, other);
    connection = made;
    return made;
  };
  return {
    exchange: async (message, controlId, milliseconds) => {
      const current = await opened();
      try {
        return await answered(current, message, { controlId, milliseconds });
      } catch (error) {
        current.socket.destroy();
        throw error;
      }
    },
    close: () => connection?.socket.destroy(),
  };
}

function listen(connection: Connection, other: (answer: Buffer) => void): void {
  const decoder = mllpDecoder(longestAnswer);
  const { socket } = connection;
  socket.on('data', (chunk: Buffer) => {
    for (const frame of decoder.take(chunk)) {
      if (frame.kind === 'too-long') socket.destroy();
      if (frame.kind !== 'message') continue;
      const { waiting } = connection;
      if (waiting !== undefined && acknowledged(frame.content) === waiting.controlId) waiting.done(frame.content);
      else other(frame.content);
    }
  });
  socket.on('error', () => undefined);
  // A peer that has nothing more to say does not listen either.
  socket.on('end', () => socket.destroy());
  socket.on('close', () => connection.waiting?.fail(new NoAnswer('The peer broke the connection before it answered.')));
}

function answered(
  connection: Connection,
  message: Buffer,
  { controlId, milliseconds }: { readonly controlId: string; readonly milliseconds: number },
): Promise<Buffer> {
  return new Promise<Buffer>((done, fail) => {
    if (connection.socket.destroyed) return fail(new NoAnswer('The peer closed the connection.'));
    const timer = setTimeout(() => fail(new NoAnswer('The peer did not answer in time.')), milliseconds);
    const end = (): void => {
      clearTimeout(timer);
      connection.waiting = undefined;
    };
    connection.waiting = {
      controlId,
      done: (answer) => {
        end();
        done(answer);
      },
      fail: (error) => {
        end();
        fail(error);
      },
    };
    connection.socket.write(mllpFrame(message));
  }).finally(() => {
    connection.waiting = undefined;
  });
}

/** MSA-2, whatever the delimiters are. */
export function acknowledged(answer: Buffer): string | undefined {
  const text = answer.toString('latin1');
  const field = /MSH(.)/.exec(text)?.[1];
  const msa = field === undefined ? undefined : text.split(/[\r\n]+/).find((line) => line.startsWith(`MSA${field}`));
  return msa?.split(field ?? '|')[2];
}

async function connected(peer: Peer): Promise<Socket> {
  const { protocol, hostname, port } = new URL(peer.address);
  const host = hostname.replace(/^\[|\]$/g, '');
  const { allowed } = peer;
  if (allowed !== undefined && isIP(host) !== 0 && !mayGoTo(host, allowed)) throw new NoAnswer(notAllowed);
  const options = {
    ...{ host, port: Number(port), noDelay: true, keepAlive: true, keepAliveInitialDelay: askedAfter },
    ...(allowed !== undefined && { lookup: guardedLookup(allowed) }),
  };
  const secure = protocol === 'mllps:';
  const socket = secure ? connectTls({ ...options, ...tlsOptions(peer, host) }) : connect(options);
  socket.on('error', () => undefined);
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(connectTime) });
  } catch (error) {
    socket.destroy();
    throw new NoAnswer(sentenceOf(error));
  }
  return socket;
}

function tlsOptions({ authority, certificate, key }: Peer, host: string): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    // Not for an IP address (RFC 6066, 3).
    ...(isIP(host) === 0 && { servername: host }),
    ...(authority !== undefined && { ca: authority }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
  };
}

const notAllowed = 'The address of the peer is not public; the operator must allow it (INTERFACE_NETWORKS).';

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The peer does not listen there.',
  ECONNRESET: 'The peer broke the connection.',
  ENOTFOUND: 'The name of the peer is not known.',
  EAI_AGAIN: 'The name of the peer cannot be asked for now.',
  EHOSTUNREACH: 'The peer cannot be reached.',
  ENETUNREACH: 'The peer cannot be reached.',
  ETIMEDOUT: 'The peer does not answer.',
};

function sentenceOf(error: unknown): string {
  const { name = '', code = '' } = error as { name?: string; code?: string };
  if (error instanceof NotPublic) return notAllowed;
  if (name === 'AbortError' || name === 'TimeoutError') return 'The peer did not take the connection in time.';
  if (sentences[code] !== undefined) return sentences[code];
  if (/^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|HOSTNAME_MISMATCH)/.test(code)) {
    return `TLS with the peer failed (${code}).`;
  }
  return `The connection to the peer failed (${code === '' ? name : code}).`.slice(0, 200);
}
