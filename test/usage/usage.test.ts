/** $usage: what the requests of a laboratory add to it, who may see it, and that stored bytes are what is stored. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { measureStorage } from '../../src/jobs/measure-storage.ts';
import type { JobContext, Run } from '../../src/jobs/job.ts';
import type { Session } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { readStored } from '../../src/store/usage.ts';
import { ask, sentence, type Json } from '../operations/store.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';

const json = { 'content-type': 'application/fhir+json' };
const today = new Date().toISOString().slice(0, 10);

function send(lab: Laboratory, method: string, path: string, body?: Json): Promise<Response> {
  return lab.fetch(path, { method, headers: json, ...(body && { body: JSON.stringify(body) }) });
}

async function usageOf(
  lab: Laboratory,
): Promise<{ total: Record<string, number>; limits: Record<string, number>; json: Json }> {
  const reader = await signIn(lab.tenant, 'manage/usage', 'reader');
  const { json: found } = await ask(reader, '$usage');
  return { total: figures(found, 'total'), limits: figures(found, 'limits'), json: found };
}

function figures(parameters: Json, name: string): Record<string, number> {
  const found = (parameters['parameter'] as Json[]).find((one) => one['name'] === name);
  const parts = (found?.['part'] ?? []) as { name: string; valueDecimal: number }[];
  return Object.fromEntries(parts.map((part) => [part.name, part.valueDecimal]));
}

function sessionOf({ tenant }: Laboratory): Session {
  return { tenant: tenant.id, query: (statement) => testDatabase().query(tenant.id, statement) };
}

/** By the rows, whatever the meter says. */
async function storedIn(lab: Laboratory): Promise<number> {
  const [row] = await sessionOf(lab).query<{ bytes: string }>(sql`
    select (select coalesce(sum(bytes), 0) from resource_version where tenant_id = ${lab.tenant.id})
      + (select coalesce(sum(size), 0) from binary_file where tenant_id = ${lab.tenant.id}) as bytes`);
  return Number(row?.bytes);
}

const patient = { resourceType: 'Patient', active: true };
const entry = (resource: Json, method: string, url: string): Json => ({ resource, request: { method, url } });
const bundle = (type: string, ...entries: Json[]): Json => ({ resourceType: 'Bundle', type, entry: entries });

/** Requests of one laboratory, with the metric that each adds 1 to and the versions that it writes. */
const requests: [what: string, metric: string, versions: number, (lab: Laboratory) => Promise<Response>][] = [
  ['create', 'write', 1, (lab) => send(lab, 'POST', 'Patient', patient)],
  ['update', 'write', 1, (lab) => send(lab, 'PUT', 'Patient/a', { ...patient, id: 'a' })],
  ['update again', 'write', 1, (lab) => send(lab, 'PUT', 'Patient/a', { ...patient, id: 'a', gender: 'other' })],
  ['read', 'read', 0, (lab) => lab.fetch('Patient/a')],
  ['read of nothing', 'read', 0, (lab) => lab.fetch('Patient/none')],
  ['vread', 'read', 0, (lab) => lab.fetch('Patient/a/_history/1')],
  ['history', 'read', 0, (lab) => lab.fetch('_history?_count=1')],
  ['search', 'search', 0, (lab) => lab.fetch('Patient?gender=other')],
  [
    'search by POST',
    'search',
    0,
    (lab) => lab.fetch('Patient/_search', { method: 'POST', body: new URLSearchParams('gender=other') }),
  ],
  ['search everything', 'search', 0, (lab) => lab.fetch('?_type=Patient')],
  ['compartment', 'search', 0, (lab) => lab.fetch('Patient/a/Observation')],
  ['operation', 'operation', 0, (lab) => lab.fetch('Patient/a/$meta')],
  ['refused write', 'write', 0, (lab) => send(lab, 'POST', 'Patient', { resourceType: 'Patient', active: 'x' })],
  [
    'operation that writes',
    'operation',
    1,
    (lab) =>
      send(lab, 'POST', 'Patient/a/$meta-add', {
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'http://example.org/t', code: 'x' }] } }],
      }),
  ],
  [
    'transaction',
    'write',
    2,
    (lab) =>
      send(
        lab,
        'POST',
        '',
        bundle('transaction', entry(patient, 'POST', 'Patient'), entry({ ...patient, id: 'b' }, 'PUT', 'Patient/b')),
      ),
  ],
  [
    'transaction that fails at its end',
    'write',
    0,
    (lab) =>
      send(
        lab,
        'POST',
        '',
        bundle('transaction', entry(patient, 'POST', 'Patient'), { request: { method: 'GET', url: 'Patient/none' } }),
      ),
  ],
  [
    'batch of which half fails',
    'write',
    1,
    (lab) =>
      send(
        lab,
        'POST',
        '',
        bundle(
          'batch',
          entry(patient, 'POST', 'Patient'),
          entry({ resourceType: 'Patient', active: 'x' }, 'POST', 'Patient'),
        ),
      ),
  ],
  [
    'exact numbers',
    'write',
    1,
    (lab) =>
      lab.fetch('Observation', {
        method: 'POST',
        headers: json,
        body: '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.0e2}}',
      }),
  ],
  ['other scripts', 'write', 1, (lab) => send(lab, 'POST', 'Patient', { ...patient, name: [{ family: 'القاسم' }] })],
  [
    'file',
    'write',
    1,
    (lab) =>
      lab.fetch('Binary', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(70_000) }),
  ],
  ['delete', 'write', 1, (lab) => send(lab, 'DELETE', 'Patient/b')],
  ['conditional delete', 'write', 1, (lab) => send(lab, 'DELETE', 'Patient?gender=other')],
  ['delete of nothing', 'write', 0, (lab) => send(lab, 'DELETE', 'Patient/none')],
];

