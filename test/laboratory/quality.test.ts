/** Westgard rules and Levey-Jennings charts. */
import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';
import { chartOf, chartSvg, figures } from '../../src/laboratory/quality/levey-jennings.ts';
import { judge, westgardRules, type ControlPoint, type WestgardRule } from '../../src/laboratory/quality/westgard.ts';

/** `1:2.1 2:-2.1 | 1:0`: level and z; a bar ends a run. */
function points(text: string): ControlPoint[] {
  return text.split('|').flatMap((run, i) =>
    run
      .trim()
      .split(/\s+/)
      .map((one) => {
        const [level = '', z = ''] = one.split(':');
        return { level, run: String(i), value: Number(z), mean: 0, sd: 1 };
      }),
  );
}

const last = (text: string): readonly WestgardRule[] => judge(points(text)).at(-1)?.broken ?? [];

describe('Westgard rules', () => {
  test.each<[string, string, WestgardRule[]]>([
    ['on a limit nothing is broken', '1:2', []],
    ['1-2s', '1:2.01', ['1-2s']],
    ['1-2s below', '1:-2.01', ['1-2s']],
    ['on 3 s it is still a warning', '1:3', ['1-2s']],
    ['1-3s', '1:3.01', ['1-2s', '1-3s']],
    ['2-2s of a level across runs', '1:2.1 | 1:2.2', ['1-2s', '2-2s']],
    ['2-2s of two levels in one run', '1:2.1 2:2.2', ['1-2s', '2-2s']],
    ['two levels in two runs are not 2-2s', '1:2.1 | 2:2.2', ['1-2s']],
    ['2-2s is of one side', '1:2.1 | 1:-2.2', ['1-2s']],
    ['one between ends 2-2s of a level', '1:2.1 | 1:0 | 1:2.1', ['1-2s']],
    ['another level between does not', '1:2.1 | 2:0.1 | 1:2.1', ['1-2s', '2-2s']],
    ['R-4s in one run', '1:2.1 2:-2.1', ['1-2s', 'R-4s']],
    ['R-4s needs both beyond 2 s', '1:2.9 2:-1.9', []],
    ['R-4s is of one run', '1:2.1 | 2:-2.1', ['1-2s']],
    ['3-1s', '1:1.1 | 1:1.2 | 1:1.1', ['3-1s']],
    ['3-1s across levels', '1:1.1 2:1.2 | 1:1.3', ['3-1s']],
    ['4-1s', '1:-1.1 | 1:-1.2 | 1:-1.1 | 1:-1.2', ['3-1s', '4-1s']],
    ['1 s itself is not beyond', '1:1 | 1:1 | 1:1 | 1:1', []],
    ['6x', Array(6).fill('1:0.5').join(' | '), ['6x']],
    ['8x', Array(8).fill('1:-0.5').join(' | '), ['6x', '8x']],
    ['10x across levels', Array(5).fill('1:0.5 2:0.4').join(' | '), ['6x', '8x', '10x']],
    ['the mean ends 6x', `${Array(5).fill('1:0.5').join(' | ')} | 1:0 | 1:0.5`, []],
    ['7T', '1:-0.3 | 1:-0.2 | 1:-0.1 | 1:0 | 1:0.1 | 1:0.2 | 1:0.3', ['7T']],
    ['7T falling', '1:0.3 | 1:0.2 | 1:0.1 | 1:0 | 1:-0.1 | 1:-0.2 | 1:-0.3', ['7T']],
    ['six are no 7T', '1:-0.3 | 1:-0.2 | 1:-0.1 | 1:0 | 1:0.1 | 1:0.2', []],
    ['an equal one ends 7T', '1:-0.3 | 1:-0.2 | 1:-0.1 | 1:-0.1 | 1:0 | 1:0.1 | 1:0.2', []],
    ['7T is of one level', '1:-0.3 2:-0.2 | 1:-0.1 2:0 | 1:0.1 2:0.2 | 1:0.3', []],
  ])('%s', (_, text, rules) => expect(last(text)).toEqual(rules));

  test('a value that lies on a limit in decimals lies on it', () => {
    const [only] = judge([{ level: '1', run: '1', value: 10.3, mean: 10, sd: 0.1 }]);
    expect(only).toEqual({ z: 3, broken: ['1-2s'], rejected: false });
  });

  test('only the rules that are asked for are told', () => {
    expect(judge(points('1:3.5 | 1:3.5'), ['2-2s']).map(({ broken }) => broken)).toEqual([[], ['2-2s']]);
  });

  test('a control without spread is refused', () => {
    expect(() => judge([{ level: '1', run: '1', value: 1, mean: 1, sd: 0 }])).toThrow('above 0');
  });

  const zs = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 40 });
  const series = (values: readonly number[]): ControlPoint[] =>
    values.map((z, i) => ({ level: '1', run: String(i), value: z / 10, mean: 0, sd: 1 }));

  test('one level: each rule is what its sentence says of the last results', () => {
    const count = (values: readonly number[], n: number, holds: (z: number) => boolean): boolean =>
      values.length >= n && values.slice(-n).every(holds);
    const either = (values: readonly number[], n: number, limit: number): boolean =>
      count(values, n, (z) => z > limit) || count(values, n, (z) => z < -limit);
    fc.assert(
      fc.property(zs, (values) => {
        const z = values.map((one) => one / 10);
        const steps = z.slice(1).map((one, i) => Math.sign(one - z[i]!));
        const expected: Record<WestgardRule, boolean> = {
          '1-2s': Math.abs(z.at(-1)!) > 2,
          '1-3s': Math.abs(z.at(-1)!) > 3,
          '2-2s': either(z, 2, 2),
          'R-4s': false,
          '3-1s': either(z, 3, 1),
          '4-1s': either(z, 4, 1),
          '6x': either(z, 6, 0),
          '8x': either(z, 8, 0),
          '10x': either(z, 10, 0),
          '7T': count(steps, 6, (one) => one > 0) || count(steps, 6, (one) => one < 0),
        };
        expect(judge(series(values)).at(-1)?.broken).toEqual(westgardRules.filter((rule) => expected[rule]));
      }),
    );
  });

  test('turned upside down, moved and stretched it is the same', () => {
    fc.assert(
      fc.property(zs, (values) => {
        const broken = judge(series(values)).map((one) => one.broken);
        const turned = series(values).map((one) => ({ ...one, value: 50 - one.value * 2, mean: 50, sd: 2 }));
        expect(judge(turned).map((one) => one.broken)).toEqual(broken);
      }),
    );
  });
});

describe('a chart', () => {
  // Mean 5, variance 32/7: the usual example of a sample.
  test('has the figures of each level', () => {
    expect(figures([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ count: 8, mean: 5, sd: 2.138089935, cv: 42.76179871 });
    expect(figures([3])).toEqual({ count: 1, mean: 3 });
  });

  test('is an SVG with a mark for each result, and texts that cannot break out', () => {
    const given = points('1:0.5 2:3.5 | 1:9 2:-0.1').map((one) => ({ ...one, time: '2026-01-31' }));
    const chart = chartOf('Glucose <script> & "x"', given, westgardRules);
    expect(chart.points.map(({ rejected }) => rejected)).toEqual([false, true, true, false]);
    expect(chart.levels.map(({ level, count }) => [level, count])).toEqual([
      ['1', 2],
      ['2', 2],
    ]);
    const svg = chartSvg(chart);
    expect(svg.match(/<circle [^>]*><title>/g)).toHaveLength(4);
    expect(svg).toContain('Glucose &lt;script&gt; &amp; &quot;x&quot;');
    expect(svg).not.toContain('<script>');
    expect(svg).toContain('1-3s');
  });
});
