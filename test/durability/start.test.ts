/**
 * SIGKILL during the very first start, at ever later moments, on one DATA_DIR: whatever was half made, the next start
 * goes on from there and ends with a server that writes and reads.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { clientOf, startServer, stopServer, type Running } from './process.ts';

const command = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
let dataDir: string;
let running: Running | undefined;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-start-'));
  await chmod(dataDir, 0o711);
});

afterAll(async () => {
  if (running !== undefined) await stopServer(running);
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

/** Starts, and kills after so many milliseconds. */
async function startAndKill(milliseconds: number): Promise<void> {
  const env = {
    ...process.env,
    DATABASE_URL: '',
    PORT: '0',
    HL7_PORT: '0',
    ASTM_PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'silent',
  };
  const child = spawn(process.execPath, [command, 'start'], { cwd: dataDir, env, stdio: 'ignore' });
  const gone = once(child, 'exit');
  await pause(milliseconds);
  child.kill('SIGKILL');
  await gone;
}

test.each([250, 600, 1_000, 1_500, 2_000, 2_600, 3_300])('killed %d ms after its start', async (milliseconds) => {
  await startAndKill(milliseconds);
});

test('the next start is a server with its laboratory, that writes and reads', async () => {
  running = await startServer(dataDir);
  const client = await clientOf(running);
  const made = await client.send('POST', 'Patient', { body: { resourceType: 'Patient', active: true } });
  expect(made.status).toBe(201);
  expect((await client.send('GET', `Patient/${made.json.id}`)).json.active).toBe(true);
  expect((await client.send('GET', `Patient?_id=${made.json.id}`)).json.entry.length).toBe(1);
}, 120_000);
