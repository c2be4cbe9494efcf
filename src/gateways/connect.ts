/**
 * Connections that the server opens to the peer of an interface, with TLS where its address says so.
 *
 * Addresses are judged when a connection is made: what is not public is for the operator to allow.
 */
import { once } from 'node:events';
import { connect, isIP, type BlockList, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { guardedLookup, mayGoTo, NotPublic } from '../publishing/allowed-address.ts';

export interface Peer {
  /** `mllp://host:port`, `tcp://host:port`; with TLS `mllps://`, `tls://`. */
  readonly address: string;
  /** Networks besides public addresses; undefined: the operator set the address itself. */
  readonly allowed: BlockList | undefined;
  /** PEM. */
  readonly authority?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** Why there is no answer; the sentence holds nothing of what the peer said. */
export class NoAnswer extends Error {}

const connectTime = 10_000;
/** Milliseconds after which the system asks a silent peer whether it is still there. */
const askedAfter = 30_000;

/** @throws NoAnswer with the sentence */
export async function connected(peer: Peer): Promise<Socket> {
  const { protocol, hostname, port } = new URL(peer.address);
  const host = hostname.replace(/^\[|\]$/g, '');
  const { allowed } = peer;
  if (allowed !== undefined && isIP(host) !== 0 && !mayGoTo(host, allowed)) throw new NoAnswer(notAllowed);
  const options = {
    ...{ host, port: Number(port), noDelay: true, keepAlive: true, keepAliveInitialDelay: askedAfter },
    ...(allowed !== undefined && { lookup: guardedLookup(allowed) }),
  };
  const secure = protocol === 'mllps:' || protocol === 'tls:';
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
