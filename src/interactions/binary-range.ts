/**
 * The Range header of a read. https://www.rfc-editor.org/rfc/rfc9110#section-14
 *
 * One range of bytes is served; several at once, other units and what cannot be read count as no range, which the RFC
 * allows, so that a client gets the whole.
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { ByteRange } from '../files/store.ts';

/**
 * The part that was asked for; undefined for the whole.
 * @throws OutcomeError 416 where the content has no such part.
 */
export function rangeOf(header: string | undefined, size: number): Required<ByteRange> | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') {
    return undefined;
  }
  const range =
    first === ''
      ? { start: Math.max(0, size - Number(last)), end: size }
      : { start: Number(first), end: last === '' ? size : Math.min(Number(last) + 1, size) };
  if (first !== '' && last !== '' && Number(last) < Number(first)) {
    return undefined;
  }
  if (range.start >= range.end) {
    throw outcomeError('value', `The content has ${size} bytes; the range ${header?.slice(0, 60)} lies outside.`, {
      status: 416,
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  return range;
}

export function contentRange({ start, end }: Required<ByteRange>, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}
