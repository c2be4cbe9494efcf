/**
 * The statistics of http://terminology.hl7.org/CodeSystem/observation-statistics over exact decimals.
 *
 * 1. Sums, extremes, percentiles, means and variances are exact where they end; what does not end has 15 digits.
 * 2. Variance and standard deviation are those of a sample (n − 1); skew and kurtosis are the standardised third and
 *    fourth moments (a normal distribution has kurtosis 3). Percentiles lie between neighbours by linear interpolation,
 *    as PostgreSQL's percentile_cont.
 * 3. Undefined where there are too few or too equal values for the statistic.
 */
import { add, compare, divide, multiply, reduce, round, subtract, type Decimal } from '../fhir/decimal.ts';

/** Digits of a result that does not end. */
const significant = 15;

const whole = (value: number): Decimal => ({ digits: BigInt(value), exponent: 0 });
const zero = whole(0);
const one = whole(1);

export function quotient(a: Decimal, b: Decimal): Decimal {
  const found = divide(a, b);
  return compare(multiply(found, b), a) === 0 ? reduce(found) : round(found, significant);
}

function sum(values: readonly Decimal[]): Decimal {
  return values.reduce(add, zero);
}

/** The value below which `part` of `parts` lie. */
function percentile(sorted: readonly Decimal[], part: number, parts: number): Decimal | undefined {
  const position = (sorted.length - 1) * part;
  const lower = sorted[Math.floor(position / parts)];
  const upper = sorted[Math.ceil(position / parts)];
  if (lower === undefined || upper === undefined) return undefined;
  const beyond = position % parts;
  return beyond === 0 ? lower : add(lower, quotient(multiply(subtract(upper, lower), whole(beyond)), whole(parts)));
}

/** n times the sums of powers, from which the central moments follow without a rounded mean. */
function moments(values: readonly Decimal[]): { second: Decimal; third: Decimal; fourth: Decimal } {
  const n = whole(values.length);
  const powers = [1, 2, 3, 4].map((power) => sum(values.map((value) => raised(value, power))));
  const [s1 = zero, s2 = zero, s3 = zero, s4 = zero] = powers;
  const times = (...factors: Decimal[]): Decimal => factors.reduce(multiply, one);
  const second = subtract(times(n, s2), times(s1, s1));
  const third = add(subtract(times(n, n, s3), times(whole(3), n, s1, s2)), times(whole(2), s1, s1, s1));
  const fourth = subtract(
    add(subtract(times(n, n, n, s4), times(whole(4), n, n, s1, s3)), times(whole(6), n, s1, s1, s2)),
    times(whole(3), s1, s1, s1, s1),
  );
  return { second, third, fourth };
}

function raised(value: Decimal, power: number): Decimal {
  return power === 1 ? value : multiply(value, raised(value, power - 1));
}

function variance(values: readonly Decimal[]): Decimal | undefined {
  const n = values.length;
  return n < 2 ? undefined : quotient(moments(values).second, whole(n * (n - 1)));
}

/** The square root with enough digits to be rounded to `significant`. */
export function squareRoot(value: Decimal): Decimal {
  const shift = 2 * (significant + 5) + (Math.abs(value.exponent) % 2);
  const scaled = value.digits * 10n ** BigInt(shift);
  const root = integerRoot(scaled);
  const found = { digits: root, exponent: (value.exponent - shift) / 2 };
  return root * root === scaled ? reduce(found) : round(found, significant);
}

function integerRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let guess = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (guess + value / guess) / 2n;
    if (next >= guess) return guess;
    guess = next;
  }
}

function skew(values: readonly Decimal[]): Decimal | undefined {
  const { second, third } = moments(values);
  return second.digits === 0n ? undefined : quotient(third, multiply(second, squareRoot(second)));
}

function kurtosis(values: readonly Decimal[]): Decimal | undefined {
  const { second, fourth } = moments(values);
  return second.digits === 0n ? undefined : quotient(fourth, multiply(second, second));
}

function halfRange(sorted: readonly Decimal[]): Decimal | undefined {
  const [lower, upper] = [percentile(sorted, 1, 4), percentile(sorted, 3, 4)];
  return lower && upper && quotient(subtract(upper, lower), whole(2));
}

/** The unit of a result, by that of the values. */
export type ResultUnit = 'same' | 'squared' | 'none';

export interface Statistic {
  readonly display: string;
  readonly unit: ResultUnit;
  /** @param sorted at least one value, ascending */
  readonly of: (sorted: readonly Decimal[]) => Decimal | undefined;
}

const same = (display: string, of: Statistic['of']): Statistic => ({ display, unit: 'same', of });
const bare = (display: string, of: Statistic['of']): Statistic => ({ display, unit: 'none', of });
const point = (display: string, part: number, parts: number): Statistic =>
  same(display, (sorted) => percentile(sorted, part, parts));

/** By code; `count` and `total-count` are known without values. */
export const statistics: Readonly<Record<string, Statistic>> = {
  average: same('Average', (sorted) => quotient(sum(sorted), whole(sorted.length))),
  maximum: same('Maximum', (sorted) => sorted.at(-1)),
  minimum: same('Minimum', (sorted) => sorted[0]),
  count: bare('Count', (sorted) => whole(sorted.length)),
  'total-count': bare('Total Count', (sorted) => whole(sorted.length)),
  median: point('Median', 1, 2),
  'std-dev': same('Standard Deviation', (sorted) => {
    const found = variance(sorted);
    return found && squareRoot(found);
  }),
  sum: same('Sum', sum),
  variance: { display: 'Variance', unit: 'squared', of: variance },
  '20-percent': point('20th Percentile', 1, 5),
  '80-percent': point('80th Percentile', 4, 5),
  '4-lower': point('Lower Quartile', 1, 4),
  '4-upper': point('Upper Quartile', 3, 4),
  '4-dev': same('Quartile Deviation', halfRange),
  '5-1': point('1st Quintile', 1, 5),
  '5-2': point('2nd Quintile', 2, 5),
  '5-3': point('3rd Quintile', 3, 5),
  '5-4': point('4th Quintile', 4, 5),
  skew: bare('Skew', skew),
  kurtosis: bare('Kurtosis', kurtosis),
};

/** Digits without an exponent, those written kept: 4.10, 0.05, 1200. */
export function plainText({ digits, exponent }: Decimal): string {
  const sign = digits < 0n ? '-' : '';
  const text = (digits < 0n ? -digits : digits).toString();
  if (exponent >= 0) return `${sign}${text === '0' ? text : `${text}${'0'.repeat(exponent)}`}`;
  const padded = text.padStart(1 - exponent, '0');
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}
