/**
 * Decimals as FHIRPath calculates with them: the exponent is never above 0, so that `-exponent` is the number of decimal
 * places, and what does not come out even has 28 of them. http://hl7.org/fhirpath/N1/#decimal
 *
 * Lengths are limited, as the time of calculating grows with their square; comparison works on texts of any length.
 */
import type { Decimal } from '../decimal.ts';
import { outcomeError } from '../outcome.ts';

const maximumDigits = 2_500;
/** Decimal places of a division that does not come out even; FHIRPath asks for at least 8. */
const divisionPlaces = 28;

const pattern = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

function parts(text: string): { negative: boolean; digits: string; scale: number } {
  const [, sign, whole = '0', fraction = '', exponent = '0'] = pattern.exec(text) ?? [];
  return { negative: sign === '-', digits: whole + fraction, scale: fraction.length - Number(exponent) };
}

export function parseDecimal(text: string): Decimal {
  const { negative, digits, scale } = parts(text);
  if (digits.length + Math.abs(scale) > maximumDigits) {
    throw outcomeError(
      'too-costly',
      `FHIRPath calculates with numbers of up to ${maximumDigits} digits; this one has more.`,
    );
  }
  const whole = BigInt(scale < 0 ? digits + '0'.repeat(-scale) : digits);
  return { digits: negative ? -whole : whole, exponent: 0 - Math.max(scale, 0) };
}

export function formatDecimal({ digits, exponent }: Decimal): string {
  const scale = -exponent;
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const whole = text.slice(0, text.length - scale);
  return `${digits < 0n ? '-' : ''}${whole}${scale > 0 ? `.${text.slice(text.length - scale)}` : ''}`;
}

/** The same value with so many decimal places; rounds half away from zero. */
export function roundTo(value: Decimal, places: number): Decimal {
  const excess = -value.exponent - places;
  const exponent = 0 - places;
  if (excess <= 0) {
    return { digits: value.digits * 10n ** BigInt(-excess), exponent };
  }
  const unit = 10n ** BigInt(excess);
  const half = value.digits < 0n ? -(unit / 2n) : unit / 2n;
  return { digits: (value.digits + half) / unit, exponent };
}

/** Towards zero. */
export function truncate(value: Decimal): bigint {
  return value.digits / 10n ** BigInt(-value.exponent);
}

/** Undefined for a division by zero. Zeros at the end beyond the operands' own are dropped. */
export function divide(a: Decimal, b: Decimal): Decimal | undefined {
  if (b.digits === 0n) {
    return undefined;
  }
  const shift = divisionPlaces + 1 - b.exponent;
  const quotient = { digits: (a.digits * 10n ** BigInt(shift)) / b.digits, exponent: a.exponent - b.exponent - shift };
  return dropZeros(roundTo(quotient, divisionPlaces), Math.min(a.exponent, b.exponent, -1));
}

/** Without zeros at the end, but for those up to 10^`most`. */
export function dropZeros(value: Decimal, most = 0): Decimal {
  let { digits, exponent } = value;
  while (exponent < most && digits % 10n === 0n) {
    digits /= 10n;
    exponent += 1;
  }
  return { digits, exponent };
}

/** The whole part of a quotient (`div`) and what is left (`mod`). */
export function divideWhole(a: Decimal, b: Decimal): { quotient: bigint; remainder: Decimal } | undefined {
  const exponent = Math.min(a.exponent, b.exponent);
  const [left, right] = [roundTo(a, -exponent).digits, roundTo(b, -exponent).digits];
  return right === 0n ? undefined : { quotient: left / right, remainder: { digits: left % right, exponent } };
}

/** Significant digits without zeros in front or at the end, and the power of ten of the first digit. */
function normalize(text: string): { sign: number; digits: string; exponent: number } {
  const { negative, digits, scale } = parts(text);
  const significant = digits.replace(/^0+/, '');
  const exponent = significant.length - scale;
  const trimmed = trimZeros(significant);
  return trimmed === '' ? { sign: 0, digits: '', exponent: 0 } : { sign: negative ? -1 : 1, digits: trimmed, exponent };
}

/** A loop: `/0+$/` is quadratic on `1000…0001`. */
function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) {
    end -= 1;
  }
  return digits.slice(0, end);
}

/** The order of two numbers by their texts, whatever their length. */
export function compareTexts(left: string, right: string): number {
  const a = normalize(left);
  const b = normalize(right);
  if (a.sign !== b.sign) {
    return a.sign - b.sign;
  }
  const magnitude = a.exponent - b.exponent || (a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0);
  return a.sign < 0 ? 0 - magnitude : magnitude;
}

/** A text that is the same for equal numbers: 1, 1.0 and 10e-1. */
export function decimalKey(text: string): string {
  const { sign, digits, exponent } = normalize(text);
  return `${sign < 0 ? '-' : ''}${digits}e${exponent}`;
}
