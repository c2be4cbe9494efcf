/**
 * One text for one JSON value, whoever writes it: the JSON Canonicalization Scheme, RFC 8785.
 *
 * Members are sorted by UTF-16 code units; strings and numbers are written as ECMAScript writes them, which is the
 * scheme's own definition. Lone surrogates and numbers that are not finite have no canonical form and are refused.
 */
import type { JsonValue } from '../fhir/json.ts';

/** @throws RangeError for what has no canonical form. */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .flatMap((name) => {
      const member = value[name];
      return member === undefined ? [] : [`${canonicalString(name)}:${canonicalJson(member)}`];
    });
  return `{${members.join(',')}}`;
}

function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new RangeError('A text with a lone surrogate has no canonical form.');
  return JSON.stringify(text);
}

function canonicalNumber(number: number): string {
  if (!Number.isFinite(number)) throw new RangeError('A number that is not finite has no canonical form.');
  return JSON.stringify(number);
}
