/**
 * Exact decimal numbers: 0.1 + 0.2 = 0.3, and 30 digits stay 30 digits. A number is digits × 10^-scale.
 * http://hl7.org/fhirpath/N1/#decimal
 *
 * Decision: bigint with a scale instead of a decimal library: six operations are needed. Lengths are limited, as the time
 * of calculating grows with their square; comparison works on texts of any length.
 */
import { outcomeError } from '../outcome.ts';

export interface Decimal {
  digits: bigint;
  scale: number;
}

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
  return { digits: negative ? -whole : whole, scale: Math.max(scale, 0) };
}

export function formatDecimal({ digits, scale }: Decimal): string {
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const whole = text.slice(0, text.length - scale);
  return `${digits < 0n ? '-' : ''}${whole}${scale > 0 ? `.${text.slice(text.length - scale)}` : ''}`;
}

/** The same value with `scale` decimal places; rounds half away from zero. */
export function roundTo(value: Decimal, scale: number): Decimal {
  if (scale >= value.scale) {
    return { digits: value.digits * 10n ** BigInt(scale - value.scale), scale };
  }
  const unit = 10n ** BigInt(value.scale - scale);
  const half = value.digits < 0n ? -(unit / 2n) : unit / 2n;
  return { digits: (value.digits + half) / unit, scale };
}

/** Towards zero. */
export function truncate(value: Decimal): bigint {
  return value.digits / 10n ** BigInt(value.scale);
}

function align(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [roundTo(a, scale).digits, roundTo(b, scale).digits, scale];
}

export function add(a: Decimal, b: Decimal): Decimal {
  const [left, right, scale] = align(a, b);
  return { digits: left + right, scale };
}

export function negate(a: Decimal): Decimal {
  return { digits: -a.digits, scale: a.scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

/** Undefined for a division by zero. Zeros at the end beyond the operands' own are dropped. */
export function divide(a: Decimal, b: Decimal): Decimal | undefined {
  if (b.digits === 0n) {
    return undefined;
  }
  const places = divisionPlaces + b.scale;
  const quotient = roundTo(
    { digits: (a.digits * 10n ** BigInt(places + 1)) / b.digits, scale: a.scale - b.scale + places + 1 },
    divisionPlaces,
  );
  return dropZeros(quotient, Math.max(a.scale, b.scale, 1));
}

function dropZeros(value: Decimal, minimumScale: number): Decimal {
  let { digits, scale } = value;
  while (scale > minimumScale && digits % 10n === 0n) {
    digits /= 10n;
    scale -= 1;
  }
  return { digits, scale };
}

/** The whole part of a quotient (`div`) and what is left (`mod`). */
export function divideWhole(a: Decimal, b: Decimal): { quotient: bigint; remainder: Decimal } | undefined {
  const [left, right, scale] = align(a, b);
  return right === 0n ? undefined : { quotient: left / right, remainder: { digits: left % right, scale } };
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
