/** The data keys of tenants in PostgreSQL: made once, told apart by tenant, rotated, wrapped anew, shredded. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { tenantFiles } from '../../src/files/encrypted.ts';
import { folderFiles } from '../../src/files/folder.ts';
import { createLog } from '../../src/log.ts';
import { startEmbedded, type Embedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openDatabase, type Database } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { addTenantKey, rewrapTenantKeys, shredTenantKeys, tenantKeys } from '../../src/store/tenant-keys.ts';

const master = randomBytes(32);
let directory: string;
let embedded: Embedded;
let database: Database;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keys-'));
  await chmod(directory, 0o711);
  const log = createLog('silent');
  embedded = await startEmbedded({ dataDir: directory, log });
  await migrate(embedded.url, log);
  database = openDatabase({ url: embedded.url, connections: 4, statementTimeout: 10_000 });
});

afterAll(async () => {
  await database.close();
  await embedded.stop();
  await rm(directory, { recursive: true, force: true });
});

test('the first use makes a key, later uses find it, another tenant has another', async () => {
  const made = await tenantKeys(database, 1, master).current();
  expect(await tenantKeys(database, 1, master).current()).toEqual(made);
  expect(await tenantKeys(database, 1, master).find(made.id)).toEqual(made.key);
  expect((await tenantKeys(database, 2, master).current()).key.equals(made.key)).toBe(false);
  await expect(tenantKeys(database, 2, master).find(made.id)).rejects.toMatchObject({ issues: [{ code: 'deleted' }] });
});

test('the key itself is nowhere in the table', async () => {
  const { key } = await tenantKeys(database, 1, master).current();
  const rows = await database.query<{ wrapped: Buffer }>(1, sql`select wrapped from tenant_key`);
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.some((row) => row.wrapped.includes(key))).toBe(false);
});

test('with the policy as the only defence a tenant neither sees nor writes the keys of another', async () => {
  const tenants = await database.query<{ tenant_id: number }>(2, sql`select distinct tenant_id from tenant_key`);
  expect(tenants).toEqual([{ tenant_id: 2 }]);
  await expect(
    database.query(
      2,
      sql`insert into tenant_key (tenant_id, key_id, wrapped, wrapped_by) values (1, gen_random_uuid(), '', '')`,
    ),
  ).rejects.toMatchObject({ code: '42501' });
});

test('files survive a new data key and a new key-encryption key, and no deletion of the keys', async () => {
  const folder = folderFiles(join(directory, 'files'));
  const read = async (key: Buffer, name: string) =>
    (await buffer(await tenantFiles(folder, 3, tenantKeys(database, 3, key)).get(name))).toString();
  await tenantFiles(folder, 3, tenantKeys(database, 3, master)).put('binary/old', Buffer.from('old'));
  const rotated = await addTenantKey(database, 3, master);
  expect((await tenantKeys(database, 3, master).current()).id).toBe(rotated.id);
  await tenantFiles(folder, 3, tenantKeys(database, 3, master)).put('binary/new', Buffer.from('new'));
  expect(await read(master, 'binary/old')).toBe('old');

  const next = randomBytes(32);
  expect(await rewrapTenantKeys(database, 3, master, next)).toBe(2);
  expect(await rewrapTenantKeys(database, 3, master, next)).toBe(0);
  expect([await read(next, 'binary/old'), await read(next, 'binary/new')]).toEqual(['old', 'new']);
  await expect(read(master, 'binary/old')).rejects.toThrow('is not the one that wrapped');

  expect(await shredTenantKeys(database, 3)).toBe(2);
  await expect(read(next, 'binary/old')).rejects.toMatchObject({ issues: [{ code: 'deleted' }] });
  await expect(read(next, 'binary/new')).rejects.toMatchObject({ issues: [{ code: 'deleted' }] });
  expect((await tenantKeys(database, 1, master).current()).id).toBeDefined();
});

test('a changed key id in a file opens nothing', async () => {
  const folder = folderFiles(join(directory, 'changed'));
  const files = tenantFiles(folder, 1, tenantKeys(database, 1, master));
  await files.put('binary/a', Buffer.from('content'));
  const raw = await buffer(await folder.get('1/binary/a'));
  raw[10] = (raw[10] as number) ^ 1;
  await folder.put('1/binary/a', raw);
  await expect(files.get('binary/a')).rejects.toMatchObject({ issues: [{ code: 'deleted' }] });
});
