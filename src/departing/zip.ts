/**
 * A ZIP archive that is made while it is sent: sizes and sums stand after each file and in the directory at the end, all in
 * the form for large files, so that nothing has to be known before. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 *
 * 1. Names are UTF-8, of our own making: relative, with slashes. 2. Broken off, it has no directory and no reader takes it.
 */
import { pipeline, Readable } from 'node:stream';
import { crc32, createDeflateRaw } from 'node:zlib';

export interface ZipEntry {
  readonly path: string;
  /** Its memory may be used again once the next is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

interface Listed {
  readonly name: Buffer;
  readonly offset: number;
  readonly sum: number;
  readonly packed: number;
  readonly size: number;
}

/** Sizes follow; names are UTF-8. */
const flags = 0x0808;
const deflated = 8;
const version = 45;
/** 1 January 1980, the first day there is: what matters of a time stands in the content. */
const day = 0x0021;
const elsewhere = 0xff_ff_ff_ff;

export async function* zipped(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Buffer> {
  const listed: Listed[] = [];
  let offset = 0;
  const counted = (bytes: Buffer): Buffer => {
    offset += bytes.length;
    return bytes;
  };
  for await (const { path, content } of entries) {
    const [name, begin] = [Buffer.from(path), offset];
    yield counted(localHeader(name));
    const start = offset;
    const plain = { sum: 0, size: 0 };
    for await (const chunk of packing(content, plain)) yield counted(chunk);
    const made = { name, offset: begin, packed: offset - start, ...plain };
    yield counted(descriptor(made));
    listed.push(made);
  }
  const directory = offset;
  for (const made of listed) yield counted(directoryEntry(made));
  yield ending(listed.length, directory, offset - directory);
}

/** Chunks as they come out of the compression; notes sum and size of what went in. */
async function* packing(
  content: AsyncIterable<Uint8Array>,
  plain: { sum: number; size: number },
): AsyncGenerator<Buffer> {
  async function* noted(): AsyncGenerator<Buffer> {
    for await (const bytes of content) {
      plain.sum = crc32(bytes, plain.sum);
      plain.size += bytes.byteLength;
      // The compression keeps it for longer than its memory is good.
      yield Buffer.from(bytes);
    }
  }
  const source = Readable.from(noted());
  const packed = createDeflateRaw({ level: 4 });
  // A failure of the source comes out of the iteration.
  pipeline(source, packed, () => undefined);
  for await (const chunk of packed) yield chunk as Buffer;
}

/** Little-endian numbers of 2, 4 and 8 bytes. */
function numbers(...fields: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Buffer {
  const made = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 8) made.writeBigUInt64LE(BigInt(value), at);
    else made.writeUIntLE(value, at, bytes);
    at += bytes;
  }
  return made;
}

function localHeader(name: Buffer): Buffer {
  const extra = numbers([2, 1], [2, 16], [8, 0], [8, 0]);
  const head = numbers(
    ...([
      [4, 0x04034b50],
      [2, version],
      [2, flags],
      [2, deflated],
      [2, 0],
      [2, day],
    ] as const),
    ...([
      [4, 0],
      [4, elsewhere],
      [4, elsewhere],
      [2, name.length],
      [2, extra.length],
    ] as const),
  );
  return Buffer.concat([head, name, extra]);
}

function descriptor({ sum, packed, size }: Listed): Buffer {
  return numbers([4, 0x08074b50], [4, sum], [8, packed], [8, size]);
}

function directoryEntry({ name, offset, sum, packed, size }: Listed): Buffer {
  const extra = numbers([2, 1], [2, 24], [8, size], [8, packed], [8, offset]);
  const head = numbers(
    ...([
      [4, 0x02014b50],
      [2, version],
      [2, version],
      [2, flags],
      [2, deflated],
      [2, 0],
      [2, day],
      [4, sum],
    ] as const),
    ...([
      [4, elsewhere],
      [4, elsewhere],
      [2, name.length],
      [2, extra.length],
      [2, 0],
      [2, 0],
      [2, 0],
    ] as const),
    ...([
      [4, 0],
      [4, elsewhere],
    ] as const),
  );
  return Buffer.concat([head, name, extra]);
}

function ending(count: number, directory: number, length: number): Buffer {
  const large = numbers(
    ...([
      [4, 0x06064b50],
      [8, 44],
      [2, version],
      [2, version],
      [4, 0],
      [4, 0],
    ] as const),
    ...([
      [8, count],
      [8, count],
      [8, length],
      [8, directory],
    ] as const),
  );
  const locator = numbers([4, 0x07064b50], [4, 0], [8, directory + length], [4, 1]);
  const end = numbers(
    ...([
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, 0xffff],
      [2, 0xffff],
      [4, elsewhere],
      [4, elsewhere],
      [2, 0],
    ] as const),
  );
  return Buffer.concat([large, locator, end]);
}
