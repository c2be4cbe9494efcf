/**
 * All or nothing: a statement of an erasure that fails, whichever it is; a process that is killed in the midst of it, or just
 * after it; and writers who race with it.
 */
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { killServer, startServer, stopServer, type Running } from '../durability/process.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';
import {
  database,
  fill,
  headers,
  officer,
  parameters,
  put,
  secrets,
  send,
  tenantTables,
  whereIs,
  type Json,
} from './laboratory.ts';

const asked = (): RequestInit => ({
  method: 'POST',
  headers,
  body: JSON.stringify(parameters({ reason: 'Request 12.' })),
});

let lab: Laboratory;
let dpo: Laboratory;
let second: Running | undefined;

beforeAll(async () => {
  lab = await makeLaboratory();
  await fill(lab);
  dpo = await officer(lab.tenant);
}, 60_000);
afterAll(async () => second && stopServer(second));

/** All that a laboratory has, but the log, counts of use and jobs, which go on by themselves. */
async function everything({ tenant }: Laboratory): Promise<Record<string, string>> {
  const client = await database();
  const state: Record<string, string> = {};
  for (const table of await tenantTables()) {
    if (/^(audit_|usage|storage_use|job|retention_state|tenant$)/.test(table)) continue;
    const { rows } = await client.query<{ state: string }>(
      `select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as state from ${table} t where tenant_id = $1`,
      [tenant.id],
    );
    state[table] = rows[0]?.state ?? '';
  }
  return state;
}

/** Runs `work` while a statement on a table does something else for this laboratory. */
async function trapped<T>(table: string, deed: string, does: string, work: () => Promise<T>): Promise<T> {
  const client = await database();
  const name = `trap_${randomBytes(4).toString('hex')}`;
  const row = deed === 'delete' ? 'old' : 'new';
  await client.query(
    `create function ${name}() returns trigger language plpgsql as $$ begin ${does}; return ${row}; end $$`,
  );
  await client.query(
    `create trigger ${name} before ${deed} on ${table} for each row when (${row}.tenant_id = ${lab.tenant.id}) execute function ${name}()`,
  );
  try {
    return await work();
  } finally {
    await client.query(`drop trigger ${name} on ${table}`);
    await client.query(`drop function ${name}()`);
  }
}

test.each([
  ['insert', 'erasure'],
  ['insert', 'erased'],
  ['insert', 'erased_version'],
  ['insert', 'erased_file'],
  ['insert', 'resource_version'],
  ['insert', 'job'],
  ['insert', 'audit_event'],
  ['update', 'account'],
  ['delete', 'account_role'],
  ['delete', 'openid_state'],
  ['delete', 'launch'],
  ['delete', 'app_state'],
  ['delete', 'break_glass'],
  ['delete', 'search_token'],
  ['delete', 'search_reference'],
  ['delete', 'search_string'],
  ['delete', 'contained'],
  ['delete', 'consent_rule'],
  ['delete', 'binary_file'],
  ['delete', 'resource_version'],
  ['delete', 'resource'],
])('nothing is done where an %s on %s fails', async (deed, table) => {
  const before = await everything(lab);
  const status = await trapped(table, deed, `raise exception 'trapped'`, async () => {
    const answer = await dpo.fetch('Patient/pat-one/$erase', asked());
    return answer.status;
  });
  expect([500, 503]).toContain(status);
  expect(await everything(lab)).toEqual(before);
});

/** A process of its own on the same database, without jobs. */
async function elsewhere(caller: Laboratory): Promise<(path: string) => Promise<Response>> {
  const { databaseUrl, dataDir } = testServer();
  second = await startServer(dataDir, { DATABASE_URL: databaseUrl }, ['--only', 'http']);
  const base = `${second.url}/${caller.tenant.name}/fhir`;
  return (path) =>
    fetch(`${base}/${path}`, { ...asked(), headers: { ...headers, authorization: `Bearer ${caller.token}` } });
}

