/** Alternatives of permits merged: fewer conditions that mean the same. */
import { expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { parseJson } from '../../src/fhir/json.ts';
import { alternatives } from '../../src/search/alternatives.ts';
import { or, type Condition } from '../../src/search/ast.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { evaluate } from '../search/evaluator.ts';
import { queryOf } from '../search/fixture.ts';
import { randomResources } from '../search/generate.ts';

const parse = (query: string): Condition => parseSearch('Observation', queryOf(query)).condition;
const world = randomResources(200, 5).map((text) => parseJson(text) as JsonObject);
const ids = (condition: Condition): unknown[] => evaluate(condition, ['Observation'], world).map(({ id }) => id);

const cases: [string, string[], number][] = [
  ['values of one parameter', ['code=a', 'code=B', 'code=c-1'], 1],
  ['one differing part', ['code=a&status=final', 'code=B&status=final'], 1],
  ['the other part', ['code=a&status=final', 'code=a&status=amended'], 1],
  ['two differing parts stay apart', ['code=a&status=final', 'code=B&status=amended'], 2],
  [
    'all combinations',
    ['code=a&status=final', 'code=B&status=final', 'code=a&status=amended', 'code=B&status=amended'],
    1,
  ],
  ['other parameters stay apart', ['code=a', 'status=final', 'date=2024'], 3],
  ['negations stay apart', ['code:not=a', 'code:not=B'], 2],
  ['the same twice', ['code=a', 'code=a'], 1],
];

test.each(cases)('%s', (_, queries, count) => {
  const conditions = queries.map(parse);
  const merged = alternatives(conditions);
  expect(merged.kind === 'or' ? merged.parts.length : 1).toBe(count);
  expect(ids(merged)).toEqual(ids(or(conditions)));
});
