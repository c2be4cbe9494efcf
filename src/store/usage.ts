/**
 * What laboratories use: tables usage, usage_person and storage_use (migrations/0011-usage.sql). Written outside every
 * tenant, under the login role; read within one.
 */
import type { Database, Session } from './pool.ts';
import { sql } from './sql.ts';

/** What one process counted for one laboratory and has not stored yet. */
export interface Counted {
  readonly tenant: number;
  readonly counts: readonly { readonly day: string; readonly metric: string; readonly count: number }[];
  /** Digests in hexadecimal. */
  readonly people: readonly { readonly day: string; readonly person: string }[];
  /** By how much more is stored. */
  readonly bytes: number;
}

/** Adds what was counted, all of it or nothing. In the order of the keys, so that two processes cannot block each other. */
export async function addUsage(database: Database, counted: readonly Counted[]): Promise<void> {
  const ordered = counted.toSorted((a, b) => a.tenant - b.tenant);
  const counts = ordered.flatMap(({ tenant, counts }) =>
    counts
      .map((one) => ({ tenant, ...one }))
      .sort((a, b) => (`${a.day} ${a.metric}` < `${b.day} ${b.metric}` ? -1 : 1)),
  );
  const people = ordered.flatMap(({ tenant, people }) =>
    people
      .map((one) => ({ tenant, ...one }))
      .sort((a, b) => (`${a.day} ${a.person}` < `${b.day} ${b.person}` ? -1 : 1)),
  );
  const stored = ordered.filter(({ bytes }) => bytes !== 0);
  await database.operator(sql`
    with counted as (
      insert into usage as u (tenant_id, day, metric, count)
      select * from unnest(${counts.map(({ tenant }) => tenant)}::int4[],
        ${counts.map(({ day }) => day)}::date[],
        ${counts.map(({ metric }) => metric)}::text[],
        ${counts.map(({ count }) => count)}::int8[])
      on conflict (tenant_id, day, metric) do update set count = u.count + excluded.count
    ), seen as (
      insert into usage_person (tenant_id, day, person)
      select tenant, day, decode(person, 'hex') from unnest(${people.map(({ tenant }) => tenant)}::int4[],
        ${people.map(({ day }) => day)}::date[],
        ${people.map(({ person }) => person)}::text[]) as p(tenant, day, person)
      on conflict do nothing
    ), level as (
      insert into storage_use as s (tenant_id, bytes)
      select * from unnest(${stored.map(({ tenant }) => tenant)}::int4[],
        ${stored.map(({ bytes }) => bytes)}::int8[])
      on conflict (tenant_id) do update set bytes = s.bytes + excluded.bytes
      returning tenant_id, bytes
    )
    insert into usage (tenant_id, day, metric, count)
    select tenant_id, (clock_timestamp() at time zone 'UTC')::date, 'stored-bytes', greatest(bytes, 0) from level
    on conflict (tenant_id, day, metric) do update set count = excluded.count`);
}

/** Bytes that the laboratory has stored, as far as processes have told. */
export async function readStored(session: Session): Promise<number> {
  const [row] = await session.query<{ bytes: string }>(sql`
    select bytes from storage_use where tenant_id = ${session.tenant}`);
  return Math.max(0, Number(row?.bytes ?? 0));
}

export interface Usage {
  /** By day and metric, in that order. */
  readonly days: readonly { readonly day: string; readonly metric: string; readonly count: number }[];
  /** Different people in the whole time, and on each of its days. */
  readonly people: {
    readonly total: number;
    readonly days: readonly { readonly day: string; readonly count: number }[];
  };
  readonly storedBytes: number;
}

/** @param from, to days as YYYY-MM-DD, both included */
export async function readUsage(session: Session, from: string, to: string): Promise<Usage> {
  const { tenant } = session;
  const counts = await session.query<{ day: string; metric: string; count: string }>(sql`
    select day, metric, count from usage
    where tenant_id = ${tenant} and day between ${from}::date and ${to}::date order by day, metric`);
  const people = await session.query<{ day: string; count: string }>(sql`
    select day, count(*) as count from usage_person
    where tenant_id = ${tenant} and day between ${from}::date and ${to}::date group by day order by day`);
  const [total] = await session.query<{ count: string }>(sql`
    select count(distinct person) as count from usage_person
    where tenant_id = ${tenant} and day between ${from}::date and ${to}::date`);
  return {
    days: counts.map(({ day, metric, count }) => ({ day, metric, count: Number(count) })),
    people: {
      total: Number(total?.count ?? 0),
      days: people.map(({ day, count }) => ({ day, count: Number(count) })),
    },
    storedBytes: await readStored(session),
  };
}
