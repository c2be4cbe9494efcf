/**
 * MLLP as the side that sends: one connection to the peer of an interface, kept open, one message at a time and then its
 * acknowledgement. https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
 *
 * 1. An acknowledgement counts if its MSA-2 is the MSH-10 of the message under way; one of another message (a late one, or an
 *    application's of enhanced mode) is handed on and waited past.
 * 2. After a failure nobody knows what the peer still says: the connection is closed, and the next message opens another.
 */
import type { Socket } from 'node:net';
import { mllpDecoder, mllpFrame } from '../../hl7v2/mllp.ts';
import { connected, NoAnswer, type Peer } from '../connect.ts';

export interface Client {
  /**
   * What the peer answers to a message.
   * @throws NoAnswer with the sentence
   */
  exchange(message: Buffer, controlId: string, milliseconds: number): Promise<Buffer>;
  close(): void;
}

/** Bytes of an acknowledgement. */
const longestAnswer = 1_048_576;
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
