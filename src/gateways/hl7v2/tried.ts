/** Tries an interface out: whether its port is open and how it speaks TLS, and whether the peer that it sends to answers. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { newId } from '../../interactions/new-id.ts';
import type { Server } from '../../request.ts';
import type { Session } from '../../store/pool.ts';
import { NoAnswer } from '../connect.ts';
import { makeClient } from './client.ts';
import { peerOf } from './sendings.ts';
import type { ServedOut } from './told.ts';

const patience = 5_000;

export interface Open {
  readonly open: boolean;
  /** Of TLS: its version, and what the certificate says. */
  readonly protocol?: string;
  readonly subject?: string;
  readonly validTo?: string;
}

/** Opens a connection and closes it: nothing is sent. */
export async function isOpen(host: string, port: number, secure: boolean): Promise<Open> {
  const place = { host: host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host, port };
  const socket = secure ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place);
  socket.on('error', () => undefined);
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(patience) });
    if (!('getProtocol' in socket)) return { open: true };
    const certificate = socket.getPeerX509Certificate();
    return {
      open: true,
      protocol: socket.getProtocol() ?? '',
      ...(certificate !== undefined && { subject: certificate.subject, validTo: certificate.validTo }),
    };
  } catch {
    return { open: false };
  } finally {
    socket.destroy();
  }
}

export interface Answered {
  /** MSA-1. */
  readonly code?: string;
  /** Why there is no answer. */
  readonly failure?: string;
  readonly milliseconds: number;
}

/**
 * Sends NMD^N02 (§14.3.2), which tells the time of our clock and is about nobody. A peer that does not take it says so, and
 * that is an answer too.
 */
export async function peerAnswers(server: Server, served: ServedOut, session: Session): Promise<Answered> {
  const { interface: own } = served;
  const { ownApplication, ownFacility, toApplication, toFacility, version } = own.out;
  const client = makeClient(await peerOf(server, served, session), () => undefined);
  const controlId = newId().replaceAll('-', '').slice(0, 20);
  const now = new Date().toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  const names = [ownApplication || 'MAKHBAR', ownFacility, toApplication, toFacility].join('|');
  const text = `MSH|^~\\&|${names}|${now}+0000||NMD^N02|${controlId}|T|${version}\rNCK|${now}+0000\r`;
  const begun = performance.now();
  const passed = (): number => Math.round(performance.now() - begun);
  try {
    const answer = await client.exchange(Buffer.from(text), controlId, patience);
    const code = /\rMSA.([A-Z]{2})/.exec(answer.toString('latin1'))?.[1] ?? '';
    return { code, milliseconds: passed() };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { failure: error.message, milliseconds: passed() };
  } finally {
    client.close();
  }
}
