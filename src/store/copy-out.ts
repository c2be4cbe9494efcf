/**
 * COPY … TO STDOUT as a stream of blocks: what one statement finds, in no more memory than a few blocks.
 *
 * 1. COPY takes no parameters: its text is made of numbers and times of our own only, never of what a caller sent.
 * 2. While it runs, its bytes are read here (copy-rows.ts) and what is no row is handed to `pg`; from ReadyForQuery on the
 *    connection is again `pg`'s alone.
 * 3. While more than `mostWaiting` bytes wait to be taken, nothing is read from the socket.
 *
 * A row is `key \x02 text \n`: no JSON text has these characters in it, so nothing is quoted (format csv, quote \x01).
 */
import type { Socket } from 'node:net';
import type pg from 'pg';
import { CopyRows, type CopiedBlock } from './copy-rows.ts';
import { LendingSocket } from './lending-socket.ts';

/** The options that make rows as above. */
export const copyOptions = `(format csv, delimiter E'\\x02', quote E'\\x01')`;

const mostWaiting = 2 * 1_048_576;
const readyForQuery = 0x5a;

type Reader = (chunk: Buffer) => void;

interface Connection {
  readonly stream: Socket;
  query(text: string): void;
}

/** What `pg` calls while the statement runs. */
class CopyOut {
  readonly #text: string;
  readonly #rows: CopyRows;
  /** While its bytes are read here. */
  #stream: Socket | undefined;
  /** Those of `pg`. */
  #readers: Reader[] = [];
  #ready: CopiedBlock[] = [];
  #waiting = 0;
  #ended = false;
  #failure: unknown;
  #wake = (): void => undefined;

  constructor(text: string) {
    this.#text = text;
    this.#rows = new CopyRows({
      block: (block) => {
        this.#ready.push(block);
        this.#waiting += block.bytes.length;
        if (this.#waiting > mostWaiting) this.#stream?.pause();
        this.#wake();
      },
      message: (bytes) => {
        const readers = this.#readers;
        if (bytes[0] === readyForQuery) this.#giveBack();
        readers.forEach((reader) => reader(bytes));
      },
    });
  }

  submit(given: unknown): void {
    const connection = given as Connection;
    const { stream } = connection;
    this.#stream = stream;
    this.#readers = stream.listeners('data') as Reader[];
    this.#readers.forEach((reader) => stream.off('data', reader));
    stream.on('data', this.#read);
    if (stream instanceof LendingSocket) stream.lends = true;
    connection.query(this.#text);
  }

  readonly #read: Reader = (chunk) => {
    try {
      this.#rows.take(chunk);
    } catch (error) {
      this.#stream?.destroy(error as Error);
    }
  };

  #giveBack(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (stream instanceof LendingSocket) stream.lends = false;
    stream.off('data', this.#read);
    this.#readers.forEach((reader) => stream.on('data', reader));
    stream.resume();
    this.#stream = undefined;
  }

  handleError(error: unknown): void {
    this.#failure = error;
    this.handleReadyForQuery();
  }

  handleReadyForQuery(): void {
    this.#rows.flush();
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
        if (this.#waiting <= mostWaiting) this.#stream?.resume();
        yield next;
        this.#rows.reuse(next);
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
