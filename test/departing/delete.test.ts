/** The deletion of a laboratory that leaves: nothing of it is left, nothing of another is touched, and it is certified. */
import { spawn } from 'node:child_process';
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { kinds, type KindName } from '../../src/audit/kinds.ts';
import { readConfig } from '../../src/config.ts';
import { remindOfDepartures } from '../../src/departing/remind.ts';
import { shared } from '../../src/start/http.ts';
import { createLog } from '../../src/log.ts';
import { tenantFiles } from '../../src/files/encrypted.ts';
import { folderFiles } from '../../src/files/folder.ts';
import type { FileStore } from '../../src/files/store.ts';
import { countRows, tenantTables } from '../../src/store/departures.ts';
import { addHold, liftHold } from '../../src/store/retention.ts';
import { sql } from '../../src/store/sql.ts';
import { tenantKeys } from '../../src/store/tenant-keys.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import { database as superuser } from '../erasure/laboratory.ts';
import { launcher, makhbar, type Ended } from './makhbar.ts';

let root: string;
let leaving: Laboratory;
let staying: Laboratory;

const content = new Uint8Array(50_000).fill(65);

async function fill({ fetch }: Laboratory): Promise<void> {
  const json = { 'content-type': 'application/fhir+json' };
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p', name: [{ family: 'Haddad' }] });
  expect((await fetch('Patient/p', { method: 'PUT', headers: json, body })).status).toBe(201);
  const file = { method: 'PUT', headers: { 'content-type': 'image/png' }, body: content };
  expect((await fetch('Binary/b', file)).status).toBe(201);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'makhbar-depart-'));
  [leaving, staying] = [await makeLaboratory(), await makeLaboratory()];
  await fill(leaving);
  await fill(staying);
}, 60_000);
afterAll(() => rm(root, { recursive: true, force: true }));

function deleting(...more: string[]): Promise<Ended> {
  return makhbar('tenant', 'delete', leaving.tenant.name, '--certificate', join(root, 'certificate'), ...more);
}

/** What no job of the server changes by itself. */
const steady = ['resource', 'resource_version', 'search_string', 'search_token', 'binary_file', 'tenant_key'];

async function rowsOf({ tenant }: Laboratory): Promise<unknown[]> {
  const client = await superuser();
  const found: unknown[] = [];
  for (const table of steady) {
    const { rows } = await client.query<{ text: string }>(
      `select t::text as text from ${table} t where tenant_id = $1 order by 1`,
      [tenant.id],
    );
    found.push([table, rows]);
  }
  return found;
}

async function eventsOf(tenant: number, kind: KindName): Promise<number> {
  const [row] = await testDatabase().query<{ count: number }>(
    tenant,
    sql`select count(*)::int4 as count from audit_event where tenant_id = ${tenant} and kind = ${kinds[kind].number}::int2`,
  );
  return row?.count ?? 0;
}

/** What the officers of a laboratory were told of its departures. */
async function tasksOf(lab: Laboratory): Promise<string[]> {
  const answer = await lab.fetch('Task?code=urn:makhbar:task|departure&_count=50');
  const { entry = [] } = (await answer.json()) as { entry?: { resource: { status: string; priority: string } }[] };
  return entry.map(({ resource: { status, priority } }) => `${status} ${priority}`).toSorted();
}

test('it is not deleted before it is announced, confirmed, due, and free of legal holds', async () => {
  const { name, id } = leaving.tenant;
  expect(await deleting('--confirm', name, '--now')).toMatchObject({
    code: 1,
    err: expect.stringContaining('announced'),
  });
  expect(await makhbar('tenant', 'depart', name, '--days', '20')).toMatchObject({ code: 0 });
  expect(await makhbar('tenant', 'depart', name, '--cancel')).toMatchObject({ code: 0 });
  expect(await makhbar('tenant', 'depart', name)).toMatchObject({
    code: 0,
    out: expect.stringContaining('leaves: until'),
  });
  // The server looks each hour; here whoever comes first.
  await testDatabase().operator(
    sql`update departure set window_ends = clock_timestamp() + interval '5 days' where name = ${name}`,
  );
  const server = shared(readConfig({ DATA_DIR: testServer().dataDir }), testDatabase(), createLog('silent'));
  await remindOfDepartures(server);
  await remindOfDepartures(server);
  expect(await eventsOf(id, 'departure-reminded')).toBe(1);
  // Of the departure that was cancelled, of this one, and the reminder.
  expect(await tasksOf(leaving)).toEqual(['cancelled routine', 'requested routine', 'requested urgent']);
  expect([await eventsOf(id, 'departure-announced'), await eventsOf(id, 'departure-cancelled')]).toEqual([2, 1]);
  expect(await deleting('--now')).toMatchObject({ code: 1, err: expect.stringContaining('--confirm') });
  expect(await deleting('--confirm', name)).toMatchObject({ code: 1, err: expect.stringContaining('--now') });
  const hold = await testDatabase().transaction(id, (session) =>
    addHold(session, { reason: 'A court asks.', by: 'dpo' }),
  );
  const held = await deleting('--confirm', name, '--now');
  expect([held.code, held.err]).toEqual([1, expect.stringContaining(`Legal hold ${hold.id}`)]);
  expect((await leaving.fetch('Patient/p')).status).toBe(200);
  await testDatabase().transaction(id, (session) => liftHold(session, hold.id, { by: 'dpo', reason: 'over' }));
}, 120_000);

