/** Clients that send slowly, or stop sending, do not hold the server: it cuts them off after REQUEST_TIMEOUT. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { clientOf, startServer, stopServer, type Running } from '../durability/process.ts';
import { exchangeBytes, statusIn } from './socket.ts';
import { versionsOf } from './verdict.ts';

let dataDir: string;
let running: Running;
let client: Client;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-slow-'));
  await chmod(dataDir, 0o711);
  running = await startServer(dataDir, { REQUEST_TIMEOUT: '2s' });
  client = await clientOf(running);
}, 120_000);

afterAll(async () => {
  await stopServer(running);
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

function head(length: number): string {
  return (
    `POST /demo/fhir/Patient HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${client.token}\r\n` +
    `Content-Type: application/fhir+json\r\nContent-Length: ${length}\r\n\r\n`
  );
}

const body = '{"resourceType":"Patient","active":true}';

/** What is sent, a piece each second; all of it would take far longer than the test. */
const slow: Readonly<Record<string, () => string[]>> = {
  'a body that comes byte by byte': () => [head(body.length), ...body.slice(0, 25)],
  'a body that stops half-way': () => [head(body.length) + body.slice(0, 20)],
  'a body that never comes': () => [head(body.length)],
  'headers that come byte by byte': () => [...'GET /demo/fhir/metadata HTTP/1.1'],
};

test.each(Object.keys(slow))('%s is cut off', async (what) => {
  const started = performance.now();
  const received = await exchangeBytes(client.base, slow[what]!(), 1_000);
  expect([0, 400, 408]).toContain(statusIn(received));
  expect(performance.now() - started).toBeLessThan(90_000);
});

test('a hundred of them do not slow others down, and nothing is written', async () => {
  // What a first start makes.
  const before = await versionsOf(client);
  const stalled = Array.from({ length: 100 }, () =>
    exchangeBytes(client.base, [head(body.length) + body.slice(0, 20)]),
  );
  const started = performance.now();
  expect((await client.send('GET', 'metadata')).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(90_000);
  await Promise.all(stalled);
  expect(await versionsOf(client)).toBe(before);
});
