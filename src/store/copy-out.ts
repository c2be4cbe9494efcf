/**
 * COPY … TO STDOUT as a stream of blocks: what one statement finds, in no more memory than a few blocks.
 *
 * 1. COPY takes no parameters: its text is made of numbers and times of our own only, never of what a caller sent.
 * 2. A row is copied out of the connection's buffer at once; that buffer is used again.
 * 3. While more than `mostWaiting` bytes wait to be taken, nothing is read from the socket.
 *
 * A row is `key \x02 text \n`: no JSON text has these characters in it, so nothing is quoted (format csv, quote \x01).
 */
import type pg from 'pg';

export interface CopiedBlock {
  /** Whole lines, without their keys. */
  readonly bytes: Buffer;
  readonly count: number;
  /** The key of the last of them. */
  readonly key: string;
}

/** The options that make rows as above. */
export const copyOptions = `(format csv, delimiter E'\\x02', quote E'\\x01')`;

const blockSize = 262_144;
const mostWaiting = 4 * 1_048_576;
const separator = 2;

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
  #block = Buffer.allocUnsafe(blockSize);
  #filled = 0;
  #count = 0;
  #key = '';
  #ready: CopiedBlock[] = [];
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
    const length = chunk.length - at - 1;
    if (this.#filled + length > this.#block.length) {
      this.#flush();
      if (length > this.#block.length) this.#block = Buffer.allocUnsafe(length);
    }
    chunk.copy(this.#block, this.#filled, at + 1);
    this.#filled += length;
    this.#count += 1;
    this.#key = chunk.toString('latin1', 0, at);
  }

  #flush(): void {
    if (this.#count === 0) return;
    this.#ready.push({ bytes: this.#block.subarray(0, this.#filled), count: this.#count, key: this.#key });
    this.#waiting += this.#filled;
    this.#block = Buffer.allocUnsafe(blockSize);
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
