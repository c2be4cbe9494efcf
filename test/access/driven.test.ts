/** What a caller may see takes part in how a page is found: a rare access is no scan of everything. */
import { expect, test } from '@jest/globals';
import { drivenByAccess } from '../../src/search/access-driven.ts';
import { all, type Condition, type Search } from '../../src/search/ast.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { candidates, driverOf, partsOf } from '../../src/search/strategy.ts';

const condition = (query: string): Condition =>
  parseSearch('Observation', [query.split('=') as [string, string]]).condition;

function search(query: [string, string][], access: Condition, type: string | null = 'Observation'): Search {
  return drivenByAccess(parseSearch(type ?? undefined, query, { access: () => access }));
}

test('a token that limits the caller is streamed', () => {
  const { condition: driven } = search([], condition('category=laboratory'));
  expect(driverOf(partsOf(driven))).toMatchObject({ kind: 'token' });
});

test('beside a token of the query both are counted', () => {
  expect(candidates(search([['code', 'a']], condition('category=laboratory')))).toHaveLength(2);
});

const others: [string, Search][] = [
  ['without conditions', search([], all)],
  ['under what no index finds', search([], condition('category:not=laboratory'))],
  [
    'under a chain, which sees something else than the chains of the query',
    search([], condition('patient.gender=male')),
  ],
  ['across types', search([['_type', 'Observation,Patient']], condition('category=laboratory'), null)],
];

test.each(others)('%s nothing changes', (_, { condition: driven }) => {
  expect(driven).toEqual(all);
});
