/**
 * SIGKILL in the middle of concurrent writes: the server alone, and the server with its PostgreSQL. After the restart
 * everything that was acknowledged is there, and no transaction by halves.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { serverOfFile } from './own-server.ts';
import { clientOf, killServer, startServer, stopServer } from './process.ts';
import { findLosses, newLedger, writeUntilKilled, type Ledger } from './workload.ts';

const ledger = newLedger();
const own = serverOfFile('kill');

const sizeOf = (noted: Ledger): number => noted.versions.size + noted.transactions.size + noted.binaries.size;

const rounds: readonly (readonly [string, boolean, number])[] = [
  ['the server, early', false, 300],
  ['the server and PostgreSQL', true, 700 + Math.random() * 800],
  ['the server, at some moment', false, 400 + Math.random() * 1_500],
  ['the server and PostgreSQL, at some moment', true, 400 + Math.random() * 1_500],
];

test.each(rounds)(
  'after killing %s nothing acknowledged is lost',
  async (what, database, milliseconds) => {
    const before = sizeOf(ledger);
    const writing = writeUntilKilled(await clientOf(own.running), ledger, what.replaceAll(/[^a-z]+/g, '-'));
    // What is slow has not acknowledged anything yet.
    while (sizeOf(ledger) === before) await pause(20);
    await pause(milliseconds);
    await killServer(own.running, database);
    await writing;
    expect(sizeOf(ledger)).toBeGreaterThan(before);
    own.running = await startServer(own.dataDir);
    expect(await findLosses(await clientOf(own.running), ledger)).toEqual([]);
  },
  180_000,
);

test('after SIGTERM in the midst of it nothing acknowledged is lost, and the process ends by itself', async () => {
  const writing = writeUntilKilled(await clientOf(own.running), ledger, 'stopped');
  await pause(700);
  await stopServer(own.running);
  expect(own.running.child.exitCode).toBe(0);
  await writing;
  own.running = await startServer(own.dataDir);
  expect(await findLosses(await clientOf(own.running), ledger)).toEqual([]);
}, 180_000);

test('the number of versions is that of the ledger, give or take the requests that were cut off', async () => {
  const client = await clientOf(own.running);
  const { json } = await client.send('GET', 'Patient?_summary=count&_total=accurate');
  const done = [...ledger.transactions.values()].filter(Boolean).length * 7;
  const names = new Set([...ledger.versions.keys()].map((path) => path.split('/_history/')[0]));
  expect(json.total).toBeGreaterThanOrEqual(done + names.size - ledger.deleted.size);
  expect(json.total).toBeLessThanOrEqual(done + names.size - ledger.deleted.size + (rounds.length + 1) * (8 + 3 * 7));
});