async function keysOf(files: FileStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of files.list(prefix)) keys.push(key);
  return keys;
}

/** The encrypted file as a backup has it. */
async function backedUp(folder: string): Promise<string> {
  const { dataDir } = testServer();
  const files = folderFiles(join(dataDir, 'files'));
  const keys = await keysOf(files, `${leaving.tenant.id}/binary/`);
  const [key = ''] = keys;
  await folderFiles(folder).write(key, await files.get(key));
  return key.slice(`${leaving.tenant.id}/`.length);
}

function opened(folder: string, key: string): Promise<Buffer> {
  const keyEncryptionKey = readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey();
  const keys = tenantKeys(testDatabase(), leaving.tenant.id, keyEncryptionKey);
  return tenantFiles(folderFiles(folder), leaving.tenant.id, keys).get(key).then(buffer);
}

/** SIGKILL as soon as the keys are gone, while it waits for a row that somebody else holds. */
async function killedInBetween(): Promise<NodeJS.Signals | null> {
  const client = await superuser();
  await client.query('begin');
  await client.query('select 1 from resource where tenant_id = $1 for update', [leaving.tenant.id]);
  const signal = await killedAfterKeys();
  await client.query('rollback');
  return signal;
}

function killedAfterKeys(): Promise<NodeJS.Signals | null> {
  const { databaseUrl, dataDir } = testServer();
  const { name } = leaving.tenant;
  const args = ['tenant', 'delete', name, '--confirm', name, '--now', '--certificate', join(root, 'certificate')];
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  const child = spawn(process.execPath, [launcher, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  child.stderr.on('data', (text: Buffer) => {
    if (text.includes('deleted: keys') && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  });
  return new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
}

test('all of it goes, also after kill -9, and a backup of its files cannot be read', async () => {
  const { name, id } = leaving.tenant;
  const before = await rowsOf(staying);
  const backup = join(root, 'backup');
  const key = await backedUp(backup);
  expect((await opened(backup, key)).equals(content)).toBe(true);
  expect(await killedInBetween()).toBe('SIGKILL');
  // With the Tasks of its departures.
  expect(await countRows(testDatabase(), id, 'resource')).toBe(5);
  expect(await deleting('--confirm', name)).toMatchObject({ code: 0 });

  await expect(opened(backup, key)).rejects.toMatchObject({ issues: [{ code: 'deleted' }] });
  const client = await superuser();
  const tables = [...(await tenantTables(testDatabase())), 'tenant'];
  expect(tables.length).toBeGreaterThan(50);
  for (const table of tables) {
    const { rows } = await client.query(`select count(*)::int as count from ${table} where tenant_id = $1`, [id]);
    expect([table, rows]).toEqual([table, [{ count: 0 }]]);
  }
  const files = folderFiles(join(testServer().dataDir, 'files'));
  expect(await keysOf(files, `${id}/`)).toEqual([]);
  expect((await leaving.fetch('Patient/p')).status).toBe(404);
  expect(await rowsOf(staying)).toEqual(before);
  expect((await staying.fetch('Binary/b', { headers: { accept: 'image/png' } })).status).toBe(200);
}, 120_000);

test('the certificate is signed and counts every table before and after', async () => {
  const folder = join(root, 'certificate');
  const text = await readFile(join(folder, 'certificate.json'));
  const [header = '', , signature = ''] = (await readFile(join(folder, 'certificate.jws'), 'utf8')).trim().split('.');
  const jwk = JSON.parse(await readFile(join(folder, 'key.json'), 'utf8')) as Record<string, string>;
  const signed = Buffer.from(`${header}.${text.toString('base64url')}`);
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  expect(verifySignature(null, signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
  expect((await makhbar('keys', 'show')).out.trim()).toBe(jwk['kid']);
  const { rows, files, laboratory } = JSON.parse(text.toString()) as {
    rows: Record<string, { before: number; after: number }>;
    files: { before: number; after: number };
    laboratory: string;
  };
  expect(laboratory).toBe(leaving.tenant.name);
  expect(Object.keys(rows).sort()).toEqual((await tenantTables(testDatabase())).sort());
  expect(rows['resource']).toEqual({ before: 5, after: 0 });
  expect(Object.values(rows).every(({ after }) => after === 0)).toBe(true);
  expect(files).toEqual({ before: 1, after: 0 });
  // Once more gives the same one.
  expect(await deleting()).toMatchObject({ code: 0 });
  expect(await readFile(join(folder, 'certificate.json'))).toEqual(text);
}, 60_000);

test('the application still may not delete from what it never may', async () => {
  const [row] = await testDatabase().operator<{ may: boolean }>(
    sql`select bool_or(has_table_privilege('makhbar_app', name, 'delete')) as may
      from unnest(${['resource', 'resource_version', 'audit_event', 'audit_seal', 'account']}::text[]) as name`,
  );
  expect(row?.may).toBe(false);
});
