/** The event that a search stores with its page is the one that would be stored after it (src/store/search-event.ts). */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import type { AuditRecord } from '../../src/audit/record.ts';
import { rowOf } from '../../src/audit/row.ts';
import { eventOf } from '../../src/interactions/audited.ts';
import { newTrail, showed } from '../../src/interactions/trail.ts';
import type { Context } from '../../src/request.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { agentWithin } from '../../src/store/audit-agents.ts';
import { runSearch, type Running, type SearchPage } from '../../src/store/search.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { queryOf, session, store } from '../search/fixture.ts';
import { eventsOf, shown } from './log.ts';

const agent = { subject: 's', client: 'c', roles: [] };

const observations = Array.from({ length: 9 }, (_, i) => ({
  resourceType: 'Observation',
  id: `o${i}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: i % 2 === 0 ? 'even' : 'odd' }] },
  category: [{ coding: [{ system: 'http://terminology', code: i < 2 ? 'rare' : 'usual' }] }],
  ...(i !== 8 && { subject: { reference: `Patient/p${i % 3}` } }),
  effectiveDateTime: `2024-01-0${i + 1}`,
}));

let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  await store(lab.tenant.id, [
    { resourceType: 'Patient', id: 'p0' },
    { resourceType: 'Patient', id: 'p1' },
  ]);
  await store(lab.tenant.id, observations);
});

interface Case {
  readonly type?: string;
  readonly query: string;
  /** In the path. */
  readonly patient?: string;
  readonly purposes?: readonly string[];
  readonly position?: 'second page' | 'back';
  readonly bounds?: Running['bounds'];
}

const soon = { fewResources: 1, triedRows: 2, smallSet: 1 };

const stored: readonly Case[] = [
  { type: 'Observation', query: '_id=none' },
  { type: 'Observation', query: '_id=o1' },
  { type: 'Observation', query: '_id=o8' },
  { type: 'Observation', query: '_id=o8', patient: 'p1' },
  { type: 'Observation', query: '_id=o1', patient: 'p1', purposes: ['TREAT', 'ETREAT'] },
  { type: 'Observation', query: '_id=o1', patient: 'p2' },
  { type: 'Observation', query: '_sort=-date' },
  { type: 'Observation', query: '_sort=-date&_count=4' },
  { type: 'Observation', query: '_sort=-date&_count=2', position: 'second page' },
  { type: 'Observation', query: 'code=even&_count=3' },
  { type: 'Observation', query: 'code=even&category=rare', bounds: soon },
  { type: 'Observation', query: 'code=even&category=usual&_count=1', bounds: soon },
  { type: 'Patient', query: '' },
  { query: '_id=p0,o1' },
  { type: 'Observation', query: '_count=0' },
  { type: 'Observation', query: '_summary=count', patient: 'p0' },
];

/** Another statement follows, or the rows come the other way round. */
const later: readonly Case[] = [
  { type: 'Observation', query: '_id=o1&_include=Observation:subject' },
  { type: 'Observation', query: '_count=2&_total=accurate' },
  { type: 'Observation', query: '_sort=-date&_count=2', position: 'back' },
  { type: 'Observation', query: '_contained=true' },
];

/** Runs a search with its event; the event that the same page gives afterwards. */
async function run(one: Case, requestId: string): Promise<{ page: SearchPage; after: Omit<AuditRecord, 'agent'> }> {
  const { tenant } = lab;
  const caller = { purposes: one.purposes ?? [] };
  const context = { tenant, caller, address: '127.0.0.1', requestId } as unknown as Context;
  const asked = { kind: 'search-type' as const, query: () => `Observation?${one.query}\u00e9"` };
  const search = parseSearch(one.type, queryOf(one.query));
  const before = eventOf(context, newTrail(asked));
  if (before === undefined) throw new Error('no event');
  const number = await agentWithin(session(tenant.id), JSON.stringify(agent));
  const event = { entry: { row: rowOf(before), agent: number, patients: [] }, patient: one.patient };
  const first = one.position && (await runSearch(session(tenant.id), search));
  const second = first && (await runSearch(session(tenant.id), search, first.next));
  const position = one.position === 'back' ? second?.previous : first?.next;
  const page = await runSearch(session(tenant.id), search, position, { event, bounds: one.bounds });
  const trail = newTrail({ ...asked, ...(one.patient !== undefined && { patient: one.patient }) });
  page.matches.forEach((match) => showed(trail, match));
  const after = eventOf(context, trail);
  if (after === undefined) throw new Error('no event');
  return { page, after: { ...after, id: before.id, time: before.time } };
}

test.each(stored)('%j', async (one) => {
  const requestId = randomUUID();
  const { page, after } = await run(one, requestId);
  expect(page.audited).toBe(true);
  expect((await eventsOf(lab, requestId)).map(shown)).toEqual([shown({ ...after, agent })]);
  const [row] = await testDatabase().query<{ patients: string[] | null }>(
    lab.tenant.id,
    sql`select array_agg(patient order by patient) as patients from audit_patient
      where tenant_id = ${lab.tenant.id} and id = ${after.id}`,
  );
  expect(row?.patients ?? []).toEqual(after.patients.length > 1 ? [...after.patients].sort() : []);
});

test.each(later)('%j: none', async (one) => {
  const requestId = randomUUID();
  const { page } = await run(one, requestId);
  expect(page.audited).toBe(false);
  expect(await eventsOf(lab, requestId)).toEqual([]);
});

test('a caller who is alone and callers at the same time leave the same events', async () => {
  const path = 'Observation?_sort=-date&_count=4';
  const ids = Array.from({ length: 9 }, () => randomUUID());
  const ask = (id: string): Promise<Response> => lab.fetch(path, { headers: { 'x-request-id': id } });
  const [first = '', ...others] = ids;
  const alone = await ask(first);
  const together = await Promise.all(others.map(ask));
  expect([alone, ...together].map(({ status }) => status)).toEqual(ids.map(() => 200));
  const told = async (requestId: string): Promise<unknown[]> =>
    (await eventsOf(lab, requestId)).map((event) => ({ ...shown(event), id: '', time: 0, requestId: '' }));
  const [event] = await told(first);
  expect(event).toMatchObject({
    kind: 'search-type',
    touched: ['Observation/o8#1', 'Observation/o7#1', 'Observation/o6#1', 'Observation/o5#1'],
  });
  for (const id of others) expect(await told(id)).toEqual([event]);
});