describe('what a request adds', () => {
  let lab: Laboratory;
  let before: Record<string, number>;
  beforeAll(async () => {
    lab = await makeLaboratory();
    before = (await usageOf(lab)).total;
  });

  test.each(requests)('%s', async (_, metric, versions, request) => {
    await (await request(lab)).arrayBuffer();
    const { total } = await usageOf(lab);
    const added = (name: string): number => (total[name] ?? 0) - (before[name] ?? 0);
    const others = ['read', 'search', 'write', 'operation'].filter((one) => one !== metric && one !== 'operation');
    // The question itself is an operation.
    expect(added(`requests-${metric}`)).toBe(metric === 'operation' ? 2 : 1);
    expect(others.map((one) => added(`requests-${one}`))).toEqual(others.map(() => 0));
    expect(added('resources-written')).toBe(versions);
    expect(added('bytes-in')).toBeGreaterThan(200);
    expect(added('bytes-out')).toBeGreaterThan(200);
    expect(total['stored-bytes']).toBe(await storedIn(lab));
    before = total;
  });
});

test('stored bytes are those of the JSON that was sent and of the files', async () => {
  const lab = await makeLaboratory();
  await send(lab, 'PUT', 'Patient/a', { resourceType: 'Patient', id: 'a', active: true });
  const text = '{"resourceType":"Patient","id":"a","meta":{},"active":true}';
  expect(Math.abs(((await usageOf(lab)).total['stored-bytes'] ?? 0) - text.length)).toBeLessThan(12);
  await lab.fetch('Binary', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(70_000) });
  expect((await usageOf(lab)).total['stored-bytes']).toBeGreaterThan(70_000);
});

test('a large body and a large answer show in the bytes', async () => {
  const lab = await makeLaboratory();
  const before = (await usageOf(lab)).total;
  const sent = await send(lab, 'POST', 'Patient', { ...patient, name: [{ family: 'x'.repeat(200_000) }] });
  const { id } = (await sent.json()) as { id: string };
  await (await lab.fetch(`Patient/${id}`, { headers: { 'accept-encoding': 'identity' } })).text();
  const { total } = await usageOf(lab);
  expect((total['bytes-in'] ?? 0) - (before['bytes-in'] ?? 0)).toBeGreaterThan(200_000);
  expect((total['bytes-out'] ?? 0) - (before['bytes-out'] ?? 0)).toBeGreaterThan(200_000);
});

test('people are those with roles, and each is one', async () => {
  const lab = await makeLaboratory();
  const people = ['a', 'b', 'a'].map((subject) => signIn(lab.tenant, 'user/*.rs', subject, { roles: ['technician'] }));
  for (const person of await Promise.all(people)) await (await person.fetch('Patient')).text();
  await (await lab.fetch('Patient')).text();
  expect((await usageOf(lab)).total['active-users']).toBe(2);
});

test('who is not signed in, or not let in, adds nothing', async () => {
  const lab = await makeLaboratory();
  const before = (await usageOf(lab)).total;
  await fetch(`${lab.base}/metadata`);
  await fetch(`${lab.base}/Patient`);
  await fetch(`${lab.base}/Patient`, { headers: { authorization: 'Bearer wrong' } });
  const { total } = await usageOf(lab);
  // The two questions are one operation each.
  expect(total).toEqual({ ...total, 'requests-operation': (before['requests-operation'] ?? 0) + 1 });
  expect([total['requests-search'], total['requests-read']]).toEqual([0, 0]);
});

test('a laboratory sees its own usage alone', async () => {
  const [a, b] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  await send(a, 'POST', 'Patient', patient);
  await usageOf(a);
  expect((await usageOf(b)).total).toMatchObject({ 'stored-bytes': 0 });
  expect((await usageOf(b)).total['resources-written']).toBe(0);
});

