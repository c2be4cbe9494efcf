/**
 * A laboratory whose audit log cannot be written for as long as some work takes, by a trigger of the database's owner.
 *
 * The trigger is made once for a test file, and switched by a row: making one locks the log, which the server writes to.
 */
import { afterAll } from '@jest/globals';
import pg from 'pg';
import type { Database } from '../../src/store/pool.ts';
import { testDatabase, testServer } from '../server.ts';

let owner: pg.Client | undefined;
const made = new Set<number>();

afterAll(async () => {
  for (const id of made) {
    await again(`drop trigger test_no_log_${id} on audit_event`);
    await again(`drop function test_no_log_${id}(); drop table test_no_log_${id}`);
  }
  await owner?.end();
});

async function run(text: string): Promise<void> {
  if (owner === undefined) {
    owner = new pg.Client(testServer().databaseUrl);
    await owner.connect();
  }
  await owner.query(text);
}

/** What locks the log may meet the server's own locks, and is told to try again. */
async function again(text: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await run(text);
    } catch (error) {
      if ((error as { code?: string }).code !== '40P01' || tries === 10) throw error;
    }
  }
}

export async function withoutLog<T>({ id }: { id: number }, work: () => Promise<T>): Promise<T> {
  const name = `test_no_log_${id}`;
  if (!made.has(id)) {
    made.add(id);
    await run(`create table ${name} (one int4); grant select on ${name} to makhbar_app`);
    await run(`create function ${name}() returns trigger language plpgsql as
      $$ begin if exists (select from ${name}) then raise exception 'no audit'; end if; return new; end $$`);
    await again(`create trigger ${name} before insert on audit_event for each row
      when (new.tenant_id = ${id}) execute function ${name}()`);
  }
  await run(`insert into ${name} values (1)`);
  try {
    return await work();
  } finally {
    await run(`delete from ${name}`);
  }
}

/** The database, of which the n-th statement of a transaction fails. */
export function failing(n: number): { database: Database; failed: () => boolean } {
  let left = n;
  const fail = (): boolean => left-- === 1;
  const database = testDatabase();
  return {
    failed: () => left < 1,
    database: {
      ...database,
      transaction: (tenant, work, isolation) =>
        database.transaction(
          tenant,
          (session) =>
            work({
              tenant,
              query: (statement) => (fail() ? Promise.reject(new Error('cut')) : session.query(statement)),
            }),
          isolation,
        ),
      operating: (work) =>
        database.operating((operator) =>
          work({
            operator: (statement) => (fail() ? Promise.reject(new Error('cut')) : operator.operator(statement)),
            become: async (tenant) => {
              const session = await operator.become(tenant);
              return {
                tenant,
                query: (statement) => (fail() ? Promise.reject(new Error('cut')) : session.query(statement)),
              };
            },
          }),
        ),
    },
  };
}
