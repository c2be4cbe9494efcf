/**
 * The database restored into another cluster, where transactions are counted from the beginning again: the chain goes on,
 * says so, and leaves no event without a seal. Each test has a database of its own.
 *
 * A restore is made by hand: what was written before has numbers that the cluster of the tests will not reach, and the
 * system identifier of another.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { rowOf } from '../../src/audit/row.ts';
import type { Seal } from '../../src/audit/seal.ts';
import { readConfig } from '../../src/config.ts';
import { signingKeyOf } from '../../src/identity/token.ts';
import { newId } from '../../src/interactions/new-id.ts';
import { createLog } from '../../src/log.ts';
import { sealNext } from '../../src/sealing/sealer.ts';
import { verifyLog } from '../../src/sealing/verify.ts';
import { addEvents } from '../../src/store/audit.ts';
import { agentNumbers } from '../../src/store/audit-agents.ts';
import { hasOpenEvents } from '../../src/store/audit-seals.ts';
import { continueAbove, continueInCluster } from '../../src/store/audit-segments.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openDatabase, type Database, type Session } from '../../src/store/pool.ts';
import { raw, sql } from '../../src/store/sql.ts';
import { createTenant, type Tenant } from '../../src/store/tenants.ts';
import { testServer } from '../server.ts';

const name = `restore_${randomBytes(5).toString('hex')}`;
let database: Database;
let tenant: Tenant;
let session: Session;

/** The login of the server may make none. */
async function bySuperuser(text: string): Promise<void> {
  const { databaseUrl, dataDir } = testServer();
  const { superuser } = JSON.parse(await readFile(`${dataDir}/postgresql.passwords.json`, 'utf8')) as {
    superuser: string;
  };
  const client = new pg.Client(`postgres://postgres:${superuser}@${new URL(databaseUrl).host}/postgres`);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  const url = new URL(testServer().databaseUrl);
  await bySuperuser(`create database ${name} owner ${url.username}`);
  url.pathname = `/${name}`;
  await migrate(url.href, createLog('silent'));
  database = openDatabase({ url: url.href, connections: 8, statementTimeout: 30_000 });
}, 60_000);

afterAll(async () => {
  await database.close();
  await bySuperuser(`drop database ${name} with (force)`);
});

/** Numbers of this cluster with this shift, as a cluster of its own would have them. */
async function count(shift: number, system: string): Promise<void> {
  const body = (what: string): string => `'select ${what}::text::int8 + ${shift}'`;
  for (const [called, what] of [
    ['audit_transaction', 'pg_current_xact_id()'],
    ['audit_horizon', 'pg_snapshot_xmin(pg_current_snapshot())'],
  ] as const) {
    await database.operator(
      sql`create or replace function ${raw(called)}() returns int8 language sql stable as ${raw(body(what))}`,
    );
  }
  await database.operator(sql`truncate audit_segment`);
  await database.operator(sql`insert into audit_segment values (1, ${system}, ${shift}, now(), 'the first')`);
}

const agent = JSON.stringify({ subject: 'u', client: 'app', roles: [] });

async function add(events: number): Promise<void> {
  const number = await agentNumbers(database)(tenant.id, agent);
  const entries = Array.from({ length: events }, () => {
    const time = Date.now();
    const row = rowOf({
      id: newId(time),
      time,
      kind: 'read',
      outcome: 0,
      address: '',
      purposes: [],
      requestId: 'r',
      touched: [],
      patients: [],
    });
    return { row, agent: number, patients: [] };
  });
  await database.query(tenant.id, addEvents(tenant.id, entries));
}

async function seal(): Promise<void> {
  const keyEncryptionKey = readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey();
  const sealing = {
    database,
    signingKey: (of: Tenant) => signingKeyOf({ database, keyEncryptionKey }, of),
    now: Date.now,
  };
  while (await hasOpenEvents(database, tenant.id)) {
    await sealNext(sealing, tenant);
    await new Promise((done) => setTimeout(done, 10));
  }
}

async function seals(): Promise<Seal[]> {
  const rows = await session.query<{ content: string }>(
    sql`select content from audit_seal where tenant_id = ${tenant.id} order by number`,
  );
  return rows.map(({ content }) => JSON.parse(content) as Seal);
}

const far = 5_000_000_000;

