/** Sorting and paging: https://hl7.org/fhir/R4/search.html#sort and #paging */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseSearch } from '../../src/search/parse.ts';
import { runSearch, type SearchPage } from '../../src/store/search.ts';
import { makeLaboratory } from '../server.ts';
import { queryOf, remove, session, store } from './fixture.ts';

/** 30 observations: a date each for most, few statuses, values with ties and gaps, codes that repeat. */
const observations = Array.from({ length: 30 }, (_, i) => ({
  resourceType: 'Observation',
  id: `o${String(i).padStart(2, '0')}`,
  status: ['final', 'amended', 'preliminary'][i % 3],
  code: {
    coding: [
      { system: 'http://loinc.org', code: i % 2 === 0 ? 'even' : 'odd' },
      { system: 'http://other', code: i % 2 === 0 ? 'even' : 'odd' },
    ],
  },
  subject: { reference: `Patient/p${i % 4}` },
  ...(i % 7 !== 0 && { effectiveDateTime: `2024-01-${String(1 + ((i * 11) % 28)).padStart(2, '0')}` }),
  ...(i % 5 !== 0 && { valueQuantity: { value: (i * 13) % 10, system: 'http://unitsofmeasure.org', code: 'mg' } }),
}));

let tenant = 0;

beforeAll(async () => {
  const [other, mine] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  tenant = mine.tenant.id;
  await store(other.tenant.id, observations.slice(0, 15));
  await store(tenant, observations);
});

const ids = (page: SearchPage): string[] => page.matches.map(({ id }) => id);

function searchOf(query: string): ReturnType<typeof parseSearch> {
  return parseSearch('Observation', queryOf(query));
}

/** All pages from the first to the last. */
async function forwards(query: string): Promise<SearchPage[]> {
  const search = searchOf(query);
  const pages = [await runSearch(session(tenant), search)];
  for (let next = pages[0]?.next; next !== undefined; next = pages.at(-1)?.next) {
    pages.push(await runSearch(session(tenant), search, next));
  }
  return pages;
}

type Observation = (typeof observations)[number];

const dated = (one: Observation): string | undefined => (one as { effectiveDateTime?: string }).effectiveDateTime;
const measured = (one: Observation): number | undefined =>
  (one as { valueQuantity?: { value: number } }).valueQuantity?.value;

/** Missing values last in both directions. */
function isOrdered<T extends string | number>(values: readonly (T | undefined)[], descending: boolean): boolean {
  return values.every((value, i) => {
    const before = values[i - 1];
    if (i === 0 || value === undefined) return true;
    return before !== undefined && (descending ? before >= value : before <= value);
  });
}

const orders: readonly (readonly [sort: string, value: (one: Observation) => unknown, descending: boolean])[] = [
  ['-date', dated, true],
  ['date', dated, false],
  ['status', (one) => one.status, false],
  ['-status', (one) => one.status, true],
  ['_id', (one) => one.id, false],
  ['-_id', (one) => one.id, true],
  ['value-quantity', measured, false],
  ['-value-quantity', measured, true],
  ['code', (one) => one.code.coding[0]?.code, false],
  ['-_lastUpdated', () => 0, true],
  ['subject', (one) => one.subject.reference, false],
];

describe('sort', () => {
  test.each(orders)('_sort=%s', async (sort, value, descending) => {
    const page = await runSearch(session(tenant), searchOf(`_sort=${sort}&_count=100`));
    const found = ids(page).map((id) => observations.find((one) => one.id === id)!);
    expect(found).toHaveLength(30);
    expect(isOrdered(found.map(value) as string[], descending)).toBe(true);
  });

  test('several keys, each in its direction', async () => {
    const found = ids(await runSearch(session(tenant), searchOf('_sort=status,-date&_count=100')));
    const expected = [...observations].sort(
      (a, b) =>
        String(a.status).localeCompare(String(b.status)) || String(dated(b) ?? '').localeCompare(dated(a) ?? ''),
    );
    expect(found.map((id) => observations.find((one) => one.id === id)!.status)).toEqual(
      expected.map((one) => one.status),
    );
    expect(found.map((id) => dated(observations.find((one) => one.id === id)!))).toEqual(expected.map(dated));
  });
});

const paged = [
  '',
  '_sort=-date',
  '_sort=date',
  '_sort=status,-date',
  '_sort=-value-quantity',
  '_sort=_id',
  '_sort=-_lastUpdated',
  'code=even',
  'code=even&_sort=-date',
  'patient=p1',
  'status=final',
  'code=odd&status:not=final&_sort=-date',
  'subject=Patient/p2&_sort=date',
  'code:not=even',
];

describe('paging', () => {
  test.each(paged)('pages of "%s" show each match once, forwards and backwards', async (query) => {
    const whole = ids(await runSearch(session(tenant), searchOf(`${query}&_count=100`)));
    const pages = await forwards(`${query}&_count=4`);
    expect(pages.flatMap(ids)).toEqual(whole);
    expect(whole.length).toBeGreaterThan(0);
    const backwards: string[][] = [];
    for (let at = pages.at(-1)?.previous; at !== undefined;) {
      const page = await runSearch(session(tenant), searchOf(`${query}&_count=4`), at);
      backwards.unshift(ids(page));
      at = page.previous;
    }
    expect(backwards).toEqual(pages.slice(0, -1).map(ids));
  });

  test('a resource with the code in two systems is one match', async () => {
    const page = await runSearch(session(tenant), searchOf('code=even&_count=100'));
    expect(new Set(ids(page)).size).toBe(page.matches.length);
    expect(page.total).toBe(15);
  });

  test('what is written or deleted between pages neither skips nor repeats another match', async () => {
    const own = (await makeLaboratory()).tenant.id;
    await store(own, observations);
    const search = searchOf('_sort=-date&_count=5');
    const first = await runSearch(session(own), search);
    await store(own, [{ ...observations[0], id: 'newest', effectiveDateTime: '2030-01-01' }]);
    await remove(own, 'Observation', first.matches[1]?.id ?? '');
    const seen = ids(first);
    for (let next = first.next; next !== undefined;) {
      const page = await runSearch(session(own), search, next);
      seen.push(...ids(page));
      next = page.next;
    }
    expect(seen.sort()).toEqual(observations.map((one) => one.id).sort());
  });

  test('_count=0 gives the total only', async () => {
    const page = await runSearch(session(tenant), searchOf('code=even&_count=0'));
    expect(page).toMatchObject({ matches: [], total: 15 });
  });

  test('_total: absent unless asked for or known anyway', async () => {
    expect((await runSearch(session(tenant), searchOf('_count=3'))).total).toBeUndefined();
    expect((await runSearch(session(tenant), searchOf('_count=30'))).total).toBe(30);
    expect((await runSearch(session(tenant), searchOf('_count=3&_total=accurate'))).total).toBe(30);
    expect((await runSearch(session(tenant), searchOf('_count=3&_total=estimate'))).total).toBe(30);
  });
});
