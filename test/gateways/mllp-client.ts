/** A sender of HL7 v2 messages over MLLP, as a hospital's interface is one: one message at a time, then its acknowledgement. */
import { connect, type Socket } from 'node:net';
import { mllpDecoder, mllpFrame } from '../../src/hl7v2/mllp.ts';

export interface Sender {
  readonly socket: Socket;
  /** Sends a message and gives the `count` acknowledgements that come. */
  send(message: string | Buffer, count?: number): Promise<string[]>;
  close(): void;
}

export async function openSender(port: number): Promise<Sender> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((done, fail) => {
    socket.once('connect', done);
    socket.once('error', fail);
  });
  const decoder = mllpDecoder(1_000_000);
  const arrived: string[] = [];
  let look = (): void => undefined;
  let closed = false;
  socket.on('data', (chunk) => {
    for (const frame of decoder.take(chunk)) if (frame.kind === 'message') arrived.push(frame.content.toString());
    look();
  });
  socket.on('close', () => {
    closed = true;
    look();
  });
  socket.on('error', () => undefined);
  return {
    socket,
    send: (message, count = 1) =>
      new Promise((done, fail) => {
        look = () => {
          if (arrived.length >= count) done(arrived.splice(0, count));
          else if (closed) fail(new Error(`The connection was closed after ${arrived.length} acknowledgements.`));
        };
        socket.write(mllpFrame(Buffer.from(message)));
        look();
      }),
    close: () => socket.destroy(),
  };
}

/** MSA-1 of an acknowledgement. */
export function codeOf(acknowledgement: string | undefined): string {
  return /\rMSA\|([A-Z]{2})/.exec(acknowledgement ?? '')?.[1] ?? '';
}
