/** Challenges that passkeys are to sign: random values of which only SHA-256 is kept, each good once and for minutes. */
import { createHash } from 'node:crypto';
import { instant } from './accounts.ts';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface Challenge {
  readonly account: string;
  readonly purpose: 'enrol' | 'verify';
  readonly value: string;
}

/** At once at most so many of an account: each try to sign in may leave one. */
const mostChallenges = 10;

export async function keepChallenge(session: Session, challenge: Challenge, now: number, until: number): Promise<void> {
  await session.query(sql`delete from account_challenge where tenant_id = ${session.tenant}
    and account_id = ${challenge.account} and (expires <= ${instant(now)} or hash in (
      select hash from account_challenge where tenant_id = ${session.tenant} and account_id = ${challenge.account}
      order by expires desc offset ${mostChallenges - 1}))`);
  await session.query(sql`insert into account_challenge (tenant_id, hash, account_id, purpose, expires)
    values (${session.tenant}, ${hashOf(challenge.value)}, ${challenge.account}, ${challenge.purpose},
      ${instant(until)})`);
}

/** Uses a challenge up; false where it was not asked of this account for this purpose, was answered or has expired. */
export async function consumeChallenge(session: Session, challenge: Challenge, now: number): Promise<boolean> {
  const rows = await session.query(sql`delete from account_challenge where tenant_id = ${session.tenant}
    and hash = ${hashOf(challenge.value)} and account_id = ${challenge.account} and purpose = ${challenge.purpose}
    and expires > ${instant(now)} returning hash`);
  return rows.length > 0;
}

function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
