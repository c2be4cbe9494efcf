/** Bytes straight on a socket, for what no HTTP client would send. */
import { connect } from 'node:net';

/** Sends the chunks, one after the other with a pause, and returns all that came back until the server closed. */
export function exchangeBytes(base: string, chunks: readonly (string | Uint8Array)[], pause = 0): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(received).toString('latin1')));
    // A server that has answered may cut the rest of what we send.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      ['EPIPE', 'ECONNRESET'].includes(error.code ?? '')
        ? resolve(Buffer.concat(received).toString('latin1'))
        : reject(error),
    );
    void sendAll(socket, chunks, pause);
  });
}

async function sendAll(
  socket: ReturnType<typeof connect>,
  chunks: readonly (string | Uint8Array)[],
  pause: number,
): Promise<void> {
  for (const chunk of chunks) {
    if (socket.destroyed) {
      return;
    }
    socket.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Status of the first response in what came back; 0 where the server only closed. */
export function statusIn(received: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0);
}
