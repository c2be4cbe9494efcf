/**
 * COPY … TO STDOUT as a stream of blocks: what one statement finds, in no more memory than a few blocks.
 *
 * 1. COPY takes no parameters: its text is made of numbers and times of our own only, never of what a caller sent.
 * 2. A row is copied out of the connection's buffer at once; that buffer is used again.
 * 3. Memory of blocks is used again: left to the collector, it makes it go through the whole heap.
 * 4. While more than `mostWaiting` bytes wait to be taken, nothing is read from the socket.
 *
 * A row is `key \x02 text \n`: no JSON text has these characters in it, so nothing is quoted (format csv, quote \x01).
 */
import type pg from 'pg';

export interface CopiedBlock {
  /** Whole lines, without their keys; the same memory holds others once the next block is asked for. */
  readonly bytes: Buffer;
  readonly count: number;
  /** The key of the last of them. */
  readonly key: string;
}

/** The options that make rows as above. */
export const copyOptions = `(format csv, delimiter E'\\x02', quote E'\\x01')`;

const blockSize = 262_144;
const mostWaiting = 2 * 1_048_576;
const separator = 2;
/** Bytes; a time and two numbers have fewer. */
const keySize = 128;

interface Socket {
  pause(): void;
  resume(): void;
}

interface Connection {
  readonly stream: Socket;
  query(text: string): void;
}

/** What `pg` calls while the statement runs. */
class CopyOut {
  #text: string;
  #connection: Connection | undefined;
  #block: Buffer = Buffer.allocUnsafeSlow(blockSize);
  #filled = 0;
  #count = 0;
  /** The last key, as bytes: made to a text for each row, it cost a twentieth of an export. */
  readonly #key = Buffer.alloc(keySize);
  #keyLength = 0;
  #ready: CopiedBlock[] = [];
  /** Memory of blocks that were taken. */
  readonly #spare: Buffer[] = [];
  #waiting = 0;
  #ended = false;
  #failure: unknown;
  #wake = (): void => undefined;

  constructor(text: string) {
    this.#text = text;
  }

  submit(connection: unknown): void {
    this.#connection = connection as Connection;
    this.#connection.query(this.#text);
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    const at = chunk.indexOf(separator);
    if (at > keySize) throw new RangeError('The key of a row is too long.');
    const length = chunk.length - at - 1;
    if (this.#filled + length > this.#block.length) {
      this.#flush();
      if (length > this.#block.length) this.#block = Buffer.allocUnsafe(length);
    }
    chunk.copy(this.#block, this.#filled, at + 1);
    this.#filled += length;
    this.#count += 1;
    this.#keyLength = chunk.copy(this.#key, 0, 0, at);
  }

  #flush(): void {
    if (this.#count === 0) return;
    this.#ready.push({
      bytes: this.#block.subarray(0, this.#filled),
      count: this.#count,
      key: this.#key.toString('latin1', 0, this.#keyLength),
    });
    this.#waiting += this.#filled;
    this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(blockSize);
    this.#filled = 0;
    this.#count = 0;
    if (this.#waiting > mostWaiting) this.#connection?.stream.pause();
    this.#wake();
  }

  handleError(error: unknown): void {
    this.#failure = error;
    this.handleReadyForQuery();
  }

  handleReadyForQuery(): void {
    this.#flush();
    this.#ended = true;
    this.#wake();
  }

  handleRowDescription(): void {
    // COPY has none.
  }

  handleCommandComplete(): void {
    // ReadyForQuery follows.
  }

  async *blocks(): AsyncGenerator<CopiedBlock> {
    for (;;) {
      const next = this.#ready.shift();
      if (next !== undefined) {
        this.#waiting -= next.bytes.length;
        if (this.#waiting <= mostWaiting) this.#connection?.stream.resume();
        yield next;
        if (next.bytes.buffer.byteLength === blockSize) this.#spare.push(Buffer.from(next.bytes.buffer));
      } else if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** The blocks of one statement; a connection whose stream was not read to its end must be closed. */
export function copyOut(client: pg.PoolClient, text: string): AsyncGenerator<CopiedBlock> {
  const copying = new CopyOut(text);
  client.query(copying);
  return copying.blocks();
}
