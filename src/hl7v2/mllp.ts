/**
 * Frames of the Minimal Lower Layer Protocol (HL7 v2 Transport Specification: MLLP R1; IHE ITI TF-2 C.2.1):
 * `<VT> message <FS><CR>`. A pure state machine: bytes in, in whatever chunks, messages out.
 *
 *   state    | VT                  | FS                    | CR or LF   | else
 *   between  | → inside            | stray, ignored        | ignored    | → bare: a peer that leaves the VT out
 *   inside   | the frame was cut   | → between, a message  | content    | content
 *   bare     | rubbish or cut → inside | → between, a message | content  | content
 *
 * 1. What is taken off a frame is VT at its beginning and FS at its end, nothing else; the CR after FS may be late, LF or
 *    missing.
 * 2. A frame longer than `limit` is reported once and skipped to its end: what is kept never grows past it.
 * 3. Bytes outside frames that do not begin like a message (MSH, FHS, BHS) are dropped and counted.
 */
const VT = 0x0b;
const FS = 0x1c;
const CR = 0x0d;
const LF = 0x0a;

export type Frame =
  | { readonly kind: 'message'; readonly content: Buffer }
  /** `bytes` that are no message: before a VT, or without its end. */
  | { readonly kind: 'rubbish'; readonly bytes: number }
  /** Longer than the limit; its end comes later or not at all. */
  | { readonly kind: 'too-long'; readonly begin: Buffer };

export interface MllpDecoder {
  take(chunk: Buffer): Frame[];
  /** Bytes of a frame that has begun and not ended. */
  readonly pending: number;
}

type State = 'between' | 'inside' | 'bare' | 'skipping';

/** Bytes of a frame that is too long which are kept to answer it. */
const beginKept = 4_096;

/** @param limit bytes of one message */
export function mllpDecoder(limit: number): MllpDecoder {
  let state: State = 'between';
  // One that grows, and no list of pieces: pieces of a byte each would take a hundred times their size.
  let kept = Buffer.alloc(0);
  let pending = 0;

  const content = (): Buffer => {
    const whole = kept.subarray(0, pending);
    kept = Buffer.alloc(0);
    pending = 0;
    return whole;
  };
  const append = (part: Buffer): void => {
    if (pending + part.length > kept.length) {
      const larger = Buffer.allocUnsafeSlow(pending === 0 ? part.length : 2 * (pending + part.length));
      kept.copy(larger, 0, 0, pending);
      kept = larger;
    }
    part.copy(kept, pending);
    pending += part.length;
  };
  const keep = (part: Buffer, frames: Frame[]): void => {
    if (part.length === 0 || state === 'skipping') return;
    if (pending + part.length > limit) {
      append(part.subarray(0, Math.max(0, limit - pending)));
      frames.push({ kind: 'too-long', begin: Buffer.from(content().subarray(0, beginKept)) });
      state = 'skipping';
      return;
    }
    append(part);
  };
  const end = (frames: Frame[], complete: boolean): void => {
    const whole = content();
    if (whole.length === 0) return;
    frames.push(complete && beginsLikeMessage(whole) ? message(whole) : { kind: 'rubbish', bytes: whole.length });
  };

  return {
    take: (chunk) => {
      const frames: Frame[] = [];
      let at = 0;
      while (at < chunk.length) {
        if (state === 'between') {
          const byte = chunk[at];
          if (byte === VT) state = 'inside';
          else if (byte !== FS && byte !== CR && byte !== LF) state = 'bare';
          if (state !== 'bare') at++;
          continue;
        }
        const mark = nextMark(chunk, at);
        keep(chunk.subarray(at, mark), frames);
        at = mark + 1;
        if (mark === chunk.length) break;
        const skipped = state === 'skipping';
        if (!skipped) end(frames, chunk[mark] === FS);
        state = chunk[mark] === FS ? 'between' : 'inside';
      }
      return frames;
    },
    get pending() {
      return pending;
    },
  };
}

/** Where the next VT or FS stands; the length of the chunk where there is none. */
function nextMark(chunk: Buffer, from: number): number {
  const [begin, end] = [chunk.indexOf(VT, from), chunk.indexOf(FS, from)];
  return Math.min(begin < 0 ? chunk.length : begin, end < 0 ? chunk.length : end);
}

function message(content: Buffer): Frame {
  return { kind: 'message', content };
}

/** MSH, FHS or BHS, after a byte order mark and line ends. */
function beginsLikeMessage(content: Buffer): boolean {
  return /^(?:\xef\xbb\xbf)?[\r\n]*(?:MSH|FHS|BHS)/.test(content.subarray(0, 64).toString('latin1'));
}

/** A message as a frame. */
export function mllpFrame(content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(VT), content, Buffer.of(FS, CR)]);
}
