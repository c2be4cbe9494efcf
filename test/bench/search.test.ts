/** The searches of the benchmark are what their names say, in every size, and can be parsed. */
import { describe, expect, test } from '@jest/globals';
import { patientResources } from '../../bench/generate.ts';
import { searchCases } from '../../bench/search-catalog.ts';
import { positionIn } from '../../bench/search-record.ts';
import { drawPatients, frequentCodes, midCodes, rareCode } from '../../bench/search-values.ts';
import { parseSearch } from '../../src/search/parse.ts';

const drawn = drawPatients(10_000);

describe('frequencies', () => {
  const patients = 3_000;
  const counts = new Map<string, number>();
  for (let n = 0; n < patients; n += 1) {
    for (const resource of patientResources(n)) {
      if (resource['resourceType'] !== 'Observation') continue;
      const { coding } = resource['code'] as { coding: [{ system: string; code: string }] };
      const code = `${coding[0].system}|${coding[0].code}`;
      counts.set(code, (counts.get(code) ?? 0) + 1);
    }
  }
  const share = (code: string) => (counts.get(code) ?? 0) / patients;

  test.each(frequentCodes)('one patient in two has the frequent code %s', (code) => {
    expect(share(code)).toBeGreaterThan(0.4);
  });

  test.each(midCodes)('one patient in seven has the mid-frequency code %s', (code) => {
    expect(share(code)).toBeGreaterThan(0.1);
    expect(share(code)).toBeLessThan(0.2);
  });

  test('at most one patient in a thousand has the rare code', () => {
    expect(share(rareCode)).toBeLessThan(0.001);
  });
});

test('patients are drawn from the whole data set, the same in every run', () => {
  expect(new Set(drawn.map(({ id }) => id)).size).toBe(50);
  expect(drawPatients(10_000)).toEqual(drawn);
  expect(drawn.at(-1)?.identifier.slice(-7) ?? '').toMatch(/^000[89]/u);
});

test.each(searchCases)('$name is a search of ours', ({ queries }) => {
  const made = queries(drawn);
  expect(made.length).toBeGreaterThan(0);
  for (const query of made) {
    const [type, rest] = query.split('?') as [string, string];
    expect(parseSearch(type, [...new URLSearchParams(rest)]).types).toEqual([type]);
  }
});

test('names are unique', () => {
  expect(new Set(searchCases.map(({ name }) => name)).size).toBe(searchCases.length);
});

test('a cursor gives its position', () => {
  const position = ['next', '17', null];
  expect(positionIn(`${Buffer.from(JSON.stringify(position)).toString('base64url')}.signature`)).toEqual(position);
});