test('nothing is done where the process is killed in the midst of it', async () => {
  const erase = await elsewhere(dpo);
  const before = await everything(lab);
  await trapped('search_token', 'delete', 'perform pg_sleep(0.5)', async () => {
    const answered = erase('Patient/pat-one/$erase').then(
      () => true,
      () => false,
    );
    try {
      await untilErasing();
    } finally {
      await killSecond();
    }
    expect(await answered).toBe(false);
  });
  expect(await everything(lab)).toEqual(before);
}, 60_000);

async function killSecond(): Promise<void> {
  if (second) await killServer(second, false);
}

/** Until a connection deletes index rows. */
async function untilErasing(): Promise<void> {
  const client = await database();
  for (let tries = 0; tries < 200; tries++) {
    const { rowCount } = await client.query(
      `select from pg_stat_activity where query like 'delete from search_token%' and state = 'active'`,
    );
    if (rowCount === 1) return;
    await pause(50);
  }
  throw new Error('No erasure came to its deletions.');
}

test('what was answered is done, files too, though the process is killed right after', async () => {
  const erase = await elsewhere(dpo);
  const answer = await erase('Patient/pat-one/$erase');
  expect(answer.status).toBe(200);
  await killSecond();
  expect(await whereIs(lab.tenant, secrets)).toEqual({});
  const folder = join(testServer().dataDir, 'files', String(lab.tenant.id));
  const files = async (): Promise<number> =>
    (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile()).length;
  for (let tries = 0; tries < 150 && (await files()) > 1; tries++) await pause(200);
  expect(await files()).toBe(1);
}, 90_000);

test('writers who race with it leave nothing of the patient', async () => {
  const racing = await makeLaboratory();
  await put(racing, { resourceType: 'Patient', id: 'pat-one', name: [{ family: 'Quintessa' }] });
  const observation = (id: string): Json => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { text: 'racing note' },
    subject: { reference: 'Patient/pat-one' },
  });
  await Promise.all(Array.from({ length: 10 }, (_, i) => put(racing, observation(`old-${i}`))));
  const statuses = new Set<number>();
  let stop = false;
  const write = async (request: (n: number) => readonly [string, string, Json]): Promise<void> => {
    for (let n = 0; !stop; n++) {
      const [method, path, body] = request(n);
      const answer = await racing.fetch(path, { method, headers, body: JSON.stringify(body) });
      await answer.arrayBuffer();
      statuses.add(answer.status);
    }
  };
  const entry = (id: string): Json => ({
    resource: observation(id),
    request: { method: 'PUT', url: `Observation/${id}` },
  });
  const writers = [
    write(() => ['POST', 'Observation', { ...observation(''), id: undefined }]),
    write((n) => ['PUT', `Observation/new-${n}`, observation(`new-${n}`)]),
    write((n) => ['PUT', `Observation/old-${n % 10}`, observation(`old-${n % 10}`)]),
    write((n) => [
      'POST',
      '',
      { resourceType: 'Bundle', type: 'transaction', entry: [entry(`old-${n % 10}`), entry(`t-${n}`)] },
    ]),
    write((n) => ['DELETE', `Observation/old-${n % 7}`, {}]),
  ];
  const seen = async (...wanted: readonly number[]): Promise<void> => {
    for (const end = Date.now() + 120_000; Date.now() < end; await pause(50))
      if (wanted.every((status) => statuses.has(status))) return;
  };
  await seen(201);
  await send(await officer(racing.tenant), 'POST', 'Patient/pat-one/$erase', parameters({ reason: 'Request 12.' }));
  await seen(409, 410);
  stop = true;
  await Promise.all(writers);
  expect([...statuses].filter((status) => status >= 500)).toEqual([]);
  expect([statuses.has(201), statuses.has(409), statuses.has(410)]).toEqual([true, true, true]);
  expect(await whereIs(racing.tenant, ['racing note', 'quintessa'])).toEqual({});
  const { rowCount } = await (
    await database()
  ).query(
    'select from resource_version v where tenant_id = $1 and not exists (select from resource r where r.tenant_id = $1 and r.rid = v.rid)',
    [racing.tenant.id],
  );
  expect(rowCount).toBe(0);
}, 60_000);
