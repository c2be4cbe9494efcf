/** Growth between data sets: which lines must stay flat, which may grow with the data, in whatever order runs are given. */
import { expect, test } from '@jest/globals';
import { growthOf, growthText } from '../../bench/growth.ts';
import type { Result } from '../../bench/measure.ts';
import { newReport, type Report } from '../../bench/report.ts';

function side(p50: number): Result['ours'] {
  return { rate: 1_000, p50, p99: 20, rounds: [1_000], cpu: { node: 100, postgres: 50 } };
}

function report(size: string, resources: number, p50: Record<string, number>): Report {
  const results = Object.entries(p50).map(([line, value]): Result => {
    const growth = line === 'read' ? undefined : line === 'count' ? 'linear' : 'flat';
    const sides = { ours: side(value), limit: side(value / 2) };
    const what = { line, title: line, unit: 'requests/s', connections: 4, ...sides, ratio: 2 };
    return growth === undefined ? what : { ...what, growth };
  });
  return { ...newReport(size), resources, results };
}

const medium = report('medium', 100, { frequent: 2, rare: 2, count: 2, read: 1 });
const large = report('large', 1_000, { frequent: 2.8, rare: 4, count: 19, read: 9, added: 1 });

test('a page may cost half as much again, a count as many times as there is more data', () => {
  const found = growthOf(medium, large).map(({ line, http, sql, met }) => [line, http, sql, met]);
  expect(found).toEqual([
    ['frequent', 1.4, 1.4, true],
    ['rare', 2, 2, false],
    ['count', 9.5, 9.5, true],
  ]);
});

test('the smaller run is the base, also where it comes last', () => {
  expect(growthOf(large, medium)).toEqual(growthOf(medium, large));
});

test('says what is missed', () => {
  const texts = growthOf(medium, large).map(growthText);
  expect(texts[0]).toMatch(/^frequent +p50 × 1\.40, of its SQL × 1\.40, processor time × 1\.00 +met \(goal: ≤ 1\.5\)$/);
  expect(texts[1]).toMatch(/^rare .*MISSED/);
  expect(texts[2]).toMatch(/≤ 10\.0/);
});
