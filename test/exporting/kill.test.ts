/** SIGKILL in the middle of a bulk export: the next process goes on, and nothing is missing or there twice in the end. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, killServer, startServer } from '../durability/process.ts';
import { observation, patient, type Manifest } from './asking.ts';

/** Each patient is asked for by himself: that takes several steps. */
const patients = 600;
const bundle = 300;

const own = serverOfFile('kill-export');

async function load(client: Client): Promise<void> {
  for (let from = 0; from < patients; from += bundle) {
    const entry = Array.from({ length: bundle }, (_, i) => [
      patient(`p-${from + i}`),
      observation(`o-${from + i}`, `p-${from + i}`),
    ])
      .flat()
      .map((resource) => ({
        resource,
        request: { method: 'PUT', url: `${resource['resourceType']}/${resource['id']}` },
      }));
    const answer = await client.send('POST', '', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
    expect(answer.status).toBe(200);
  }
}

async function until(client: Client, path: string, met: (answer: { status: number; headers: Headers }) => boolean) {
  for (const end = Date.now() + 120_000; ;) {
    const answer = await client.send('GET', path);
    if (met(answer) || Date.now() > end) return answer;
    await pause(600);
  }
}

test('an export goes on after kill -9', async () => {
  let client = await clientOf(own.running);
  await load(client);
  const begun = await client.send('GET', 'Patient/$export?_type=Patient,Observation&organizeOutputBy=Patient', {
    headers: { prefer: 'respond-async' },
  });
  expect(begun.status).toBe(202);
  const [job = ''] = /[0-9a-f-]{36}$/.exec(begun.headers.get('content-location') ?? '') ?? [];
  const path = `$export-status?job=${job}`;
  const before = await until(
    client,
    path,
    (answer) => answer.headers.get('x-progress')?.includes('patients') ?? answer.status === 200,
  );
  // A machine that is fast enough may be done.
  expect([200, 202]).toContain(before.status);
  await pause(1_200);
  await killServer(own.running, false);
  own.running = await startServer(own.dataDir);
  client = await clientOf(own.running);
  const { status, json } = await until(client, path, (answer) => answer.status !== 202);
  expect(status).toBe(200);
  const { output } = json as unknown as Manifest;
  const ids = new Set<string>();
  let lines = 0;
  for (const { url } of output) {
    const file = await client.send('GET', url.slice(url.indexOf('/fhir/') + 6));
    for (const line of file.text.split('\n').slice(0, -1)) {
      const { id, resourceType } = JSON.parse(line) as { id?: string; resourceType: string };
      if (id !== undefined) ids.add(`${resourceType}/${id}`);
      lines += 1;
    }
  }
  // Each patient with a header, himself and his result.
  expect([ids.size, lines]).toEqual([2 * patients, 3 * patients]);
}, 180_000);
