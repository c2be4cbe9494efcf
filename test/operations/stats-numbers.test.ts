/** The statistics over exact decimals: known results, and agreement with floating point on random values. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainText, squareRoot, statistics } from '../../src/operations/stats-numbers.ts';
import { regression } from '../../src/operations/stats-regression.ts';
import { compare, parseDecimal, type Decimal } from '../../src/fhir/decimal.ts';

function decimals(text: string): Decimal[] {
  return text
    .split(' ')
    .map((one) => parseDecimal(one) as Decimal)
    .sort(compare);
}

function result(code: string, values: string): string | undefined {
  const found = statistics[code]?.of(decimals(values));
  return found && plainText(found);
}

describe('by hand', () => {
  test.each([
    ['average', '1 2 3 4', '2.5'],
    ['average', '1 1 2', '1.33333333333333'],
    ['average', '4.10 4.20', '4.15'],
    ['average', '0.1 0.2', '0.15'],
    ['sum', '0.1 0.2', '0.3'],
    ['sum', '1.00 2', '3.00'],
    ['sum', '12345678901234567890.123 0.001', '12345678901234567890.124'],
    ['maximum', '1 10 9', '10'],
    ['minimum', '4.10 5', '4.10'],
    ['count', '7 7 7', '3'],
    ['median', '3 1 2', '2'],
    ['median', '4 1 2 3', '2.5'],
    ['variance', '2 4 4 4 5 5 7 9', '4.57142857142857'],
    ['variance', '1 2 3', '1'],
    ['variance', '1', undefined],
    ['std-dev', '1 2 3', '1'],
    ['std-dev', '1 3', '1.41421356237310'],
    ['20-percent', '1 2 3 4 5 6', '2'],
    ['80-percent', '0 10', '8'],
    ['5-1', '0 10', '2'],
    ['5-2', '0 10', '4'],
    ['5-3', '0 10', '6'],
    ['5-4', '0 10', '8'],
    ['4-lower', '1 2 3 4 5', '2'],
    ['4-upper', '1 2 3 4 5', '4'],
    ['4-dev', '1 2 3 4 5', '1'],
    ['skew', '1 2 3', '0'],
    ['skew', '5 5', undefined],
    ['kurtosis', '1 2', '1'],
    ['kurtosis', '1 2 3 4 5', '1.7'],
    ['average', '-1 -2', '-1.5'],
    ['minimum', '-0.05 1', '-0.05'],
  ])('%s of %s is %s', (code, values, expected) => {
    expect(result(code, values)).toBe(expected);
  });
});

const sample = fc.array(
  fc.integer({ min: -5_000, max: 5_000 }).map((n) => n / 100),
  { minLength: 2, maxLength: 30 },
);

describe('as floating point has it', () => {
  const plain: Record<string, (values: number[]) => number> = {
    average: (values) => mean(values),
    variance: (values) => (moment(values, 2) * values.length) / (values.length - 1),
    'std-dev': (values) => Math.sqrt((moment(values, 2) * values.length) / (values.length - 1)),
    skew: (values) => moment(values, 3) / moment(values, 2) ** 1.5,
    kurtosis: (values) => moment(values, 4) / moment(values, 2) ** 2,
  };
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const moment = (values: number[], power: number): number =>
    mean(values.map((value) => (value - mean(values)) ** power));

  test.each(Object.keys(plain))('%s', (code) => {
    fc.assert(
      fc.property(sample, (values) => {
        fc.pre(new Set(values).size > 1);
        const found = Number(result(code, values.join(' ')));
        const wanted = plain[code]?.(values) ?? NaN;
        expect(Math.abs(found - wanted)).toBeLessThan(1e-6 * Math.max(1, Math.abs(wanted)));
      }),
    );
  });

  test('square roots', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.integer({ min: -30, max: 30 }), (digits, exponent) => {
        const root = Number(plainText(squareRoot({ digits, exponent })));
        const wanted = Math.sqrt(Number(`${digits}e${exponent}`));
        expect(Math.abs(root - wanted)).toBeLessThanOrEqual(1e-12 * wanted);
      }),
    );
  });
});

describe('regression by hand', () => {
  /** Days and values; gradient per day, value at the first day. */
  test.each([
    ['0:1 1:3', '2', '1'],
    ['0:5 2:5 7:5', '0', '5'],
    ['10:4.10 12:4.30', '0.1', '4.1'],
    ['0:1 1:3 2:2 4:6', '1.14285714285714', '1'],
    ['0:1 1:1 2:2', '0.5', '0.833333333333333'],
    ['0:12345678901234567890.5 1:12345678901234567891.5', '1', '12345678901234567890.5'],
    ['1:1 1:3 2:4', '2', '2'],
  ])('%s', (given, gradient, intercept) => {
    const points = given.split(' ').map((text) => {
      const [day, value = ''] = text.split(':');
      return { time: Number(day) * 86_400_000, value: parseDecimal(value) as Decimal };
    });
    for (const order of [points, points.toReversed()]) {
      const line = regression(order);
      expect(line && [plainText(line.gradient), plainText(line.intercept)]).toEqual([gradient, intercept]);
      expect(line?.origin).toBe(points[0]?.time);
    }
  });

  test.each([[[]], [[1]], [[2, 2, 2]]])('no line through values at %j', (days) => {
    const points = days.map((day, i) => ({ time: day, value: { digits: BigInt(i), exponent: 0 } }));
    expect(regression(points)).toBeUndefined();
  });
});
