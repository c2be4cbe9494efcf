/**
 * Failures in a row by key, kept in PostgreSQL so that all processes count together (table sign_in_attempt).
 *
 * 1. A try is counted as a failure before anything is checked, and taken back when it succeeds: of any number of tries
 *    at once, no more get through than the key allows.
 * 2. Keys are locked in one order, so that two tries cannot wait for each other.
 */
import { createHash } from 'node:crypto';
import { instant } from './accounts.ts';
import { instantText, type Database, type Session } from './pool.ts';
import { sql } from './sql.ts';

/** The key of something that is counted: no name or address can be read from it without guessing it. */
export function attemptKey(kind: 'account' | 'factor' | 'address', value: string): Buffer {
  return createHash('sha256').update(`${kind}\n${value}`).digest().subarray(0, 16);
}

/** One thing that is counted. */
export interface Counted {
  readonly key: Buffer;
  /** Tries before the first wait. */
  readonly free: number;
  /** Milliseconds of the first wait; each further failure doubles it. */
  readonly wait: number;
  /** Milliseconds that no wait exceeds. */
  readonly longest: number;
  /** Failures after which only an administrator helps (NIST SP 800-63B 5.2.2: at most 100). */
  readonly most?: number;
  /** Milliseconds after which one failure is forgiven; without it only a success or an administrator does. */
  readonly recovery?: number;
}

interface Row {
  key: Buffer;
  failures: number;
  until: string | null;
  last: string;
}

/** Milliseconds of quiet after which a few failures leave no trace, and how few. */
const forgotten = 24 * 3_600_000;
const few = 20;

/** Lets a try begin, or says for how many milliseconds it must wait (Infinity: until an administrator helps). */
export async function beginAttempt(
  database: Database,
  tenant: number,
  counted: readonly Counted[],
  now: number,
): Promise<{ begun: true } | { begun: false; wait: number }> {
  const ordered = counted.toSorted((a, b) => Buffer.compare(a.key, b.key));
  return database.transaction(tenant, async (session) => {
    const rows = await lockedRows(session, ordered, now);
    const wait = Math.max(...ordered.map((one) => waitOf(rows.get(hex(one.key)), one, now)));
    if (wait > 0) return { begun: false, wait };
    for (const one of ordered) await countFailure(session, one, failuresOf(rows.get(hex(one.key)), one, now) + 1, now);
    return { begun: true };
  });
}

async function lockedRows(session: Session, ordered: readonly Counted[], now: number): Promise<Map<string, Row>> {
  const keys = ordered.map(({ key }) => key);
  await session.query(sql`insert into sign_in_attempt (tenant_id, key, last)
    select ${session.tenant}, key, ${instant(now)} from unnest(${keys}::bytea[]) with ordinality as t(key, n) order by n
    on conflict do nothing`);
  const rows = await session.query<Row>(sql`select key, failures, until, last from sign_in_attempt
    where tenant_id = ${session.tenant} and key = any(${keys}::bytea[]) order by key for update`);
  return new Map(rows.map((row) => [hex(row.key), row]));
}

function waitOf(row: Row | undefined, { most }: Counted, now: number): number {
  if (row === undefined) return 0;
  if (most !== undefined && row.failures >= most) return Infinity;
  return row.until === null ? 0 : Math.max(0, Date.parse(instantText(row.until)) - now);
}

function failuresOf(row: Row | undefined, { recovery = Infinity }: Counted, now: number): number {
  if (row === undefined) return 0;
  return Math.max(0, row.failures - Math.floor(Math.max(0, now - Date.parse(instantText(row.last))) / recovery));
}

async function countFailure(session: Session, one: Counted, failures: number, now: number): Promise<void> {
  const beyond = failures - one.free;
  const until = beyond < 0 ? null : instant(now + Math.min(one.longest, one.wait * 2 ** Math.min(beyond, 30)));
  await session.query(sql`update sign_in_attempt set failures = ${failures}, until = ${until}, last = ${instant(now)}
    where tenant_id = ${session.tenant} and key = ${one.key}`);
}

/** The key starts anew: the try succeeded, or an administrator helped. */
export async function clearAttempts(session: Session, keys: readonly Buffer[]): Promise<void> {
  await session.query(
    sql`delete from sign_in_attempt where tenant_id = ${session.tenant} and key = any(${keys}::bytea[])`,
  );
}

/**
 * Takes back one try that succeeded, or that nothing came of, not the failures before it: whoever knows one password must not be able to clear
 * the count of an address from which he guesses others.
 */
export async function takeBackAttempt(session: Session, { key, free }: Counted): Promise<void> {
  await session.query(sql`update sign_in_attempt set failures = greatest(0, failures - 1),
      until = case when failures <= ${free} then null else until end
    where tenant_id = ${session.tenant} and key = ${key}`);
}

/** Removes rows of few failures that have been quiet for a day, so that made-up names do not pile up. */
export async function forgetAttempts(session: Session, now: number): Promise<void> {
  await session.query(sql`delete from sign_in_attempt where tenant_id = ${session.tenant} and key in (
    select key from sign_in_attempt where tenant_id = ${session.tenant} and last < ${instant(now - forgotten)}
      and failures < ${few} order by last limit 100)`);
}

function hex(key: Buffer): string {
  return key.toString('hex');
}
