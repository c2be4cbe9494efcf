/** A tenant that asks for much, slowly, does not make others wait. */
import { expect, test } from '@jest/globals';
import { makeShare } from '../../src/store/share.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase } from '../server.ts';

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
  const sleeping = Array.from({ length: 12 }, () => database.query(slow.tenant.id, sql`select pg_sleep(0.7)`));
  const started = performance.now();
  await database.query(quick.tenant.id, sql`select 1`);
  expect(performance.now() - started).toBeLessThan(600);
  await Promise.all(sleeping);
});
