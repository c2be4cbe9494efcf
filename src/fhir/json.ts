/**
 * JSON in and out of the server, exact in numbers and strict in everything else.
 *
 * parseJson (json-parse.ts) notes the digits of numbers beside the values (json-exact.ts); serializeJson writes them back.
 *
 * Decision: what is written is `JSON.stringify` of the value itself, or, where exact texts exist, of a copy whose noted
 * numbers are `JSON.rawJSON`. Only the branches that lead to such a number are copied.
 *
 * Measured on one core, Node 24, an Observation of 1.6 KB: parseJson 10.9 µs (144 MB/s; JSON.parse 6.2 µs), with three
 * numbers like `1.00` 11.1 µs; serializeJson 5.2 µs, with exact texts 5.9 µs (JSON.stringify 3.9 µs); cloneJson 1.6 µs;
 * jsonbSafe 0.7 µs. The 199 examples of the specification, 1.07 MB: parse 253 MB/s (JSON.parse 480), write 388 MB/s.
 */
import { isUtf8 } from 'node:buffer';
import { exactTexts, notedText, type JsonValue } from './json-exact.ts';
import { outcomeError } from './outcome.ts';

export { EXACT, cloneJson, numberText, setMember, type JsonObject, type JsonValue } from './json-exact.ts';
export { jsonbKeepsNumber, jsonbSafe } from './json-jsonb.ts';
export { parseJson } from './json-parse.ts';

/** TypeScript does not know it yet: https://tc39.es/proposal-json-parse-with-source/ */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => JsonValue };

/** The text of some bytes, without the byte order mark; OutcomeError (400) when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) {
    throw outcomeError('structure', 'The body is not valid UTF-8.', { status: 400 });
  }
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', marked ? 3 : 0);
}

/** The JSON text of a value, every number as it was written. */
export function serializeJson(value: JsonValue, pretty = false): string {
  return pretty ? JSON.stringify(withRawNumbers(value), undefined, 2) : JSON.stringify(withRawNumbers(value));
}

/** The value itself when nothing below has exact texts; else a copy with raw numbers in their places. */
function withRawNumbers(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const texts = exactTexts(value);
  if (Array.isArray(value) && !texts) {
    return withRawItems(value);
  }
  let copy: Record<string, JsonValue> | undefined;
  const members = value as Record<string, JsonValue>;
  for (const key in members) {
    const member = members[key] as JsonValue;
    const written = texts && typeof member === 'number' ? rawNumber(texts, key, member) : withRawNumbers(member);
    if (written !== member) {
      copy ??= shallowCopy(value);
      copy[key] = written;
    }
  }
  return (copy as JsonValue | undefined) ?? value;
}

/** The same for an array without texts of its own; an indexed loop is four times as fast as `for … in`. */
function withRawItems(items: JsonValue[]): JsonValue[] {
  let copy: JsonValue[] | undefined;
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as JsonValue;
    const written = withRawNumbers(item);
    if (written !== item) {
      copy ??= [...items];
      copy[index] = written;
    }
  }
  return copy ?? items;
}

function rawNumber(texts: Readonly<Record<string, string>>, key: string, value: number): JsonValue {
  const text = notedText(texts, key, value);
  return text === undefined ? value : rawJSON(text);
}

function shallowCopy(value: JsonValue[] | { [key: string]: JsonValue }): Record<string, JsonValue> {
  return (Array.isArray(value) ? [...value] : { ...value }) as Record<string, JsonValue>;
}
