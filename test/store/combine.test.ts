/** What combine.ts promises of entries that travel together, against the real database. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { outcomeError } from '../../src/fhir/outcome.ts';
import { makeCombiner, type Batching } from '../../src/store/combine.ts';
import type { Database } from '../../src/store/pool.ts';
import { makeLaboratory, testDatabase } from '../server.ts';

let tenant: number;
beforeAll(async () => {
  tenant = (await makeLaboratory()).tenant.id;
});

/** Statements that return each entry; `1/0` fails in PostgreSQL. */
function echoing(seen: string[][], most = 100): Batching<string, string> {
  return {
    key: (entry) => (entry.startsWith('key:') ? entry : undefined),
    statement: (_tenant, entries) => {
      seen.push([...entries]);
      return {
        text: 'select e, 1 / (e <> $2)::int from unnest($1::text[]) with ordinality as u(e, n) order by n',
        values: [entries, 'bad'],
      };
    },
    results: (rows) => (rows as { e: string }[]).map((row) => row.e),
    lanes: 1,
    most,
  };
}

/** Until all that is ready has run. */
const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 1));

describe('combined statements', () => {
  test('what comes while one is under way goes out together, each with its own result', async () => {
    const seen: string[][] = [];
    const combiner = makeCombiner(testDatabase(), echoing(seen));
    const first = combiner.submit(tenant, 'first');
    await turn();
    const entries = Array.from({ length: 19 }, (_, i) => `e${i}`);
    expect(await Promise.all(entries.map((entry) => combiner.submit(tenant, entry)))).toEqual(entries);
    expect(await first).toBe('first');
    expect(seen.map((batch) => batch.length)).toEqual([1, 19]);
  });

  test('what comes at once goes out together', async () => {
    const seen: string[][] = [];
    const combiner = makeCombiner(testDatabase(), echoing(seen));
    const entries = Array.from({ length: 20 }, (_, i) => `e${i}`);
    expect(await Promise.all(entries.map((entry) => combiner.submit(tenant, entry)))).toEqual(entries);
    expect(seen.map((batch) => batch.length)).toEqual([20]);
  });

  test('entries with the same key never share a statement', async () => {
    const seen: string[][] = [];
    const combiner = makeCombiner(testDatabase(), echoing(seen));
    await Promise.all(['first', 'key:x', 'other', 'key:x', 'key:x'].map((entry) => combiner.submit(tenant, entry)));
    expect(seen).toEqual([['first', 'key:x', 'other'], ['key:x'], ['key:x']]);
  });

  test('a statement holds no more than the limit', async () => {
    const seen: string[][] = [];
    const combiner = makeCombiner(testDatabase(), echoing(seen, 5));
    await Promise.all(Array.from({ length: 12 }, (_, i) => combiner.submit(tenant, String(i))));
    expect(seen.map((batch) => batch.length)).toEqual([5, 5, 2]);
  });

  test('an entry that PostgreSQL refuses fails alone, not with its neighbours', async () => {
    const combiner = makeCombiner(testDatabase(), echoing([]));
    const results = await Promise.allSettled(['a', 'b', 'bad', 'c'].map((entry) => combiner.submit(tenant, entry)));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  test('after an outage nothing is sent a second time: it may have been committed', async () => {
    const seen: string[][] = [];
    const broken: Database = { ...testDatabase(), hot: () => Promise.reject(outcomeError('transient', 'gone')) };
    const combiner = makeCombiner(broken, echoing(seen));
    const results = await Promise.allSettled(['a', 'b', 'c'].map((entry) => combiner.submit(tenant, entry)));
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
    expect(seen.flat().sort()).toEqual(['a', 'b', 'c']);
  });
});
