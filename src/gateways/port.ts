/** A port that peers connect to, with TLS or without. */
import type { X509Certificate } from 'node:crypto';
import { createServer, type Server as TcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';

/** Milliseconds after which the system asks a silent peer whether it is still there. */
const askedAfter = 60_000;

export interface Opening {
  readonly port: number;
  readonly host: string;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  readonly mostConnections: number;
}

export async function openPort(
  { port, host, tls, mostConnections }: Opening,
  accept: (socket: Socket) => void,
): Promise<TcpServer> {
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: askedAfter };
  const tcp = tls === undefined ? createServer(options, accept) : secured({ ...options, ...tls }, accept);
  tcp.maxConnections = mostConnections;
  await opened(tcp, port, host);
  return tcp;
}

/**
 * Which certificates of clients are good each interface says: the client has shown that it holds the key. What
 * does not finish the handshake is closed.
 */
function secured(options: TlsOptions, accept: (socket: Socket) => void): TcpServer {
  const server = createTlsServer(
    { ...options, minVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false, handshakeTimeout: 10_000 },
    accept,
  );
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return server;
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

/** The certificate that the peer showed. */
export function certificateOf(socket: Socket): X509Certificate | undefined {
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
}
