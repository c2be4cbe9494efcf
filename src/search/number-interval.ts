/**
 * The interval that a searched number stands for: what its digits leave open, or what `ap` takes as near.
 * https://hl7.org/fhir/R4/search.html#number
 */
import { add, subtract, type Decimal } from '../fhir/decimal.ts';

/** 100 is 99.5…100.5, 100.00 is 99.995…100.005, 1e2 is 50…150. */
export function implicitInterval(value: Decimal): { low: Decimal; high: Decimal } {
  const half = { digits: 5n, exponent: value.exponent - 1 };
  return { low: subtract(value, half), high: add(value, half) };
}

/** For `ap`: ten per cent to either side. */
export function tenPercent(value: Decimal): { low: Decimal; high: Decimal } {
  const magnitude = value.digits < 0n ? -value.digits : value.digits;
  const tenth = { digits: magnitude, exponent: value.exponent - 1 };
  return { low: subtract(value, tenth), high: add(value, tenth) };
}
