/** A tenant that asks for much, slowly, does not make others wait. */
import { randomInt } from 'node:crypto';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { makeShare } from '../../src/store/share.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase, testServer } from '../server.ts';

const never = () => new Error('too late');

test('no more than its share is inside; who waits comes in by turns', async () => {
  const share = makeShare(2, 1_000, never);
  const order: string[] = [];
  const leave = [await share.enter(1), await share.enter(1)];
  const third = share.enter(1).then((done) => (order.push('third'), done));
  const fourth = share.enter(1).then((done) => (order.push('fourth'), done));
  await share.enter(2);
  order.push('another tenant');
  leave[0]?.();
  leave[0]?.();
  await third;
  await new Promise(setImmediate);
  expect(order).toEqual(['another tenant', 'third']);
  leave[1]?.();
  await fourth;
  expect(order.at(-1)).toBe('fourth');
});

test('who waits too long is told, and leaves no gap', async () => {
  const share = makeShare(1, 20, never);
  const leave = await share.enter(1);
  await expect(share.enter(1)).rejects.toThrow('too late');
  leave();
  (await share.enter(1))();
  await expect(share.enter(1)).resolves.toBeDefined();
});

test('slow statements of one laboratory, more than there are connections, leave room for another', async () => {
  const [slow, quick] = [await makeLaboratory(), await makeLaboratory()];
  const database = testDatabase();
  const key = randomInt(1, 2 ** 31);
  const gate = new pg.Client(testServer().databaseUrl);
  await gate.connect();
  await gate.query('select pg_advisory_lock($1)', [key]);
  const waiting = Array.from({ length: 12 }, () =>
    database.query(slow.tenant.id, sql`select pg_advisory_xact_lock_shared(${key})`),
  );
  // It would not come back as long as the gate is shut.
  await database.query(quick.tenant.id, sql`select 1`);
  await gate.end();
  await Promise.all(waiting);
});
