/** What a run reports: the median of the rounds, goals met or missed, and no false alarm in comparisons. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, type Result } from '../../bench/measure.ts';
import { compare, figureText, mixedText, newReport, resultText, soakText } from '../../bench/report.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'report-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function side(rounds: number[]): Result['ours'] {
  return { rate: median(rounds), p50: 1.5, p99: 20, rounds, cpu: { node: 100, postgres: 50 } };
}

function result(rounds: number[], more: Partial<Result> = {}): Result {
  const [ours, limit] = [side(rounds), side([2_000])];
  const ratio = ours.rate / limit.rate;
  return { line: 'read', title: 'read | bare', unit: 'requests/s', connections: 16, ours, limit, ratio, ...more };
}

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('a line says both sides, the ratio and whether the goal is met', () => {
  const text = resultText(result([1_000], { goal: 'ratio ≥ 0.7', met: false }));
  expect(text).toMatch(/Makhbar +1,000 requests\/s/);
  expect(text).toMatch(/limit +2,000 requests\/s.*bare/);
  expect(text).toMatch(/ratio +0\.50 +MISSED \(goal: ratio ≥ 0\.7\)/);
  expect(text).toContain('cpu 100 + 50 µs');
});

test('a figure and a soak say their goals', () => {
  expect(figureText({ name: 'idle', title: 'idle memory', value: 120, unit: 'MB', goal: '≤ 250 MB', met: true })).toBe(
    'idle memory: 120 MB   met (goal: ≤ 250 MB)',
  );
  const soaked = { minutes: 10, requests: 5, failed: 0, quarters: [1, 2, 3, 4], growth: 2, met: false };
  expect(soakText(soaked)).toMatch(/1 → 2 → 3 → 4 MB, last \/ second 2\.00 +MISSED/);
});

test('the mix of searches says what failed', () => {
  const round = { connections: 64, rate: 500, p50: 100, p99: 300, count: 5_000 };
  expect(mixedText({ ...round, failed: 0, met: true })).toMatch(
    /5,000 requests, 500 a second.*met \(goal: none fails\)/,
  );
  expect(mixedText({ ...round, failed: 2, failure: 'status 503', met: false })).toMatch(
    /2 failed \(status 503\).*MISSED/,
  );
});

test('runs on two sizes are compared by their growth', () => {
  const paths = ['medium', 'large'].map((size, n) => {
    const path = join(folder, `${size}.json`);
    const report = { ...newReport(size), resources: 10 ** n, results: [result([1_000], { growth: 'flat' })] };
    writeFileSync(path, JSON.stringify(report));
    return path;
  });
  expect(compare(paths[0] as string, paths[1] as string)).toMatch(
    /read +p50 × 1\.00, of its SQL × 1\.00, processor time × 1\.00 +met/,
  );
});

describe('comparing two runs', () => {
  const verdict = (before: number[], after: number[]) => {
    const paths = [before, after].map((rounds, n) => {
      const path = join(folder, `${n}.json`);
      writeFileSync(path, JSON.stringify({ ...newReport('small'), results: [result(rounds)] }));
      return path;
    });
    return compare(paths[0] as string, paths[1] as string).split('\n')[1];
  };

  test.each([
    [[990, 1_000, 1_010], [1_490, 1_500, 1_510], /50\.0 %.*: faster$/],
    [[990, 1_000, 1_010], [690, 700, 710], /-30\.0 %.*: SLOWER$/],
    [[700, 1_000, 1_300], [600, 800, 1_000], /-20\.0 %.*: within the spread$/],
  ])('%j → %j', (before, after, expected) => {
    expect(verdict(before, after)).toMatch(expected);
  });
});
