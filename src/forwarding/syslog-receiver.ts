/**
 * IHE ITI-20 by syslog over TLS (RFC 5425): audit messages of DICOM, one frame each.
 *
 * Syslog has no acknowledgement. A connection therefore carries some events and is then closed as RFC 5425 §4.4 has it: we
 * send close_notify, and the receiver, which has by then read all that came before, answers with its own. Only then are
 * they counted as taken; a connection that breaks, or that the receiver does not close, is begun again with the same events.
 * A receiver that dies after it has closed the connection may still have lost them: where the next exchange fails, those of
 * the last one are sent again (store/audit-feeds.ts).
 */
import { hostname } from 'node:os';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { dicomMessage } from '../audit/dicom-message.ts';
import { syslogFrame } from '../audit/syslog.ts';
import { checkHost, NotTaken, tlsOptions, type Destination, type Outgoing, type Receiver } from './receiver.ts';
import { connectTls, type ToldTls } from './told-tls.ts';

/** The port of syslog over TLS, as IANA has it. */
const syslogPort = 6514;

export function syslogReceiver(destination: Destination): Receiver {
  return {
    deliver: async (events, signal) => {
      const connection = await connected(destination, signal);
      try {
        await send(connection, events.map(frameOf), signal);
        return { count: events.length };
      } finally {
        connection.socket.destroy();
      }
    },
    close: () => undefined,
  };
}

function frameOf({ resource }: Outgoing): Buffer {
  const { recorded, outcome } = resource;
  const header = { hostname: hostname(), process: process.pid, time: String(recorded), failed: outcome !== '0' };
  return syslogFrame(header, dicomMessage(resource));
}

async function connected(destination: Destination, signal: AbortSignal): Promise<ToldTls> {
  const { hostname: named, port } = new URL(destination.address);
  const host = named.replace(/^\[|\]$/g, '');
  checkHost(host, destination);
  const { lookup, ...options } = tlsOptions(destination);
  const connection = connectTls(
    { host, port: port === '' ? syslogPort : Number(port), ...(lookup && { lookup }) },
    // A name is sent, an IP address is not (RFC 6066, 3), but checked against the certificate as well.
    { ...options, host, ...(isIP(host) === 0 && { servername: host }) },
  );
  const { socket } = connection;
  // Heard of by whoever waits; what comes when nobody does changes nothing.
  socket.on('error', () => undefined);
  const abort = (): void => void socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', abort));
  await once(socket, 'secureConnect', { signal });
  return connection;
}

async function send({ socket, closedByPeer }: ToldTls, frames: readonly Buffer[], signal: AbortSignal): Promise<void> {
  let ended = false;
  let broken: Error | undefined;
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  socket.once('end', () => (ended = true));
  socket.once('error', (error) => (broken = error));
  // What it says is not read.
  socket.resume();
  for (const frame of frames) {
    if (!socket.write(frame)) await Promise.race([once(socket, 'drain', { signal }), closed]);
    if (broken !== undefined || ended || socket.destroyed) break;
  }
  const early = ended || socket.destroyed;
  socket.end();
  await closed;
  if (broken !== undefined) throw broken;
  signal.throwIfAborted();
  if (early || !closedByPeer()) throw new NotTaken('The receiver ended the connection before it had read all of it.');
}
