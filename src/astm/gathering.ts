/**
 * What came of a message so far: texts of frames, joined to records.
 *
 * A record ends with its last frame; of one that was cut nothing is kept, for a value may be cut in it.
 */
import { control } from './frame.ts';
import type { Room } from './room.ts';

const { CR } = control;

export interface Taken {
  readonly number: number;
  readonly text: Buffer;
  readonly last: boolean;
}

export interface Gathering {
  readonly size: number;
  /** Whether the next frame begins a record. */
  readonly betweenRecords: boolean;
  /** False where there is no room for it. */
  keep(frame: Taken): boolean;
  /** The frame that was kept last comes again. */
  untake(): void;
  /** @returns bytes of a record that was not ended */
  dropCut(): number;
  /** Whether the record that ended last is L. */
  endsMessage(): boolean;
  content(): Buffer;
  forget(): void;
}

export function gathering(room: Room): Gathering {
  let texts: Buffer[] = [];
  let size = 0;
  /** How many of them end with a record. */
  let whole = 0;

  const drop = (from: number): number => {
    const bytes = texts.splice(from).reduce((sum, { length }) => sum + length, 0);
    size -= bytes;
    room.give(bytes);
    whole = Math.min(whole, texts.length);
    return bytes;
  };
  return {
    get size() {
      return size;
    },
    get betweenRecords() {
      return whole === texts.length || texts.at(-1)?.at(-1) === CR;
    },
    keep: ({ text, last }) => {
      // The CR may be left out; one text is one frame, so that it can be taken back.
      const kept = last && text.at(-1) !== CR ? Buffer.concat([text, Buffer.of(CR)]) : text;
      if (!room.take(kept.length)) return false;
      texts.push(kept);
      size += kept.length;
      if (last) whole = texts.length;
      return true;
    },
    untake: () => void drop(texts.length - 1),
    dropCut: () => drop(whole),
    endsMessage: () => endsWithL(texts),
    content: () => Buffer.concat(texts),
    forget: () => {
      room.give(size);
      texts = [];
      size = 0;
      whole = 0;
    },
  };
}

function endsWithL(texts: readonly Buffer[]): boolean {
  let tail = texts.at(-1) ?? Buffer.alloc(0);
  // A terminator that is cut into frames is short: two of them hold it.
  if (tail.length < 64) tail = Buffer.concat(texts.slice(-4));
  const records = tail.toString('latin1').split(/[\r\n]+/);
  const record = records.findLast((one) => one !== '') ?? '';
  return /^L(?![A-Za-z0-9])/.test(record);
}
