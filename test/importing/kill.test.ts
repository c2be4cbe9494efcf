/**
 * SIGKILL in the middle of an import on a server whose files are in a bucket: the next process goes on, and each resource is
 * there once, in one version. What is exported then comes from the bucket, where nobody can read it.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import S3rver from 's3rver';
import type { Answer, Client } from '../../conformance/client.ts';
import { clientOf, killServer, startServer, stopServer, type Running } from '../durability/process.ts';
import { patient, type Manifest } from '../exporting/asking.ts';

/** Several steps of the job: some thousand a second were measured. */
const patients = 20_000;

// Each attempt has a server of its own.
let folder: string;
let bucket: S3rver;
let running: Running;
let environment: Record<string, string>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'makhbar-kill-import-'));
  // PostgreSQL runs as another user where the tests run as root.
  await chmod(folder, 0o711);
  await mkdir(join(folder, 'data'), { mode: 0o711 });
  bucket = new S3rver({
    ...{ port: 0, address: '127.0.0.1', silent: true, directory: join(folder, 's3') },
    configureBuckets: [{ name: 'files', configs: [] }],
  });
  const { port } = await bucket.run();
  environment = {
    S3_ENDPOINT: `http://127.0.0.1:${port}/files`,
    S3_REGION: 'us-east-1',
    S3_ACCESS_KEY_ID: 'S3RVER',
    S3_SECRET_ACCESS_KEY: 'S3RVER',
  };
  running = await startServer(join(folder, 'data'), environment);
}, 120_000);

afterEach(async () => {
  await stopServer(running);
  bucket.httpServer.closeAllConnections();
  await bucket.close();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

async function until(client: Client, path: string, met: (answer: Answer) => boolean): Promise<Answer> {
  for (const end = Date.now() + 120_000; ;) {
    const answer = await client.send('GET', path);
    if (met(answer) || Date.now() > end) return answer;
    await pause(600);
  }
}

function jobOf(begun: Answer): string {
  expect(begun.status).toBe(202);
  return /[0-9a-f-]{36}$/.exec(begun.headers.get('content-location') ?? '')?.[0] ?? '';
}

test('an import goes on after kill -9; its files and those of an export are in the bucket', async () => {
  let client = await clientOf(running);
  const body = Array.from({ length: patients }, (_, i) => `${JSON.stringify(patient(`p-${i}`))}\n`).join('');
  const headers = { 'content-type': 'application/fhir+ndjson', prefer: 'respond-async' };
  const path = `$import-status?job=${jobOf(await client.send('POST', '$import', { body, headers }))}`;
  const begun = await until(
    client,
    path,
    ({ status, headers: told }) => status !== 202 || /[1-9]\d* resources/.test(told.get('x-progress') ?? ''),
  );
  // A machine that is fast enough may be done.
  expect([200, 202]).toContain(begun.status);
  await killServer(running, false);
  running = await startServer(join(folder, 'data'), environment);
  client = await clientOf(running);
  const done = await until(client, path, ({ status }) => status !== 202);
  expect([done.status, done.json.refused]).toEqual([200, 0]);
  expect((await client.send('GET', 'Patient?_summary=count')).json.total).toBe(patients);

  const respond = { headers: { prefer: 'respond-async' } };
  const status = `$export-status?job=${jobOf(await client.send('GET', '$export?_type=Patient', respond))}`;
  const { json } = await until(client, status, (answer) => answer.status !== 202);
  const { output } = json as unknown as Manifest;
  const ids = new Set<string>();
  const versions = new Set<string>();
  for (const { url } of output) {
    const file = await client.send('GET', url.slice(url.indexOf('/fhir/') + 6));
    for (const [, id = ''] of file.text.matchAll(/"id": ?"(p-\d+)"/g)) ids.add(id);
    for (const [, version = ''] of file.text.matchAll(/"versionId": ?"(\d+)"/g)) versions.add(version);
  }
  // Each once: no line was stored again.
  expect([ids.size, [...versions]]).toEqual([patients, ['1']]);
  const stored = (await readdir(join(folder, 's3'), { recursive: true, withFileTypes: true })).filter((one) =>
    one.parentPath.includes('export'),
  );
  expect(stored.filter((one) => one.isFile()).length).toBeGreaterThanOrEqual(output.length);
  for (const one of stored.filter((file) => file.isFile()))
    expect((await readFile(join(one.parentPath, one.name))).includes('resourceType')).toBe(false);
}, 300_000);
