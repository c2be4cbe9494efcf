/** Recovery codes of an account: random values of which only SHA-256 is kept, each good once (table account_recovery). */
import { createHash } from 'node:crypto';
import { instant } from './accounts.ts';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

/** New codes; those before are worthless. */
export async function replaceRecoveryCodes(
  session: Session,
  account: string,
  codes: readonly string[],
  now: number,
): Promise<void> {
  await dropRecoveryCodes(session, account);
  await session.query(sql`insert into account_recovery (tenant_id, account_id, hash, created)
    select ${session.tenant}, ${account}, hash, ${instant(now)} from unnest(${codes.map(hashOf)}::bytea[]) as t(hash)`);
}

/** Uses a code up; false where it is none of the account's or was used. */
export async function consumeRecoveryCode(
  session: Session,
  account: string,
  code: string,
  now: number,
): Promise<boolean> {
  const rows = await session.query(sql`update account_recovery set used = ${instant(now)}
    where tenant_id = ${session.tenant} and account_id = ${account} and hash = ${hashOf(code)} and used is null
    returning hash`);
  return rows.length > 0;
}

export async function countRecoveryCodes(session: Session, account: string): Promise<number> {
  const [row] = await session.query<{ count: number }>(sql`select count(*)::int4 as count from account_recovery
    where tenant_id = ${session.tenant} and account_id = ${account} and used is null`);
  return row?.count ?? 0;
}

export async function dropRecoveryCodes(session: Session, account: string): Promise<void> {
  await session.query(
    sql`delete from account_recovery where tenant_id = ${session.tenant} and account_id = ${account}`,
  );
}

function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
