/**
 * The SQL engine against the evaluator: random resources, random searches, the same answer, in two tenants with the same
 * ids. SEARCH_RUNS sets how many searches (default 200), SEARCH_SEED which.
 */
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../src/fhir/json.ts';
import { parseJson } from '../../src/fhir/json.ts';
import type { Effort } from '../../src/search/strategy.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { analyzeIndex } from '../../src/store/reindex.ts';
import { makeLaboratory, testDatabase } from '../server.ts';
import { evaluate } from './evaluator.ts';
import { findPage, queryOf, store } from './fixture.ts';
import { randomQuery, randomResources } from './generate.ts';

const runs = Number(process.env['SEARCH_RUNS'] ?? 200);
const seed = Number(process.env['SEARCH_SEED'] ?? 20_240_229);

/** Milliseconds: sixty times what it takes. */
const patience = runs * 1_500;

let tenant = 0;
const world = randomResources(250, seed).map((text) => parseJson(text) as JsonObject);

beforeAll(async () => {
  const [other, mine] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  tenant = mine.tenant.id;
  await store(other.tenant.id, randomResources(250, seed + 1).map((text) => parseJson(text)) as JsonObject[]);
  await store(tenant, world);
  await analyzeIndex(testDatabase());
}, 60_000);

function expected(url: string): string[] {
  const [type = '', query = ''] = url.split(/\?(.*)/s);
  const { condition, types } = parseSearch(type, queryOf(query));
  return evaluate(condition, types, world).map((resource) => String(resource['id']));
}

let found = 0;

/** Whatever the page starts from, a stream, a set or a scan, the answer is the same: bounds from nothing to plenty. */
const efforts: readonly Effort[] = [
  { fewResources: 0, triedRows: 1, smallSet: 0 },
  { fewResources: 1, triedRows: 4, smallSet: 3 },
  { fewResources: 10, triedRows: 40, smallSet: 30 },
  { fewResources: 300, triedRows: 600, smallSet: 4_000 },
];

test(
  `${runs} random searches find what the definitions say`,
  async () => {
    await fc.assert(
      fc.asyncProperty(randomQuery, fc.constantFrom(...efforts), async (url, effort) => {
        const page = await findPage(tenant, `${url}&_count=1000`, { effort });
        expect(page.matches.sort()).toEqual(expected(url).sort());
        const first = await findPage(tenant, `${url}&_count=3`, { effort });
        expect(first.matches).toHaveLength(Math.min(3, page.matches.length));
        expect(page.matches).toEqual(expect.arrayContaining(first.matches));
        expect((await findPage(tenant, `${url}&_count=0`)).total).toBe(page.matches.length);
        if (page.matches.length > 0) found += 1;
      }),
      // A failure is made smaller by many more searches: not for ever.
      { numRuns: runs, seed, endOnFailure: false, interruptAfterTimeLimit: patience, markInterruptAsFailure: true },
    );
    // Searches that find nothing prove little.
    expect(found / runs).toBeGreaterThan(0.3);
  },
  patience + 60_000,
);
