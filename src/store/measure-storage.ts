/** Measuring what a laboratory has stored, in windows over its versions (jobs/measure-storage.ts). */
import type { Database, Session } from './pool.ts';
import { sql } from './sql.ts';

/** A place in the versions of a laboratory, in the order of their key. */
export interface Place {
  readonly rid: string;
  readonly version: number;
}

export interface Window {
  readonly bytes: number;
  /** Where the next window begins; undefined at the end. */
  readonly next: Place | undefined;
}

/** Now, and the level that the processes have told. */
export async function beginMeasuring(session: Session): Promise<{ before: string; level: number }> {
  const [row] = await session.query<{ before: string; bytes: string }>(sql`
    select clock_timestamp()::text as before,
      coalesce((select bytes from storage_use where tenant_id = ${session.tenant}), 0) as bytes`);
  return { before: row?.before ?? '', level: Number(row?.bytes ?? 0) };
}

/** Measures the next versions that were written before a moment. */
export async function measureVersions(
  session: Session,
  after: Place,
  window: { readonly before: string; readonly size: number },
): Promise<Window> {
  const [row] = await session.query<{ bytes: string; seen: number; rid: string | null; ver: number | null }>(sql`
    with versions as materialized (
      select rid, ver, last_updated, coalesce(bytes, octet_length(content::text), 0) as bytes from resource_version
      where tenant_id = ${session.tenant} and (rid, ver) > (${after.rid}::int8, ${after.version}::int4)
      order by rid, ver limit ${window.size}
    ), last as (select rid, ver from versions order by rid desc, ver desc limit 1)
    select coalesce(sum(v.bytes) filter (where v.last_updated <= ${window.before}::timestamptz), 0) as bytes,
      count(*)::int4 as seen, (select rid from last) as rid, (select ver from last) as ver
    from versions v`);
  const { bytes = '0', seen = 0, rid = null, ver = null } = row ?? {};
  const more = seen === window.size && rid !== null && ver !== null;
  return { bytes: Number(bytes), next: more ? { rid, version: ver } : undefined };
}

/**
 * Files, and what apps keep for themselves. A patch of a Binary shares the file of the version before it: each file has
 * one row.
 */
export async function measureOthers(session: Session): Promise<number> {
  const [row] = await session.query<{ bytes: string }>(sql`
    select (select coalesce(sum(size), 0) from binary_file where tenant_id = ${session.tenant})
      + (select coalesce(sum(octet_length(content)), 0) from app_state where tenant_id = ${session.tenant}) as bytes`);
  return Number(row?.bytes ?? 0);
}

/**
 * Corrects the level by what was measured against what it was when measuring began, so that what processes have added
 * meanwhile stays. Once for each measurement: a repeated step changes nothing.
 */
export async function correctStored(
  database: Database,
  tenant: number,
  { before, correction }: { readonly before: string; readonly correction: number },
): Promise<void> {
  await database.operator(sql`
    with level as (
      insert into storage_use as s (tenant_id, bytes, measured)
      values (${tenant}::int4, ${correction}::int8, ${before}::timestamptz)
      on conflict (tenant_id) do update set bytes = s.bytes + excluded.bytes, measured = excluded.measured
        where s.measured is null or s.measured < excluded.measured
      returning tenant_id, bytes
    )
    insert into usage (tenant_id, day, metric, count)
    select tenant_id, (clock_timestamp() at time zone 'UTC')::date, 'stored-bytes', greatest(bytes, 0) from level
    on conflict (tenant_id, day, metric) do update set count = excluded.count`);
}

/** Days after which nobody asks who was active; the counts stay. */
const peopleKeptDays = 400;

export async function forgetPeople(database: Database, tenant: number): Promise<void> {
  await database.operator(sql`
    delete from usage_person
    where tenant_id = ${tenant} and day < (clock_timestamp() at time zone 'UTC')::date - ${peopleKeptDays}::int4`);
}
