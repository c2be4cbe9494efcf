/** The delta check: whether a result differs from the patient's last more than a person's state explains. */
import { compare, divide, multiply, parseDecimal, subtract, type Decimal } from '../../fhir/decimal.ts';
import type { DeltaLimit } from '../definition.ts';
import { convert } from './unit.ts';
import { decimalIn } from './value.ts';

export interface Earlier {
  /** In the unit of the analyte. */
  readonly value: Decimal;
  /** FHIR dateTime of its specimen. */
  readonly at: string;
}

/** A sentence for each limit that is passed; equal to the limit is not. */
export function deltaOf(
  value: Decimal,
  at: string,
  earlier: Earlier | undefined,
  limits: readonly DeltaLimit[],
): string[] {
  if (earlier === undefined) return [];
  const difference = absolute(subtract(value, earlier.value));
  return limits
    .filter(({ within }) => within === undefined || daysBetween(earlier.at, at) <= days(within))
    .flatMap(({ absolute: most, percent }) => [
      ...(most !== undefined && compare(difference, most.value) > 0
        ? [
            `differs by ${decimalIn(difference)} from ${decimalIn(earlier.value)} of ${earlier.at}, more than ${decimalIn(most.value)}`,
          ]
        : []),
      ...(percent !== undefined && exceeds(difference, earlier.value, percent)
        ? [`differs from ${decimalIn(earlier.value)} of ${earlier.at} by more than ${decimalIn(percent)} %`]
        : []),
    ]);
}

function absolute(value: Decimal): Decimal {
  return value.digits < 0n ? { ...value, digits: -value.digits } : value;
}

/** Without a division: difference × 100 > |earlier| × percent. */
function exceeds(difference: Decimal, earlier: Decimal, percent: Decimal): boolean {
  return compare(multiply(difference, parseDecimal('100')!), multiply(absolute(earlier), percent)) > 0;
}

function days(within: { readonly value: Decimal; readonly unit: string }): number {
  const value = convert(within, 'd') ?? divide(within.value, parseDecimal('1')!);
  return Number(decimalIn(value));
}

function daysBetween(from: string, to: string): number {
  return Math.abs(Date.parse(to) - Date.parse(from)) / 86_400_000;
}
