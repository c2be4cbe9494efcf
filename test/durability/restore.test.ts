/**
 * A backup is taken to another place and the laboratory goes on there: its log proves itself, what was sealed stands as it was,
 * and what is written afterwards is sealed on. Once as a copy of the data directory of a server that was stopped, and once
 * as a dump is restored: row by row into a new cluster, which counts its transactions from the beginning.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { createLog } from '../../src/log.ts';
import { verifyLog, type Verified } from '../../src/sealing/verify.ts';
import { hasOpenEvents } from '../../src/store/audit-seals.ts';
import { runningEmbedded, startEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openDatabase } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { findTenant } from '../../src/store/tenants.ts';
import { clientOf, startServer, stopServer, type Running } from './process.ts';

const log = createLog('silent');
let folder: string;
let before: Proof;

interface Proof {
  readonly verified: Verified;
  /** The texts of all seals. */
  readonly seals: readonly string[];
}

/** Once everything is sealed. */
async function proof({ dataDir }: Running): Promise<Proof> {
  const url = (await runningEmbedded(dataDir)) ?? '';
  const database = openDatabase({ url, connections: 2, statementTimeout: 30_000 });
  try {
    const tenant = await findTenant(database, 'demo');
    if (tenant === undefined) throw new Error('The laboratory is not there.');
    for (const end = Date.now() + 120_000; await hasOpenEvents(database, tenant.id); await pause(50)) {
      if (Date.now() > end) throw new Error('not sealed in time');
    }
    const { id } = tenant;
    const rows = await database.query<{ content: string }>(
      id,
      sql`select content from audit_seal where tenant_id = ${id} order by number`,
    );
    const session = { tenant: id, query: <Row>(statement: never) => database.query<Row>(id, statement) };
    return { verified: await verifyLog(session, tenant), seals: rows.map(({ content }) => content) };
  } finally {
    await database.close();
  }
}

async function write(running: Running, ids: readonly string[]): Promise<void> {
  const client = await clientOf(running);
  for (const id of ids) {
    const { status } = await client.send('PUT', `Patient/${id}`, { body: { resourceType: 'Patient', id } });
    expect(status).toBe(201);
  }
}

/** Starts what was restored, writes there, and compares with what there was. */
async function goesOn(dataDir: string): Promise<Verified> {
  const running = await startServer(dataDir);
  try {
    const client = await clientOf(running);
    expect((await client.send('GET', 'Patient/one')).status).toBe(200);
    await write(running, ['four', 'five']);
    const { verified, seals } = await proof(running);
    expect(verified.finding).toBeUndefined();
    expect(seals.slice(0, before.seals.length)).toEqual(before.seals);
    expect(verified.seals).toBeGreaterThan(before.verified.seals);
    expect(verified.events).toBeGreaterThan(before.verified.events);
    return verified;
  } finally {
    await stopServer(running);
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'makhbar-restore-'));
  await chmod(folder, 0o711);
  const running = await startServer(await made('first'));
  try {
    await write(running, ['one', 'two']);
    await spend(running, 20_000);
    await write(running, ['three']);
    before = await proof(running);
    expect(before.verified.finding).toBeUndefined();
  } finally {
    await stopServer(running);
  }
}, 120_000);
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** A folder that PostgreSQL can pass, which runs as another user where the tests run as root. */
async function made(name: string): Promise<string> {
  await mkdir(join(folder, name));
  await chmod(join(folder, name), 0o711);
  return join(folder, name);
}

/** Uses numbers of transactions: more than a new cluster has used when it is restored. */
async function spend({ dataDir }: Running, count: number): Promise<void> {
  const client = new pg.Client(await runningEmbedded(dataDir));
  await client.connect();
  await client.query(`do $$ begin for n in 1..${count} loop perform pg_current_xact_id(); commit; end loop; end $$`);
  await client.end();
}

test('a copy of the data directory', async () => {
  // With the owners of the files: PostgreSQL runs as another user.
  await promisify(execFile)('cp', ['-a', join(folder, 'first'), join(folder, 'copy')]);
  expect((await goesOn(join(folder, 'copy'))).continued).toEqual([]);
}, 120_000);

async function superuser(dataDir: string, url: string): Promise<pg.Client> {
  const text = await readFile(join(dataDir, 'postgresql.passwords.json'), 'utf8');
  const { superuser: password } = JSON.parse(text) as { superuser: string };
  const { host, pathname } = new URL(url);
  const client = new pg.Client(`postgres://postgres:${password}@${host}${pathname}`);
  await client.connect();
  // As pg_restore does: no trigger, no look at references.
  await client.query('set session_replication_role = replica');
  return client;
}

/** All rows and the state of all sequences, as a dump has them. */
async function dump(from: pg.Client, to: pg.Client): Promise<void> {
  const months = `select to_date(right(relname, 7), 'YYYY_MM')::text as month from pg_class
    where relname ~ '^audit_event_\\d{4}_\\d\\d$'`;
  for (const { month } of (await from.query<{ month: string }>(months)).rows) {
    await to.query('select audit_month($1::date)', [month]);
  }
  const tables = await from.query<{ name: string }>(`select relname as name from pg_class
    where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace`);
  for (const { name } of tables.rows) {
    const { rows } = await from.query<{ row: string }>(`select t::text as row from "${name}" t`);
    await to.query(`truncate "${name}" cascade`);
    const text = `insert into "${name}" overriding system value select (r::"${name}").* from unnest($1::text[]) r`;
    await to.query(text, [rows.map(({ row }) => row)]);
  }
  const sequences = await from.query<{ name: string; value: string }>(`select sequencename as name, last_value as value
    from pg_sequences where schemaname = 'public' and last_value is not null`);
  for (const { name, value } of sequences.rows) await to.query('select setval($1::regclass, $2)', [name, value]);
}

test('a dump in another cluster', async () => {
  const [old, fresh] = [join(folder, 'first'), await made('fresh')];
  const [source, target] = [await startEmbedded({ dataDir: old, log }), await startEmbedded({ dataDir: fresh, log })];
  try {
    await migrate(target.url, log);
    const [from, to] = [await superuser(old, source.url), await superuser(fresh, target.url)];
    await dump(from, to);
    await Promise.all([from.end(), to.end()]);
  } finally {
    await Promise.all([source.stop(), target.stop()]);
  }
  await copyFile(join(old, 'key-encryption-key'), join(fresh, 'key-encryption-key'));
  const { continued } = await goesOn(fresh);
  expect(continued).toEqual([
    { seal: expect.any(Number), sentence: expect.stringMatching(/continues the chain after a restore/) },
  ]);
}, 120_000);
