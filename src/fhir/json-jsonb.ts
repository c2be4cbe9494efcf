/**
 * Which numbers PostgreSQL's jsonb gives back as they were written.
 *
 * jsonb keeps a number as `numeric`: digits and scale stay (`1.00`, 30 digits), but an exponent is written out
 * (`1e2` → `100`) and zero loses its sign (`-0.0` → `0.0`).
 */
import { exactTexts, notedText, plainText, type JsonValue } from './json-exact.ts';

const withoutExponent = /^(?!-0(?:\.0*)?$)-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/** Does jsonb print this number as it is written here? */
export function jsonbKeepsNumber(text: string): boolean {
  return withoutExponent.test(text);
}

/** Does jsonb print every number in `value` as it is written? */
export function jsonbSafe(value: JsonValue): boolean {
  if (typeof value === 'number') {
    return keepsPlain(value);
  }
  if (typeof value !== 'object' || value === null) {
    return true;
  }
  const texts = exactTexts(value);
  if (Array.isArray(value) && !texts) {
    return value.every(jsonbSafe);
  }
  const members = value as Record<string, JsonValue>;
  for (const key in members) {
    const member = members[key] as JsonValue;
    const text = texts && typeof member === 'number' ? notedText(texts, key, member) : undefined;
    if (!(text === undefined ? jsonbSafe(member) : jsonbKeepsNumber(text))) {
      return false;
    }
  }
  return true;
}

/** Spares the text of nearly every number: below 1e21 and from 1e-6 on JavaScript writes no exponent. */
function keepsPlain(value: number): boolean {
  const size = Math.abs(value);
  return (size < 1e21 && size >= 1e-6) || jsonbKeepsNumber(plainText(value));
}
