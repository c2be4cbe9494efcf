/**
 * Takes texts out of a stream of bytes: STX, a text without a number, ETX. Devices older than the standard speak so.
 *
 * The sum stands in the text: two hexadecimal digits behind a GS, of the bytes from the first after STX to the GS.
 */
import { control, isForbidden } from './frame.ts';
import type { FrameReader, Piece, Reading } from './reader.ts';

const { STX, ETX, CR, LF, ENQ, EOT, ACK, NAK } = control;
const GS = 0x1d;

export function textReader({ limit, summing, sum }: Reading): FrameReader {
  let kept: number[] | undefined;
  let fault: { rule: string; byte?: number } | undefined;

  const ended = (content: Buffer): Piece => {
    kept = undefined;
    const rule = fault ?? sumFault(content, { summing, sum });
    if (rule !== undefined) return { kind: 'damaged', ...rule };
    return { kind: 'frame', number: 0, text: content, last: true };
  };
  const between = (byte: number): Piece | undefined => {
    if (byte === STX) [kept, fault] = [[], undefined];
    else if (byte === ENQ || byte === EOT || byte === ACK || byte === NAK) return { kind: 'control', code: byte };
    else if (byte !== CR && byte !== LF) return { kind: 'noise' };
    return undefined;
  };
  const text = (byte: number, before: number[]): Piece | undefined => {
    if (byte === STX) [kept, fault] = [[], undefined];
    else if (byte === ETX) return ended(Buffer.from(before));
    else if (before.length === limit) fault ??= { rule: `The text of a frame has at most ${limit} characters.` };
    else {
      if (isForbidden(byte)) fault ??= { rule: 'The character is not allowed in a text.', byte: before.length };
      before.push(byte);
    }
    return undefined;
  };
  return {
    take: (byte) => (kept === undefined ? between(byte) : text(byte, kept)),
    get inside() {
      return kept !== undefined;
    },
    reset: () => {
      kept = undefined;
    },
  };
}

function sumFault(content: Buffer, { summing, sum }: Pick<Reading, 'summing' | 'sum'>): { rule: string } | undefined {
  if (summing === 'ignored') return undefined;
  const at = content.lastIndexOf(GS);
  const [, digits] = /^([0-9A-Fa-f]{2})\s*$/.exec(content.subarray(at + 1).toString('latin1')) ?? [];
  if (at < 0 || digits === undefined) {
    return summing === 'optional' ? undefined : { rule: 'The text has no checksum.' };
  }
  const right = sum(content.subarray(0, at + 1));
  return digits.toUpperCase() === right ? undefined : { rule: `The checksum is ${digits}, its bytes give ${right}.` };
}