describe('who may ask what', () => {
  test.each([
    ['manage/usage', 200],
    ['system/*.cruds', 403],
    ['system/*.cruds manage/users', 403],
  ])('with %s: %d', async (scopes, status) => {
    const lab = await makeLaboratory({ scopes });
    const answer = await ask(lab, '$usage');
    expect([answer.status, status === 403 ? /manage\/usage/.test(answer.text) : true]).toEqual([status, true]);
  });

  test.each([
    ['from=2026-01-01&to=2026-01-31', 200, ''],
    [`from=${today}`, 200, ''],
    ['from=2026-13-01', 400, 'from: "2026-13-01" is no day'],
    ['to=yesterday', 400, 'to: "yesterday" is no day'],
    ['from=2026-02-30', 400, 'is no day'],
    ['from=2026-02-02&to=2026-02-01', 400, 'is after'],
    ['from=2020-01-01&to=2026-02-01', 400, 'at most 400 days'],
    ['from=2026-01-01&from=2026-01-02', 400, 'one from'],
    ['since=2026-01-01', 400, 'has no parameter "since"'],
  ])('%s: %d %s', async (query, status, said) => {
    const lab = await makeLaboratory({ scopes: 'manage/usage' });
    const answer = await ask(lab, `$usage?${query}`);
    expect(answer.status).toBe(status);
    if (status !== 200) expect(sentence(answer.json)).toContain(said);
  });

  test('Patient/$usage is nothing, and the limits of the plan are told', async () => {
    const lab = await makeLaboratory({ scopes: 'manage/usage', settings: { plan: 'trial', rateLimit: 77 } });
    expect((await ask(lab, 'Patient/$usage')).status).toBe(404);
    const { limits, json: parameters } = await usageOf(lab);
    expect(limits).toEqual({ rateLimit: 77, totalRateLimit: 1_200, storageLimit: 1_000_000_000, exportConcurrency: 1 });
    expect(parameters['parameter']).toContainEqual({ name: 'plan', valueCode: 'trial' });
  });
});

describe('measuring what is stored', () => {
  async function measure(lab: Laboratory, cursor?: Json): Promise<unknown> {
    const context = { server: { database: testDatabase() } } as unknown as JobContext;
    const run = { job: { cursor, done: 0 }, tenant: lab.tenant, session: sessionOf(lab), until: Date.now() + 1_000 };
    return measureStorage(context, run as unknown as Run);
  }

  async function filled(): Promise<Laboratory> {
    const lab = await makeLaboratory();
    const entries = Array.from({ length: 30 }, (_, i) => entry({ ...patient, id: `p${i}` }, 'PUT', `Patient/p${i}`));
    for (let i = 0; i < 3; i++) await send(lab, 'POST', '', bundle('transaction', ...entries));
    await lab.fetch('Binary', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(5_000) });
    await usageOf(lab);
    return lab;
  }

  const setStored = (lab: Laboratory, bytes: number): Promise<unknown> =>
    testDatabase().operator(sql`update storage_use set bytes = ${bytes} where tenant_id = ${lab.tenant.id}`);

  test.each([0, 17, 10_000_000])('a level that says %d is corrected', async (wrong) => {
    const lab = await filled();
    await setStored(lab, wrong);
    expect(await measure(lab)).toEqual({ done: await storedIn(lab) });
    expect(await readStored(sessionOf(lab))).toBe(await storedIn(lab));
  });

  test('a last step that runs twice corrects once', async () => {
    const lab = await filled();
    await setStored(lab, 0);
    const before = (await sessionOf(lab).query<{ now: string }>(sql`select clock_timestamp()::text as now`))[0]?.now;
    const cursor = { before, level: 0, rid: '0', version: 0, bytes: 0 };
    await measure(lab, cursor);
    await measure(lab, cursor);
    expect(await readStored(sessionOf(lab))).toBe(await storedIn(lab));
  });

  test('what is written after it began is left to the meter', async () => {
    const lab = await filled();
    await setStored(lab, 0);
    const cursor = { before: new Date(Date.now() - 60_000).toISOString(), level: 0, rid: '0', version: 0, bytes: 0 };
    const [row] = await sessionOf(lab).query<{ bytes: string }>(
      sql`select sum(size) as bytes from binary_file where tenant_id = ${lab.tenant.id}`,
    );
    expect(await measure(lab, cursor)).toEqual({ done: Number(row?.bytes) });
  });

  test('versions from before the column are measured by their JSON', async () => {
    const lab = await makeLaboratory();
    const content = JSON.stringify({ resourceType: 'Patient', id: 'old', meta: {}, active: true });
    await sessionOf(lab).query(sql`
      insert into resource_version (tenant_id, rid, ver, type, last_updated, method, content)
      values (${lab.tenant.id}, 1, 1, 1, now() - interval '1 day', 'PUT', ${content}::jsonb)`);
    const { done } = (await measure(lab)) as { done: number };
    // PostgreSQL writes a space after each colon and comma.
    expect(done).toBeGreaterThanOrEqual(content.length);
    expect(done).toBeLessThan(content.length + 10);
  });
});
