/**
 * The answer to COPY … TO STDOUT, taken from the bytes of the connection: its rows go into blocks, every other message to
 * the library that has the connection. https://www.postgresql.org/docs/18/protocol-message-formats.html
 *
 * 1. A chunk may end anywhere, and its memory is used again after `take`: nothing refers to it later.
 * 2. Memory of blocks is used again: left to the collector, it makes it go through the whole heap.
 *
 * The library makes an object and a view of each row: with what the collector did about them, half of an export's time.
 */
export interface CopiedBlock {
  /** Whole lines, without their keys; the same memory holds others once the next block is asked for. */
  readonly bytes: Buffer;
  readonly count: number;
  /** The key of the last of them. */
  readonly key: string;
}

export interface Taker {
  block(block: CopiedBlock): void;
  /** A whole message that is no row, in memory of its own. */
  message(bytes: Buffer): void;
}

const blockSize = 262_144;
const row = 0x64;
const separator = 2;
/** Bytes; a time and two numbers have fewer. */
const keySize = 128;
/** A letter and a length that counts itself. */
const headerSize = 5;

export class CopyRows {
  readonly #taker: Taker;
  #block: Buffer = Buffer.allocUnsafeSlow(blockSize);
  #filled = 0;
  #count = 0;
  /** The last key, as bytes: made to a text for each row, it cost a twentieth of an export. */
  readonly #key = Buffer.alloc(keySize);
  #keyLength = 0;
  /** Memory of blocks that were taken. */
  readonly #spare: Buffer[] = [];
  /** The beginning of a message whose rest is still to come. */
  #begun = Buffer.allocUnsafeSlow(blockSize);
  #begunLength = 0;

  constructor(taker: Taker) {
    this.#taker = taker;
  }

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const rest = chunk.length - at;
      const size = this.#begunLength === 0 && rest >= headerSize ? 1 + chunk.readUInt32BE(at + 1) : Infinity;
      if (size > rest) at += this.#gather(chunk, at);
      else {
        this.#message(chunk, at, size);
        at += size;
      }
    }
  }

  /** Of a message that does not lie in one chunk; gives how many bytes were taken. */
  #gather(chunk: Buffer, at: number): number {
    const isHeader = this.#begunLength < headerSize;
    const size = isHeader ? headerSize : 1 + this.#begun.readUInt32BE(1);
    if (size > this.#begun.length) {
      const larger = Buffer.allocUnsafeSlow(size);
      this.#begun.copy(larger, 0, 0, this.#begunLength);
      this.#begun = larger;
    }
    const taken = chunk.copy(this.#begun, this.#begunLength, at, at + size - this.#begunLength);
    this.#begunLength += taken;
    const isWhole = this.#begunLength >= headerSize && this.#begunLength === 1 + this.#begun.readUInt32BE(1);
    if (isWhole) {
      this.#message(this.#begun, 0, this.#begunLength);
      this.#begunLength = 0;
      if (this.#begun.length > blockSize) this.#begun = Buffer.allocUnsafeSlow(blockSize);
    }
    return taken;
  }

  #message(bytes: Buffer, at: number, size: number): void {
    if (bytes[at] === row) this.#row(bytes, at + headerSize, at + size);
    else this.#taker.message(Buffer.from(bytes.subarray(at, at + size)));
  }

  #row(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (bytes[at] !== separator) {
      if (at - from === keySize || at === to) throw new RangeError('The key of a row is too long.');
      at += 1;
    }
    const length = to - at - 1;
    if (this.#filled + length > this.#block.length) {
      this.flush();
      if (length > this.#block.length) this.#block = Buffer.allocUnsafeSlow(length);
    }
    bytes.copy(this.#block, this.#filled, at + 1, to);
    this.#filled += length;
    this.#count += 1;
    // By hand: a call that copies so few bytes costs more than they do.
    for (let i = from; i < at; i++) this.#key[i - from] = bytes[i] ?? 0;
    this.#keyLength = at - from;
  }

  /** What is gathered becomes a block. */
  flush(): void {
    if (this.#count === 0) return;
    const block = {
      bytes: this.#block.subarray(0, this.#filled),
      count: this.#count,
      key: this.#key.toString('latin1', 0, this.#keyLength),
    };
    this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(blockSize);
    this.#filled = 0;
    this.#count = 0;
    this.#taker.block(block);
  }

  /** A block that was taken gives its memory back. */
  reuse({ bytes }: CopiedBlock): void {
    if (bytes.buffer.byteLength === blockSize) this.#spare.push(Buffer.from(bytes.buffer as ArrayBuffer));
  }
}
