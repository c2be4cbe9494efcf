/**
 * SIGKILL in the middle of a run, and two processes at the same one: it is gone on with, everything goes once, and the log
 * proves itself.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { rowOf } from '../../src/audit/row.ts';
import { readConfig } from '../../src/config.ts';
import { signingKeyOf } from '../../src/identity/token.ts';
import { newId } from '../../src/interactions/new-id.ts';
import { announceRun, removeNext, type Place } from '../../src/retention/run.ts';
import { verifyLog } from '../../src/sealing/verify.ts';
import { addEvents } from '../../src/store/audit.ts';
import { agentNumbers } from '../../src/store/audit-agents.ts';
import { hasOpenEvents } from '../../src/store/audit-seals.ts';
import { runningEmbedded } from '../../src/store/embedded.ts';
import { requestJob } from '../../src/store/jobs.ts';
import { openDatabase, type Database, type Session } from '../../src/store/pool.ts';
import { readRun, type RetentionRun } from '../../src/store/retention-runs.ts';
import { sql } from '../../src/store/sql.ts';
import { findTenant, type Tenant } from '../../src/store/tenants.ts';
import { killServer, startServer, stopServer, type Running } from '../durability/process.ts';

/** Some seconds of work; seals of 20,000 at most. */
const total = 60_000;
const chunk = 2_000;
const days = 86_400_000;

let dataDir: string;
let running: Running;
let database: Database;
let tenant: Tenant;

const session = (): Session => ({ tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) });

// Each attempt at the test has a laboratory of its own.
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-kill-retention-'));
  await chmod(dataDir, 0o711);
  running = await startServer(dataDir);
  await connect();
}, 120_000);

afterEach(async () => {
  await database.close().catch(() => undefined);
  // So that its PostgreSQL ends with it.
  if (running.child.signalCode !== null) running = await startServer(dataDir);
  await stopServer(running);
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

async function connect(): Promise<void> {
  database = openDatabase({
    url: (await runningEmbedded(dataDir)) ?? '',
    connections: 4,
    statementTimeout: 30_000,
  });
  tenant = (await findTenant(database, 'demo')) as Tenant;
}

async function load(): Promise<void> {
  const agent = await agentNumbers(database)(tenant.id, JSON.stringify({ subject: 's', client: 'c', roles: [] }));
  const start = Date.parse('2014-01-01T00:00:00Z');
  for (let at = 0; at < total; at += chunk) {
    const entries = Array.from({ length: chunk }, (_, i) => {
      const time = start + (at + i) * 1_000;
      const more = { address: '', purposes: [], requestId: 'r', patients: ['p'] };
      const touched = [{ type: 'Observation', id: `o${at + i}`, version: 1 }];
      const row = rowOf({ id: newId(time), time, kind: 'read', outcome: 0, touched, ...more });
      return { row, agent, patients: [] };
    });
    await database.query(tenant.id, addEvents(tenant.id, entries));
  }
  while (await hasOpenEvents(database, tenant.id)) await pause(200);
}

async function known(id: string): Promise<RetentionRun> {
  const run = await readRun(session(), id);
  if (run === undefined) throw new Error('The run is not there.');
  return run;
}

async function count(condition: ReturnType<typeof sql>): Promise<number> {
  const [row] = await session().query<{ count: number }>(
    sql`select count(*)::int4 as count from audit_event where tenant_id = ${tenant.id} and ${condition}`,
  );
  return row?.count ?? -1;
}

const old = sql`time < '2015-01-01'`;

/** Another process at the same run, for as long as it lasts; where the two meet one of them fails. */
async function beside(id: string): Promise<number> {
  const keyEncryptionKey = readConfig({ DATA_DIR: dataDir }).keyEncryptionKey();
  const signingKey: Parameters<typeof removeNext>[0]['signingKey'] = (of) =>
    signingKeyOf({ database, keyEncryptionKey }, of);
  let pieces = 0;
  for (let place: Place | undefined; (await known(id)).state === 'applying';) {
    try {
      const removing = { database, tenant, session: session(), signingKey, run: id, erase: () => Promise.resolve() };
      place = await removeNext(removing, await known(id), place);
      pieces++;
    } catch {
      await pause(20);
    }
  }
  return pieces;
}

test('a run goes on after kill -9, beside another process', async () => {
  await load();
  // Long enough ago for the server to carry it out by itself.
  const { id, found } = await announceRun(session(), { by: 'test', now: Date.now() - 8 * days });
  expect(found['audit']?.count).toBe(total);
  await requestJob(session(), 'apply-retention', {});
  let removed = 0;
  while (removed === 0) {
    await pause(10);
    removed = (await known(id)).removed['audit'] ?? 0;
  }
  await killServer(running, false);
  // What is counted is what went.
  await pause(500);
  removed = (await known(id)).removed['audit'] ?? 0;
  expect(removed).toBeLessThan(total);
  expect(await count(old)).toBe(total - removed);
  expect((await verifyLog(session(), tenant)).finding).toBeUndefined();
  await database.close();
  running = await startServer(dataDir);
  await connect();
  expect(await beside(id)).toBeGreaterThan(0);
  const run = await known(id);
  expect([run.state, run.removed['audit']]).toEqual(['applied', total]);
  expect(await count(old)).toBe(0);
  const verified = await verifyLog(session(), tenant);
  expect([verified.finding, verified.removed]).toEqual([undefined, Object.values(run.removed).reduce((a, b) => a + b)]);
  expect(await count(sql`kind = 62`)).toBe(1);
}, 300_000);