/** Two events that are sealed and two that are not yet; then the dump, and the cluster that counts anew. */
async function restored(system: string): Promise<void> {
  await count(far, system);
  await add(2);
  await seal();
  await add(2);
  await count(0, system);
}

beforeEach(async () => {
  tenant = await createTenant(database, `t-${randomBytes(6).toString('hex')}`);
  session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
});

test('in the same cluster nothing begins', async () => {
  expect(await continueInCluster(database)).toBeUndefined();
  await add(1);
  await seal();
  expect(await continueAbove(database, tenant.id)).toBeUndefined();
  expect(await verifyLog(session, tenant)).toMatchObject({ seals: 1, open: 0, continued: [], finding: undefined });
  expect((await seals())[0]).not.toHaveProperty('segment');
});

describe('in another cluster', () => {
  test('known by its identifier, the chain goes on and says so', async () => {
    await restored('1');
    expect(await continueInCluster(database)).toMatch(/^restored into another cluster: .* instead of 1$/);
    expect(await continueInCluster(database)).toBeUndefined();
    await add(3);
    await seal();
    await add(1);
    await seal();
    const verified = await verifyLog(session, tenant);
    expect(verified).toMatchObject({ seals: 3, events: 8, open: 0, finding: undefined });
    expect(verified.continued).toEqual([
      {
        seal: 2,
        sentence: expect.stringMatching(
          /^Seal 2 continues the chain after a restore: restored into another cluster: .* on \d{4}-\d\d-\d\dT.*Z\.$/,
        ),
      },
    ]);
    expect((await seals()).map(({ segment, low }) => [segment, Number(low) >= far])).toEqual([
      [undefined, false],
      [2, true],
      [2, true],
    ]);
  });

  test('without the identifier it is known by a seal that ends where no transaction has come', async () => {
    await restored('');
    expect(await continueInCluster(database)).toBeUndefined();
    expect(await continueAbove(database, tenant.id)).toMatch(/counted from the beginning/);
    expect(await continueAbove(database, tenant.id)).toBeUndefined();
    await add(3);
    await seal();
    expect(await verifyLog(session, tenant)).toMatchObject({
      events: 7,
      open: 0,
      finding: undefined,
      continued: [{ seal: 2 }],
    });
  });

  test('restored again, it goes on again; a laboratory made since has nothing to continue', async () => {
    await restored('1');
    await continueInCluster(database);
    await add(1);
    await seal();
    await database.operator(sql`update audit_segment set system = '2'`);
    expect(await continueInCluster(database)).toMatch(/instead of 2/);
    await add(1);
    await seal();
    expect((await verifyLog(session, tenant)).continued.map(({ seal: number }) => number)).toEqual([2, 3]);
    tenant = await createTenant(database, `t-${randomBytes(6).toString('hex')}`);
    session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
    await add(1);
    await seal();
    expect(await seals()).toEqual([expect.objectContaining({ number: 1, segment: 3 })]);
    expect(await verifyLog(session, tenant)).toMatchObject({ seals: 1, continued: [], finding: undefined });
  });

  test('processes that find it at once, beside others that write, begin one segment', async () => {
    await restored('1');
    const work = [1, 2, 3, 4].map(() => continueInCluster(database));
    const reasons = await Promise.all(work);
    expect(reasons.filter((reason) => reason !== undefined)).toHaveLength(1);
    await database.operator(sql`update audit_segment set system = '3'`);
    await Promise.all([continueInCluster(database), ...Array.from({ length: 40 }, () => add(2))]);
    await seal();
    expect(await verifyLog(session, tenant)).toMatchObject({ events: 84, open: 0, finding: undefined });
  }, 30_000);
});

test('the application cannot begin one', async () => {
  await expect(session.query(sql`select audit_continue(1, 'x')`)).rejects.toThrow();
  await expect(session.query(sql`insert into audit_segment values (9, '', 0, now(), 'x')`)).rejects.toThrow();
});

test('the number of an event costs no call: the function is part of the statement', async () => {
  const plan = await session.query<{ 'QUERY PLAN': string }>(
    sql`explain (verbose) insert into audit_event (tenant_id, time, id, agent, kind, outcome, address, request)
      values (${tenant.id}, now(), gen_random_uuid(), 1, 1, 0, '', '')`,
  );
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  expect(text).toContain('pg_current_xact_id()');
  expect(text).not.toContain('audit_transaction');
});
