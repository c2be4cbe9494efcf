/**
 * Equality of JSON values as RFC 6902 section 4.6 has it: objects in any order, numbers by what they denote. Numbers are
 * compared by their digits, so 1.0 equals 1.00, and two numbers of 30 digits are equal only when all digits are.
 */
import { plainText } from '../json-exact.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { memberOf, type Member } from './json-member.ts';

export function equalJson(a: Member, b: Member): boolean {
  if (typeof a.value === 'number' && typeof b.value === 'number') {
    return equalNumbers(a.text ?? plainText(a.value), b.text ?? plainText(b.value));
  }
  if (typeof a.value !== 'object' || typeof b.value !== 'object' || a.value === null || b.value === null) {
    return a.value === b.value;
  }
  return Array.isArray(a.value) === Array.isArray(b.value) && equalMembers(a.value, b.value);
}

function equalMembers(a: JsonObject | JsonValue[], b: JsonObject | JsonValue[]): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equalJson(memberOf(a, key), memberOf(b, key)))
  );
}

export function equalNumbers(a: string, b: string): boolean {
  return a === b || normalized(a) === normalized(b);
}

/** Sign, digits without zeros at either end, and the power of ten of the last digit. */
function normalized(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return significant === '' ? '0' : `${sign}${significant}e${power}`;
}
