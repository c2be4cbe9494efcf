/** A connection that PostgreSQL ends while a transaction is at something else: after a restart, or for being idle too long. */
import { expect, test } from '@jest/globals';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase } from '../server.ts';

test('fails the transaction with 503, not the process, and the next one has another connection', async () => {
  const { tenant } = await makeLaboratory();
  const database = testDatabase();
  const work = database.transaction(tenant.id, async (session) => {
    const [own] = await session.query<{ pid: number }>(sql`select pg_backend_pid() as pid`);
    await database.operator(sql`select pg_terminate_backend(${own?.pid}, 5000)`);
    // The end of the connection arrives by the event loop.
    await new Promise((resolve) => setTimeout(resolve, 200));
    return session.query(sql`select 1`);
  });
  await expect(work).rejects.toMatchObject({ issues: [{ code: 'transient' }] });
  const [row] = await database.query<{ one: number }>(tenant.id, sql`select 1 as one`);
  expect(row).toEqual({ one: 1 });
});
