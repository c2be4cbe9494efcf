/**
 * Linear regression of the values of a code over time: the code `regression` of
 * http://terminology.hl7.org/CodeSystem/observation-statistics, which "will return both a gradient and an intercept".
 *
 * 1. The independent variable is the clinical time of the Observation, in days: its effective date, the start of its
 *    period, its first event. A value without a time takes no part.
 * 2. The intercept is the value of the line at the time of the earliest value: at the year 1970 it would mean nothing.
 * 3. Both are quotients of exact sums, rounded once. Undefined where all values are of one time.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { add, multiply, subtract, type Decimal } from '../fhir/decimal.ts';
import { dateInterval } from '../search/interval.ts';
import { quotient } from './stats-numbers.ts';

export interface Point {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly value: Decimal;
}

export interface Line {
  /** Change in a day. */
  readonly gradient: Decimal;
  /** The value at `origin`. */
  readonly intercept: Decimal;
  /** Milliseconds since 1970. */
  readonly origin: number;
}

const day = 86_400_000;
const whole = (value: number): Decimal => ({ digits: BigInt(value), exponent: 0 });

function sumOf(points: readonly Point[], term: (point: Point) => Decimal): Decimal {
  return points.map(term).reduce(add, whole(0));
}

/** The line of least squares: with n points, x from the origin. */
export function regression(given: readonly Point[]): Line | undefined {
  const origin = Math.min(...given.map(({ time }) => time));
  const points = given.map(({ time, value }) => ({ time: time - origin, value }));
  const n = whole(points.length);
  const x = sumOf(points, ({ time }) => whole(time));
  const y = sumOf(points, ({ value }) => value);
  const xx = sumOf(points, ({ time }) => multiply(whole(time), whole(time)));
  const xy = sumOf(points, ({ time, value }) => multiply(whole(time), value));
  const spread = subtract(multiply(n, xx), multiply(x, x));
  if (spread.digits === 0n) return undefined;
  const rise = subtract(multiply(n, xy), multiply(x, y));
  const height = subtract(multiply(y, xx), multiply(x, xy));
  return { gradient: quotient(multiply(rise, whole(day)), spread), intercept: quotient(height, spread), origin };
}

/** When the values of an Observation were true; a date without a zone is read in this one. */
export function clinicalTime(observation: JsonObject, zone: string): number | undefined {
  const period = observation['effectivePeriod'] as JsonObject | undefined;
  const timing = observation['effectiveTiming'] as JsonObject | undefined;
  const texts: (JsonValue | undefined)[] = [
    observation['effectiveDateTime'],
    observation['effectiveInstant'],
    period?.['start'],
    (timing?.['event'] as JsonValue[] | undefined)?.[0],
  ];
  const text = texts.find((found) => typeof found === 'string');
  return typeof text === 'string' ? dateInterval(text, zone)?.low : undefined;
}
