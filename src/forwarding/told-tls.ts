/**
 * A TLS connection that tells how its other side ended it: by close_notify, or by an end of the connection below TLS alone,
 * which anybody between could have made and a process that dies makes too (RFC 8446, 6.1). Node calls both `end`.
 *
 * TLS therefore runs over a stream of ours: what close_notify says is heard before that stream ends, a bare end after.
 */
import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

export interface ToldTls {
  readonly socket: TLSSocket;
  /** Whether it ended by close_notify; false as long as it has not ended. */
  closedByPeer(): boolean;
}

export function connectTls(to: TcpNetConnectOpts, options: ConnectionOptions): ToldTls {
  const tcp = connectTcp(to);
  const below = streamOver(tcp);
  const socket = connect({ ...options, socket: below });
  let bare = false;
  let closed = false;
  below.once('end', () => (bare = true));
  socket.once('end', () => (closed = !bare));
  // Destroying one destroys the other: TLS does not do so for a stream that is not a socket.
  socket.once('close', () => tcp.destroy());
  return { socket, closedByPeer: () => closed };
}

function streamOver(tcp: Socket): Duplex {
  const stream = new Duplex({
    read: () => void tcp.resume(),
    write: (chunk: Buffer, _encoding, done) => void tcp.write(chunk, done),
    final: (done) => void tcp.end(done),
    destroy: (error, done) => {
      tcp.destroy();
      done(error);
    },
  });
  tcp.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) tcp.pause();
  });
  tcp.once('end', () => stream.push(null));
  tcp.once('error', (error) => stream.destroy(error));
  tcp.once('close', () => stream.destroy());
  return stream;
}
