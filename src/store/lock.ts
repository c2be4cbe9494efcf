/**
 * Locks on what does not exist yet: two conditional creates with the same criteria must not both find nothing.
 * Held until the transaction ends; taken in one order, so that two transactions cannot wait for each other.
 */
import { hash } from 'node:crypto';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

/** Takes an exclusive lock on each of some texts, within the tenant. */
export async function lockCriteria(session: Session, criteria: readonly string[]): Promise<void> {
  await lockAll(session, lockKeys(session.tenant, criteria));
}

/** The same of their numbers. */
export async function lockAll(session: Session, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) {
    await session.query(sql`
      select pg_advisory_xact_lock(k) from unnest(${keys}::int8[]) with ordinality as t(k, n) order by n`);
  }
}

/** The numbers that are locked, in the order in which they are. */
export function lockKeys(tenant: number, criteria: readonly string[]): string[] {
  return [...new Set(criteria.map((text) => lockKey(tenant, text)))].sort((a, b) => (a < b ? -1 : 1)).map(String);
}

function lockKey(tenant: number, text: string): bigint {
  return hash('sha256', `${tenant}\n${text}`, 'buffer').readBigInt64BE(0);
}
