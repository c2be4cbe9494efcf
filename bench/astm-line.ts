/** The analyzer's side of a line of LIS01-A2, for measuring: one frame a record, each waited for. */
import { once } from 'node:events';
import { connect } from 'node:net';

const [stx, etx, eot, enq, ack] = ['\u0002', '\u0003', '\u0004', '\u0005', '\u0006'];

export interface AnalyzerLine {
  /** Sends a message. @returns milliseconds from each frame to its answer */
  send(records: readonly string[]): Promise<number[]>;
  close(): void;
}

export async function openAnalyzer(port: number): Promise<AnalyzerLine> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  let answered: ((byte: string) => void) | undefined;
  let receiving = false;
  socket.on('data', (chunk: Buffer) => {
    for (const byte of chunk.toString('latin1')) {
      // What the host sends of its own accord: answers to questions, frame by frame.
      if (byte === enq) {
        receiving = true;
        socket.write(ack);
      } else if (receiving && byte === '\n') socket.write(ack);
      else if (receiving && byte === eot) receiving = false;
      else if (!receiving) answered?.(byte);
    }
  });
  socket.on('error', () => answered?.(eot));
  const exchange = (bytes: string): Promise<string> =>
    new Promise((done) => {
      answered = (byte) => {
        answered = undefined;
        done(byte);
      };
      socket.write(Buffer.from(bytes, 'latin1'));
    });
  return {
    send: async (records) => {
      const times: number[] = [];
      while ((await exchange(enq)) !== ack);
      for (const [i, record] of records.entries()) {
        const begun = performance.now();
        if ((await exchange(frame(i + 1, record))) !== ack) throw new Error('A frame was not acknowledged.');
        times.push(performance.now() - begun);
      }
      socket.write(eot);
      return times;
    },
    close: () => socket.destroy(),
  };
}

function frame(number: number, record: string): string {
  const content = `${number % 8}${record}\r${etx}`;
  const sum = [...content].reduce((total, byte) => total + byte.charCodeAt(0), 0) % 256;
  return `${stx}${content}${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}
