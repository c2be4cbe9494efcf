/** SIGKILL in the middle of a reindex: the next process goes on where it was, and nothing is missing in the end. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, killServer, startServer } from '../durability/process.ts';
import { noted, observation, parameter } from './laboratory.ts';

/** More than a step of about a second does: 10,000 to 20,000 resources a second were measured. */
const total = 60_000;
const bundle = 2_000;

const own = serverOfFile('kill-job');

async function load(client: Client): Promise<void> {
  for (let from = 0; from < total; from += bundle) {
    const entry = Array.from({ length: bundle }, (_, i) => ({
      resource: observation(`o-${from + i}`, noted('old')),
      request: { method: 'PUT', url: `Observation/o-${from + i}` },
    }));
    const answer = await client.send('POST', '', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
    expect(answer.status).toBe(200);
  }
}

/** Resources done as the refusal of the search tells; undefined when the search answers. */
async function progress(client: Client): Promise<number | undefined> {
  const { status, json } = await client.send('GET', 'Observation?remark=old&_summary=count');
  if (status === 200) return undefined;
  const said = String(json.issue?.[0]?.diagnostics);
  expect(said).toMatch(/cannot answer yet|no search parameter/);
  return Number(/indexed, (\d+)/.exec(said)?.[1] ?? 0);
}

test('a reindex goes on after kill -9', async () => {
  let client = await clientOf(own.running);
  await load(client);
  expect((await client.send('PUT', 'SearchParameter/remark', { body: parameter('remark') })).status).toBe(201);
  let before: number | undefined = 0;
  while (before === 0) {
    await pause(50);
    before = await progress(client);
  }
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(total);
  await killServer(own.running, false);
  own.running = await startServer(own.dataDir);
  client = await clientOf(own.running);
  const seen: number[] = [];
  for (let now = await progress(client); now !== undefined; now = await progress(client)) {
    seen.push(now);
    await pause(200);
  }
  // It did not begin anew.
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(before ?? 0);
  const { json } = await client.send('GET', 'Observation?remark=old&_summary=count');
  expect(json.total).toBe(total);
}, 180_000);
