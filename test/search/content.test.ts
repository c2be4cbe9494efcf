/**
 * `_content` reads every text of the resources that its companions leave: bounded by them, and by the time of a statement.
 * https://hl7.org/fhir/R4/search.html#content
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { openDatabase, type Database, type Session } from '../../src/store/pool.ts';
import { runSearch } from '../../src/store/search.ts';
import { makeLaboratory, testServer } from '../server.ts';
import { queryOf, store } from './fixture.ts';

/** Milliseconds: a third of what reading all takes, twenty times what a few rows take. */
const impatient = 1_200;

const many = 3_000;
const words = Array.from({ length: 400 }, (_, i) => `Wörter${i} قراءة`).join(' ');

function observation(i: number, more: object = {}): object {
  return {
    resourceType: 'Observation',
    id: `o${i}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: i % 1_000 === 0 ? 'rare' : 'usual' }] },
    subject: { reference: `Patient/p${i % 500}` },
    note: [{ text: `${words} ${i % 1_000 === 0 ? 'Nadel' : 'Heu'} ${i}` }],
    ...more,
  };
}

let tenant = 0;
let database: Database;
let session: Session;

beforeAll(async () => {
  const [other, mine] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  tenant = mine.tenant.id;
  database = openDatabase({ url: testServer().databaseUrl, connections: 6, statementTimeout: impatient });
  session = { tenant, query: (statement) => database.query(tenant, statement) };
  await store(other.tenant.id, [observation(0), observation(1_000)]);
  await store(
    tenant,
    Array.from({ length: many }, (_, i) => observation(i)),
  );
}, 120_000);

afterAll(() => database.close());

async function matches(query: string): Promise<{ ids: string[]; total: number | undefined }> {
  const { matches: found, total } = await runSearch(session, parseSearch('Observation', queryOf(query)));
  return { ids: found.map(({ id }) => id).sort(), total };
}

/** A busy machine may be late once; what reads all is late each time. */
async function matchesInTime(query: string): Promise<{ ids: string[]; total: number | undefined }> {
  for (let tries = 1; tries < 5; tries++) {
    try {
      return await matches(query);
    } catch (error) {
      if (!(error instanceof OutcomeError) || statusOf(error) !== 503) throw error;
    }
  }
  return await matches(query);
}

test.each([
  '_content=nothing-has-this',
  '_content=nothing-has-this&_summary=count',
  '_content=x&code=usual&status=final',
])('%s reads all, and ends with a sentence when its time is over', async (query) => {
  const failure = await matches(query).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OutcomeError);
  expect(statusOf(failure as OutcomeError)).toBe(503);
  expect((failure as OutcomeError).message).toContain('ask for less at once');
});

test.each([
  ['a rare code', '_content=nadel&code=rare', ['o0', 'o1000', 'o2000']],
  ['a rare code, a word that none has', '_content=heu&code=rare', []],
  ['a patient', '_content=nadel&patient=p0', ['o0', 'o1000', 'o2000']],
  ['a patient, sorted', '_content=heu&patient=p0&_sort=status', ['o1500', 'o2500', 'o500']],
  ['ids', '_content=nadel&_id=o0,o1', ['o0']],
])('%s restricts it first', async (_name, query, expected) => {
  expect((await matchesInTime(query)).ids).toEqual([...expected]);
});

test.each([
  ['_content=nadel&code=rare', 3],
  ['_content=nadel&patient=p0', 3],
  ['_content=heu&patient=p0', 3],
])('the total of %s', async (query, total) => {
  expect((await matchesInTime(`${query}&_summary=count`)).total).toBe(total);
});
