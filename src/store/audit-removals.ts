/** The marks of events that went by a rule of retention (src/audit/removal.ts), and how the events go. */
import type { Database, Session } from './pool.ts';
import { sql, type Sql } from './sql.ts';

export interface StoredRemoval {
  readonly number: number;
  /** The seals it is of, both included. */
  readonly first: number;
  readonly last: number;
  readonly content: string;
  readonly keyId: string;
  readonly signature: Buffer;
  readonly removed: Buffer;
}

interface Row {
  number: string;
  first: string;
  last: string;
  content: string;
  key_id: string;
  signature: Buffer;
  removed: Buffer;
}

const columns = sql`number, first, last, content, key_id, signature, removed`;

function fromRow({ key_id: keyId, number, first, last, ...rest }: Row): StoredRemoval {
  return { ...rest, number: Number(number), first: Number(first), last: Number(last), keyId };
}

/** Those of any of these seals, in the order in which they were made. */
export async function removalsOver(session: Session, first: number, last: number): Promise<StoredRemoval[]> {
  const rows = await session.query<Row>(sql`select ${columns} from audit_removal
    where tenant_id = ${session.tenant} and first <= ${last} and last >= ${first} order by number`);
  return rows.map(fromRow);
}

export async function allRemovals(session: Session): Promise<StoredRemoval[]> {
  const rows = await session.query<Row>(sql`select ${columns} from audit_removal
    where tenant_id = ${session.tenant} order by number`);
  return rows.map(fromRow);
}

export async function lastRemoval(session: Session): Promise<number> {
  const [row] = await session.query<{ last: string }>(sql`select coalesce(max(number), 0) as last
    from audit_removal where tenant_id = ${session.tenant}`);
  return Number(row?.last ?? 0);
}

/** Bytes that the bits of these seals take. */
export async function bitsBetween(session: Session, first: number, before: number): Promise<number> {
  const [row] = await session.query<{ bytes: string }>(sql`
    select coalesce(sum((length(leaves) / 32 + 7) / 8), 0) as bytes from audit_seal
    where tenant_id = ${session.tenant} and number >= ${first} and number < ${before}`);
  return Number(row?.bytes ?? 0);
}

/** The numbers of the seals from one on that have events of before a moment, in their order. */
export async function sealsWithEventsBefore(
  session: Session,
  { from, before, most }: { readonly from: number; readonly before: number; readonly most: number },
): Promise<number[]> {
  const rows = await session.query<{ number: string }>(sql`select number from audit_seal
    where tenant_id = ${session.tenant} and number >= ${from}
      and substring(content from '"from":"([^"]{24})"') collate "C" < ${new Date(before).toISOString()}
    order by number limit ${most}`);
  return rows.map(({ number }) => Number(number));
}

export interface Expiring {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly patients: readonly string[];
}

export interface Expiry {
  readonly tenant: number;
  /** Rules and holds by which it was chosen. */
  readonly revision: string;
  /** `high` of the last of the seals. */
  readonly high: string;
  readonly before: number;
  readonly events: readonly Expiring[];
  readonly mark: StoredRemoval;
  /** What else is noted in the same transaction. */
  readonly noted: Sql;
}

/** Takes events out and leaves the mark, all of it or nothing. @throws OutcomeError where rules or holds changed meanwhile. */
export async function expireEvents(database: Database, expiry: Expiry): Promise<void> {
  const { tenant, revision, high, before, events, mark, noted } = expiry;
  const named = events.flatMap(({ id, time, patients }) =>
    patients.length > 1 ? patients.map((patient) => ({ id, time, patient })) : [],
  );
  const instants = (list: readonly { time: number }[]): string[] =>
    list.map(({ time }) => new Date(time).toISOString());
  await database.operating(async ({ operator }) => {
    await operator(sql`select set_config('makhbar.tenant', ${String(tenant)}, true)`);
    await operator(sql`select retention_guard(${tenant}, ${revision})`);
    await operator(sql`insert into audit_removal (tenant_id, number, first, last, content, key_id, signature, removed)
      values (${tenant}, ${mark.number}, ${mark.first}, ${mark.last}, ${mark.content}, ${mark.keyId}, ${mark.signature}, ${mark.removed})`);
    await operator(sql`select expire_events(${tenant}, ${high}, ${new Date(before).toISOString()},
      ${events.map(({ id }) => id)}::uuid[], ${instants(events)}::timestamptz[],
      ${named.map(({ patient }) => patient)}::text[], ${named.map(({ id }) => id)}::uuid[], ${instants(named)}::timestamptz[])`);
    await operator(noted);
  });
}

/** Drops the empty partitions of the log's months that ended before; the number of months. */
export async function dropEmptyMonths(database: Database, before: number): Promise<number> {
  const months = await database.operator<{ month: string }>(sql`
    select month from (
      select to_date(substring(c.relname from '\\d{4}_\\d{2}$'), 'YYYY_MM') as month
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'audit_event'::regclass and c.relname ~ '_\\d{4}_\\d{2}$') m
    where month + interval '1 month' <= ${new Date(before).toISOString()}::timestamptz order by month`);
  let dropped = 0;
  for (const { month } of months) {
    const [row] = await database.operator<{ dropped: boolean }>(
      sql`select drop_audit_month(${month}::date) as dropped`,
    );
    if (row?.dropped === true) dropped++;
  }
  return dropped;
}
