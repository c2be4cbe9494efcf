/**
 * An analyzer for tests: it plays the instrument of LIS01-A2 on whatever carries bytes. It shares no code with the server,
 * so that both cannot be wrong in the same way.
 */
import type { Duplex } from 'node:stream';

const [STX, ETX, EOT, ENQ, ACK, NAK, ETB] = [0x02, 0x03, 0x04, 0x05, 0x06, 0x15, 0x17];

export interface Analyzer {
  /** Sends a message, a record a frame. @returns what each ENQ and frame was answered with: A, N, E */
  send(records: readonly string[]): Promise<string>;
  /** Sends Q for a specimen and waits for what answers it. */
  ask(specimen: string): Promise<string[]>;
  /** The next message that the host sends of its own accord: its records. */
  orders(): Promise<string[]>;
}

function checksumOf(text: Buffer): string {
  let sum = 0;
  for (const byte of text) sum += byte;
  return (sum % 256).toString(16).toUpperCase().padStart(2, '0');
}

function frameOf(number: number, text: string, end = ETX): Buffer {
  const content = Buffer.concat([Buffer.from(`${number % 8}${text}`), Buffer.of(end)]);
  return Buffer.concat([Buffer.of(STX), content, Buffer.from(`${checksumOf(content)}\r\n`)]);
}

/** @param damage frames that are sent with a wrong checksum the first time, by their place */
export function analyzer(stream: Duplex, { damage = [] }: { readonly damage?: readonly number[] } = {}): Analyzer {
  const bytes = reader(stream);
  const messages: string[][] = [];
  const damaged = new Set(damage);

  /** Takes what the host sends, from its ENQ to its EOT. */
  const receive = async (): Promise<void> => {
    stream.write(Buffer.of(ACK));
    let text = '';
    for (;;) {
      const byte = await bytes.next();
      if (byte === EOT) break;
      if (byte !== STX) continue;
      const content: number[] = [];
      for (let one = await bytes.next(); ; one = await bytes.next()) {
        content.push(one);
        if (one === ETX || one === ETB) break;
      }
      const sum = String.fromCharCode(await bytes.next(), await bytes.next());
      const isRight = sum === checksumOf(Buffer.from(content));
      if (isRight) text += Buffer.from(content.slice(1, -1)).toString('utf8');
      stream.write(Buffer.of(isRight ? ACK : NAK));
    }
    messages.push(text.split('\r').filter((one) => one !== ''));
  };
  /** The answer of the host; what it sends of its own accord meanwhile is let go first (§6.2.7.2: it gives way). */
  const answer = async (): Promise<string> => {
    for (;;) {
      const byte = await bytes.next();
      if (byte === ACK) return 'A';
      if (byte === NAK) return 'N';
      if (byte === EOT) return 'E';
      if (byte === ENQ) return 'Q';
    }
  };
  const send = async (records: readonly string[]): Promise<string> => {
    let trace = '';
    do {
      stream.write(Buffer.of(ENQ));
      trace += await answer();
      // Both asked at once: the instrument asks again, the host waits.
      if (!trace.endsWith('A')) await new Promise((done) => setTimeout(done, 50));
    } while (!trace.endsWith('A') && trace.length < 100);
    for (const [at, record] of records.entries()) {
      const frame = frameOf(at + 1, `${record}\r`);
      const sent = Buffer.from(frame);
      if (damaged.delete(at)) sent[sent.length - 4] = sent[sent.length - 4] === 0x30 ? 0x31 : 0x30;
      stream.write(sent);
      let answered = await answer();
      trace += answered;
      for (let tries = 1; answered === 'N' && tries < 6; tries++) {
        stream.write(frame);
        answered = await answer();
        trace += answered;
      }
    }
    stream.write(Buffer.of(EOT));
    return trace;
  };
  const orders = async (): Promise<string[]> => {
    while ((await bytes.next()) !== ENQ);
    await receive();
    return messages.shift() ?? [];
  };
  return {
    send,
    orders,
    ask: async (specimen) => {
      await send(['H|\\^&|||Simulator', `Q|1|^${specimen}||ALL||||||||O`, 'L|1|N']);
      return orders();
    },
  };
}

/** One byte after another; fails when the line is closed. */
function reader(stream: Duplex): { next(): Promise<number> } {
  let kept = Buffer.alloc(0);
  let ended = false;
  let wake: (() => void) | undefined;
  stream.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]);
    wake?.();
  });
  stream.on('error', () => undefined);
  stream.on('close', () => {
    ended = true;
    wake?.();
  });
  return {
    next: async () => {
      while (kept.length === 0) {
        if (ended) throw new Error('The line was closed.');
        await new Promise<void>((done) => (wake = done));
      }
      const [byte = 0] = kept;
      kept = kept.subarray(1);
      return byte;
    },
  };
}
