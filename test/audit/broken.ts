/** A laboratory whose audit log cannot be written, by a trigger of the database's owner, for as long as `work` takes. */
import pg from 'pg';
import { testServer } from '../server.ts';

export async function withoutLog<T>({ id }: { id: number }, work: () => Promise<T>): Promise<T> {
  const owner = new pg.Client(testServer().databaseUrl);
  await owner.connect();
  await owner.query(`create or replace function test_no_log_${id}() returns trigger language plpgsql as
    $$ begin raise exception 'no audit'; end $$`);
  await owner.query(`create trigger test_no_log_${id} before insert on audit_event for each row
    when (new.tenant_id = ${id}) execute function test_no_log_${id}()`);
  try {
    return await work();
  } finally {
    await owner.query(`drop trigger test_no_log_${id} on audit_event`);
    await owner.query(`drop function test_no_log_${id}()`);
    await owner.end();
  }
}
