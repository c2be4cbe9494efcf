/**
 * Takes frames out of a stream of bytes, whatever its chunks: a pure state machine.
 *
 *   state    | STX          | ETB, ETX             | hexadecimal digit     | CR            | ENQ, EOT, ACK, NAK | else
 *   between  | → text       | noise                | noise                 | ignored       | told               | noise
 *   text     | begun again  | → sum                | text                  | text          | damaged            | text
 *   sum      | → text, cut  | damaged, → between   | second one ends it    | ends it, none | damaged, → between | damaged
 *
 * 1. A frame ends with the second digit of its sum, not with CR LF: what follows between frames is ignored if it is a line
 *    end. A sender that leaves it out gets its answer all the same.
 * 2. LF inside a text is allowed only where the driver says so: elsewhere it is the end of a frame whose ETX was damaged,
 *    so that the sender need not wait for its time to be over.
 * 3. What is kept never grows past `limit`: a longer text is read to its end and told once as too long.
 */
import { control, isForbidden } from './frame.ts';

/** How a sender treats the sum of its frames. */
export type Summing =
  /** As the standard says. */
  | 'required'
  /** Frames may have none; one that is there must be right. */
  | 'optional'
  /** Two digits are there and mean nothing. */
  | 'ignored';

export interface Reading {
  /** Most bytes of a frame's text. */
  readonly limit: number;
  readonly summing: Summing;
  /** LF inside a text is content. */
  readonly lineFeeds: boolean;
  /** The checksum of what is summed. */
  readonly sum: (content: Uint8Array) => string;
}

export type Piece =
  | { readonly kind: 'frame'; readonly number: number; readonly text: Buffer; readonly last: boolean }
  /** A frame that must be sent again; `byte` is where in its text the fault stands, if it stands there. */
  | { readonly kind: 'damaged'; readonly rule: string; readonly number?: number; readonly byte?: number }
  | { readonly kind: 'control'; readonly code: number }
  | { readonly kind: 'noise' };

export interface FrameReader {
  /** One byte; what it completes. */
  take(byte: number): Piece | undefined;
  /** Whether a frame has begun and not ended. */
  readonly inside: boolean;
  reset(): void;
}

const { STX, ETX, ETB, CR, LF, ENQ, EOT, ACK, NAK } = control;

export function frameReader({ limit, summing, lineFeeds, sum: sumOf }: Reading): FrameReader {
  let state: 'between' | 'text' | 'sum' = 'between';
  // FN, text and ETB or ETX: what is summed.
  let kept = Buffer.alloc(256);
  let length = 0;
  let fault: { rule: string; byte?: number } | undefined;
  let first = '';

  const begin = (): undefined => {
    state = 'text';
    length = 0;
    fault = undefined;
    first = '';
  };
  const end = (piece: Piece): Piece => {
    state = 'between';
    if (kept.length > 65_536) kept = Buffer.alloc(256);
    return piece;
  };
  const damaged = (rule: string, byte?: number): Piece => {
    const number = numberOf(kept, length);
    return end({ kind: 'damaged', rule, ...(number !== undefined && { number }), ...(byte !== undefined && { byte }) });
  };
  const keep = (byte: number): void => {
    if (length > limit + 1) {
      fault ??= { rule: `The text of a frame has at most ${limit} characters.` };
      return;
    }
    if (length === kept.length) kept = Buffer.concat([kept], Math.min(2 * kept.length, limit + 3));
    kept[length++] = byte;
  };
  const ended = (sum: string | undefined): Piece => {
    if (fault !== undefined) return damaged(fault.rule, fault.byte);
    const number = numberOf(kept, length);
    if (number === undefined) return damaged('A frame begins with its number, 0 to 7.', 0);
    if (sum === undefined && summing !== 'optional') return damaged('The frame has no checksum.');
    if (sum !== undefined && summing !== 'ignored') {
      const right = sumOf(kept.subarray(0, length));
      if (sum.toUpperCase() !== right) return damaged(`The checksum is ${sum}, its bytes give ${right}.`);
    }
    const text = Buffer.from(kept.subarray(1, length - 1));
    return end({ kind: 'frame', number, text, last: kept[length - 1] === ETX });
  };

  const between = (byte: number): Piece | undefined => {
    if (byte === STX) return begin();
    if (byte === CR || byte === LF) return undefined;
    if (byte === ENQ || byte === EOT || byte === ACK || byte === NAK) return { kind: 'control', code: byte };
    return { kind: 'noise' };
  };
  const text = (byte: number): Piece | undefined => {
    if (byte === STX) return begin();
    if (byte === LF && !lineFeeds)
      return damaged('A frame ends with ETB or ETX and its checksum, and has no LF.', length);
    if (isForbidden(byte)) fault ??= { rule: `The character ${hex(byte)} is not allowed in a frame.`, byte: length };
    keep(byte);
    if (byte === ETX || byte === ETB) state = 'sum';
    return undefined;
  };
  const sum = (byte: number): Piece | undefined => {
    const digit = String.fromCharCode(byte);
    if (/[0-9A-Fa-f]/.test(digit)) {
      if (first !== '') return ended(`${first}${digit}`);
      first = digit;
      return undefined;
    }
    if ((byte === CR || byte === LF) && first === '') return ended(undefined);
    if (byte === STX) return begin();
    return damaged('A checksum is two hexadecimal digits.');
  };

  return {
    take: (byte) => (state === 'between' ? between(byte) : state === 'text' ? text(byte) : sum(byte)),
    get inside() {
      return state !== 'between';
    },
    reset: () => {
      state = 'between';
      length = 0;
    },
  };
}

function numberOf(kept: Uint8Array, length: number): number | undefined {
  const number = (kept[0] ?? 0) - 0x30;
  return length > 0 && number >= 0 && number <= 7 ? number : undefined;
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
