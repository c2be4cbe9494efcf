/**
 * SIGKILL while the log goes to a repository: after the restart every event arrives, in order, none is left out; what was on
 * its way may come twice. Of a receiver that stops and goes on the log has one line each.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { runningEmbedded } from '../../src/store/embedded.ts';
import { startFhirRepository, type FhirRepository } from '../audit/receivers.ts';
import { clientOf, killServer, startServer, stopServer, type Running } from './process.ts';

const command = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

let dataDir: string;
let running: Running;
let repository: FhirRepository;
const lines: string[] = [];
const start = (): Promise<Running> => startServer(dataDir, { LOG_LEVEL: 'info' }, [], (line) => lines.push(line));

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-feed-'));
  await chmod(dataDir, 0o711);
  repository = await startFhirRepository();
  running = await start();
}, 120_000);

afterAll(async () => {
  await stopServer(running);
  await repository.close();
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

async function logged(): Promise<string[]> {
  const client = new pg.Client(await runningEmbedded(dataDir));
  await client.connect();
  try {
    // The owner of the tables sees no laboratory's rows.
    await client.query(`select set_config('makhbar.tenant', tenant_id::text, false) from tenant; set role makhbar_app`);
    const { rows } = await client.query<{ id: string }>('select id from audit_event order by transaction, id');
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

async function until(holds: () => boolean | Promise<boolean>, seconds: number): Promise<void> {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; await pause(100)) if (await holds()) return;
  throw new Error('It did not come to that in time.');
}

test('killed on the way, with and without PostgreSQL', async () => {
  await writeFile(join(dataDir, 'authority.pem'), repository.authority.certificate);
  const place = ['--kind', 'fhir', '--address', repository.address, '--authority', 'authority.pem', '--batch', '3'];
  await promisify(execFile)(
    process.execPath,
    [command, 'audit', 'feed', 'set', 'demo', 'arr', ...place, '--from-beginning'],
    { env: { ...process.env, DATABASE_URL: '', ...running.environment }, cwd: dataDir },
  );
  for (const database of [false, true]) {
    const client = await clientOf(running);
    const before = repository.received.length;
    for (let n = 0; n < 40; n++) await client.send('GET', `Patient?_count=${n + 1}`);
    await until(() => repository.received.length > before + 2, 90);
    await killServer(running, database);
    running = await start();
  }
  const ids = await logged();
  // The lease of who was killed runs out first.
  await until(() => ids.every((id) => repository.taken.includes(id)), 90);
  const firsts = [...new Set(repository.taken)].filter((id) => ids.includes(id));
  expect(firsts).toEqual(ids);
}, 300_000);

test('stopped while a receiver does not answer: at once, and it goes on after the start', async () => {
  // An attempt that failed may have left none.
  await stopServer(running);
  running = await start();
  repository.behave = () => 'hang';
  const asked = repository.received.length;
  await (await clientOf(running)).send('GET', 'Patient/none');
  await until(() => repository.received.length > asked, 60);
  const began = Date.now();
  await stopServer(running);
  expect(Date.now() - began).toBeLessThan(15_000);
  repository.behave = () => 201;
  running = await start();
  const ids = await logged();
  await until(() => ids.every((id) => repository.taken.includes(id)), 90);
}, 300_000);

test('one line when the receiver stops, one when it goes on', async () => {
  const told = (message: string): number => lines.filter((line) => line.includes(`"${message}"`)).length;
  const stalls = told('audit feed stalls');
  const goes = told('audit feed goes on');
  repository.behave = () => 503;
  await (await clientOf(running)).send('GET', 'Patient/none');
  const asked = repository.received.length;
  await until(() => repository.received.length >= asked + 3, 90);
  expect(told('audit feed stalls')).toBe(stalls + 1);
  const { text } = await (await fetch(`${running.url}/metrics`)).text().then((text) => ({ text }));
  expect(text).toContain('makhbar_audit_feeds_stalled{kind="fhir"} 1');
  expect(Number(/makhbar_audit_feed_lag_seconds\{kind="fhir"\} ([\d.]+)/.exec(text)?.[1])).toBeGreaterThan(0);
  repository.behave = () => 201;
  await until(() => told('audit feed goes on') > goes, 60);
  expect(told('audit feed goes on')).toBe(goes + 1);
  expect(lines.filter((line) => line.includes('audit feed')).join('')).not.toMatch(/Bearer|BEGIN|localhost/);
}, 200_000);
