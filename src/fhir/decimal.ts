/**
 * Exact decimals: digits × 10^exponent with big integers. 0.1 + 0.2 = 0.3, thirty digits stay thirty digits, and 1.00 keeps
 * the zeros that say how precise it is. https://hl7.org/fhir/R4/datatypes.html#decimal
 *
 * Decision: bigint with an exponent instead of a decimal library: a handful of operations is needed.
 */

export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const shape = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Exponents past these bounds are refused: a number of a thousand digits is no measurement but an attack. */
const largestExponent = 1_000;

/** The decimal that a text denotes; undefined where it is none. Trailing zeros are kept: they carry precision. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = shape.exec(text);
  if (match === null || text.length > 1_000) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const exponent = Number(power) - fraction.length;
  if (Math.abs(exponent) > largestExponent) return undefined;
  return { digits: BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n), exponent };
}

function scaled(value: Decimal, exponent: number): bigint {
  return value.digits * 10n ** BigInt(value.exponent - exponent);
}

function combine(a: Decimal, b: Decimal, operate: (x: bigint, y: bigint) => bigint): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return { digits: operate(scaled(a, exponent), scaled(b, exponent)), exponent };
}

export function add(a: Decimal, b: Decimal): Decimal {
  return combine(a, b, (x, y) => x + y);
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return combine(a, b, (x, y) => x - y);
}

export function negate({ digits, exponent }: Decimal): Decimal {
  return { digits: -digits, exponent };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, exponent: a.exponent + b.exponent };
}

/** The quotient, cut at 20 digits after those of the dividend. */
export function divide(a: Decimal, b: Decimal): Decimal {
  const shift = 20 + b.digits.toString().length;
  return { digits: (a.digits * 10n ** BigInt(shift)) / b.digits, exponent: a.exponent - b.exponent - shift };
}

/** Negative, zero or positive as a is less than, equal to or greater than b. */
export function compare(a: Decimal, b: Decimal): number {
  const difference = subtract(a, b).digits;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Rounded to a number of significant digits, half away from zero. */
export function round(value: Decimal, significant: number): Decimal {
  const negative = value.digits < 0n;
  const magnitude = negative ? -value.digits : value.digits;
  const excess = magnitude.toString().length - significant;
  if (excess <= 0) return value;
  const unit = 10n ** BigInt(excess);
  const digits = (magnitude + unit / 2n) / unit;
  return { digits: negative ? -digits : digits, exponent: value.exponent + excess };
}

/** Without trailing zeros. */
export function reduce(value: Decimal): Decimal {
  if (value.digits === 0n) return { digits: 0n, exponent: 0 };
  let { digits, exponent } = value;
  while (digits % 10n === 0n) {
    digits /= 10n;
    exponent += 1;
  }
  return { digits, exponent };
}

/** How many digits the value needs. */
export function precision(value: Decimal): number {
  return reduce(value).digits.toString().replace('-', '').length;
}

/** Text that PostgreSQL's numeric and float8 and JavaScript's Number read. */
export function decimalText(value: Decimal): string {
  const { digits, exponent } = reduce(value);
  return exponent === 0 ? digits.toString() : `${digits}e${exponent}`;
}
