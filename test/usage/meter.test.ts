/** The meter by itself, on a real database: groups, days, people, an outage. */
import { randomInt } from 'node:crypto';
import { afterAll, expect, test } from '@jest/globals';
import { createLog } from '../../src/log.ts';
import { openDatabase, type Session } from '../../src/store/pool.ts';
import { readUsage } from '../../src/store/usage.ts';
import { makeMeter } from '../../src/usage/meter.ts';
import { testDatabase } from '../server.ts';

const log = createLog('silent');
const unreachable = openDatabase({
  url: 'postgres://nobody@127.0.0.1:9/none',
  connections: 2,
  statementTimeout: 1_000,
});
afterAll(() => unreachable.close());

/** No laboratory has such a number. */
const tenant = (): number => 1_000_000_000 + randomInt(1_000_000_000);
const noon = Date.parse('2026-03-04T12:00:00Z');
const day = 86_400_000;

function usageOf(id: number): ReturnType<typeof readUsage> {
  const session: Session = { tenant: id, query: (statement) => testDatabase().query(id, statement) };
  return readUsage(session, '2026-03-01', '2026-03-31');
}

test('counts of several processes add up, by day and metric', async () => {
  const id = tenant();
  let now = noon;
  const meters = [1, 2].map(() => makeMeter(testDatabase(), log, () => now));
  for (const meter of meters) {
    meter.count(id, 'requests-read');
    meter.count(id, 'bytes-in', 5_000_000_000);
    meter.wrote(id, 3, 100);
    await meter.flush();
    meter.count(id, 'requests-read', 2);
  }
  now += day;
  meters[0]?.count(id, 'requests-read');
  await Promise.all(meters.map((meter) => meter.flush()));
  const { days, storedBytes } = await usageOf(id);
  expect(days).toEqual([
    { day: '2026-03-04', metric: 'bytes-in', count: 10_000_000_000 },
    { day: '2026-03-04', metric: 'requests-read', count: 6 },
    { day: '2026-03-04', metric: 'resources-written', count: 6 },
    { day: '2026-03-05', metric: 'requests-read', count: 1 },
  ]);
  expect(storedBytes).toBe(200);
});

test('a person is one, on however many days and in however many processes', async () => {
  const id = tenant();
  let now = noon;
  const meters = [1, 2].map(() => makeMeter(testDatabase(), log, () => now));
  for (const meter of meters) {
    for (const person of ['a', 'b', 'a']) meter.active(id, person);
  }
  now += day;
  meters[0]?.active(id, 'a');
  await Promise.all(meters.map((meter) => meter.flush()));
  meters[0]?.active(id, 'a');
  await meters[0]?.flush();
  expect((await usageOf(id)).people).toEqual({
    total: 2,
    days: [
      { day: '2026-03-04', count: 2 },
      { day: '2026-03-05', count: 1 },
    ],
  });
});

test('processes that store the same counts at the same time do not block each other', async () => {
  const ids = Array.from({ length: 20 }, tenant);
  const meters = [ids, ids.toReversed(), ids].map((order) => {
    const meter = makeMeter(testDatabase(), log, () => noon);
    for (const id of order) {
      for (const metric of ['requests-write', 'requests-read'] as const) meter.count(id, metric);
      meter.wrote(id, 1, 10);
      meter.active(id, 'a');
    }
    return meter;
  });
  await Promise.all(meters.map((meter) => meter.flush()));
  const all = await Promise.all(ids.map(usageOf));
  expect(all.map(({ storedBytes, days }) => [storedBytes, days.length])).toEqual(ids.map(() => [30, 3]));
});

test('what cannot be stored is kept', async () => {
  const id = tenant();
  let database = unreachable;
  const meter = makeMeter(
    { ...testDatabase(), operator: (statement) => database.operator(statement) },
    log,
    () => noon,
  );
  meter.count(id, 'requests-read', 2);
  meter.active(id, 'a');
  meter.wrote(id, 1, 40);
  await meter.flush();
  expect((await usageOf(id)).days).toEqual([]);
  expect(await meter.stored(id)).toBe(40);
  meter.count(id, 'requests-read');
  database = testDatabase();
  await meter.flush();
  await meter.flush();
  const { days, people, storedBytes } = await usageOf(id);
  expect(days.map(({ metric, count }) => [metric, count])).toEqual([
    ['requests-read', 3],
    ['resources-written', 1],
  ]);
  expect([people.total, storedBytes, await meter.stored(id)]).toEqual([1, 40, 40]);
});
