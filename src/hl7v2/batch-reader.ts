/**
 * The messages of a file, one after the other, while it is read: FHS (BHS (MSH…)* BTS)* FTS, or messages alone.
 * HL7 v2.5.1 §2.10.3. Only one message is held at a time, whatever the file is long.
 *
 * 1. A line that begins with MSH begins a message; one that begins with FHS, BHS, BTS or FTS ends it and is none of it.
 * 2. A message keeps its bytes as they are; its character set is its own.
 * 3. A message that is longer than it may be is told as such, and what follows it is read all the same.
 */
export type BatchItem =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  | { readonly kind: 'too-long' }
  /** A trailer: what it says that there were, and how many came; `told` is undefined where it says nothing. */
  | {
      readonly kind: 'count';
      readonly segment: 'BTS' | 'FTS';
      readonly told: number | undefined;
      readonly came: number;
    };

/** Of a trailer; the rest is a comment. */
const longestTrailer = 4_096;

type Kind = 'message' | 'BTS' | 'FTS' | 'other';

interface Open {
  readonly kind: Kind;
  parts: Buffer[];
  size: number;
}

const kinds: Readonly<Record<string, Kind>> = { MSH: 'message', BTS: 'BTS', FTS: 'FTS', FHS: 'other', BHS: 'other' };

/** @param most bytes of a message */
export async function* batchItems(content: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<BatchItem> {
  const came = { messages: 0, batches: 0 };
  let open: Open = { kind: 'other', parts: [], size: 0 };
  for await (const [line, begins] of linePieces(content)) {
    const kind = begins ? kinds[line.toString('latin1', 0, 3).toUpperCase()] : undefined;
    if (kind !== undefined) {
      yield* itemOf(open, most, came);
      open = { kind, parts: [], size: 0 };
    }
    open.size += line.length;
    if (open.kind !== 'other' && open.size <= (open.kind === 'message' ? most : longestTrailer)) open.parts.push(line);
    else open.parts = [];
  }
  yield* itemOf(open, most, came);
}

function* itemOf(
  { kind, parts, size }: Open,
  most: number,
  came: { messages: number; batches: number },
): Generator<BatchItem> {
  if (kind === 'other') return;
  if (kind === 'message') {
    came.messages++;
    yield size > most ? { kind: 'too-long' } : { kind, bytes: Buffer.concat(parts) };
    return;
  }
  const text = Buffer.concat(parts).toString('latin1').trim();
  const written = text.split(text[3] ?? '|')[1]?.trim() ?? '';
  const told = /^\d{1,9}$/.test(written) ? Number(written) : undefined;
  yield { kind: 'count', segment: kind, told, came: kind === 'BTS' ? came.messages : came.batches };
  if (kind === 'BTS') {
    came.messages = 0;
    came.batches++;
  } else {
    came.batches = 0;
  }
}

/** Lines with their ends, cut where a chunk ends; the first three bytes of a line are together. */
async function* linePieces(content: AsyncIterable<Uint8Array>): AsyncGenerator<[piece: Buffer, begins: boolean]> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let isFirst = true;
  for await (const chunk of content) {
    let bytes: Buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (head !== undefined && head.length > 0) bytes = Buffer.concat([head, bytes]);
    const begins = head !== undefined;
    if (isFirst && bytes.length >= 3) {
      isFirst = false;
      if (bytes.readUIntBE(0, 3) === 0xefbbbf) bytes = bytes.subarray(3);
    }
    head = undefined;
    let isBegin = begins;
    for (let at = 0; at < bytes.length;) {
      if (isBegin && bytes.length - at < 3) {
        head = Buffer.from(bytes.subarray(at));
        break;
      }
      const end = endOf(bytes, at);
      yield [Buffer.from(bytes.subarray(at, end)), isBegin];
      isBegin = isEnd(bytes[end - 1]);
      at = end;
    }
    if (isBegin) head ??= Buffer.alloc(0);
  }
  if (head !== undefined && head.length > 0) yield [head, true];
}

/** After the next line end, or the end of the bytes. */
function endOf(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) if (isEnd(bytes[at])) return at + 1;
  return bytes.length;
}

/** Those of lines, and of frames of MLLP, in which some keep their messages. */
function isEnd(byte: number | undefined): boolean {
  return byte === 13 || byte === 10 || byte === 11 || byte === 28;
}
