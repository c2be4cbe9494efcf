/**
 * Finding what names a patient, in every version of every resource: no index knows old versions, deleted resources, or the
 * elements that are no search parameter. All texts are looked through, in windows of which each is a short statement
 * (about 15 µs a version).
 */
import type { Session } from './pool.ts';
import type { Key } from './read.ts';
import { sql } from './sql.ts';

/** The resources some version of which holds one of the texts. */
export async function ridsHolding(session: Session, texts: readonly string[]): Promise<string[]> {
  const rids: string[] = [];
  for (let after: string | null = '0'; after !== null;) {
    const window: Window = await nextWindow(session, texts.map(pattern), after);
    rids.push(...window.rids);
    after = window.last;
  }
  return rids;
}

interface Window {
  readonly rids: readonly string[];
  /** The last that was looked at; null at the end. */
  readonly last: string | null;
}

/** A guess: each takes a tenth of a second. */
const windowSize = 5_000;

/**
 * As an array the window leads to versions by their key. Joined, all versions of a laboratory that the planner did not know
 * yet were read for each row: 14 s for a window.
 */
async function nextWindow(session: Session, patterns: readonly string[], after: string): Promise<Window> {
  const { tenant } = session;
  const [row] = await session.query<Window>(sql`
    with w as materialized (
      select rid from resource where tenant_id = ${tenant} and rid > ${after}::int8 order by rid limit ${windowSize}
    )
    select (select max(rid) from w) as last, array(
      select distinct v.rid from resource_version v
      where v.tenant_id = ${tenant} and v.rid = any(array(select rid from w))
        and v.content::text like any(${patterns}::text[])) as rids`);
  return row ?? { rids: [], last: null };
}

/** A moment: whatever was not to be seen then was written after `time`, by a transaction that is not below `oldest`. */
export interface Moment {
  readonly time: string;
  readonly oldest: string;
}

/** Longer than any transaction runs. */
export async function momentNow(session: Session): Promise<Moment> {
  const [row] = await session.query<Moment>(sql`
    select (clock_timestamp() - interval '10 minutes')::text as time, pg_snapshot_xmin(pg_current_snapshot())::xid::text as oldest`);
  return row ?? { time: '-infinity', oldest: '0' };
}

/** The same, of versions that were not to be seen at that moment: writes wait for it, and it looks into no text too many. */
export async function recentRidsHolding(session: Session, texts: readonly string[], since: Moment): Promise<string[]> {
  const rows = await session.query<{ rid: string }>(sql`
    with recent as materialized (
      select v.rid, v.ver from resource_version v
      where v.tenant_id = ${session.tenant} and v.last_updated >= ${since.time}::timestamptz
        and age(v.xmin) <= age(${since.oldest}::xid)
    )
    select distinct v.rid from recent join resource_version v
      on v.tenant_id = ${session.tenant} and v.rid = recent.rid and v.ver = recent.ver
    where v.rid = any(array(select rid from recent)) and v.content::text like any(${texts.map(pattern)}::text[])`);
  return rows.map(({ rid }) => rid);
}

function pattern(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

/** A resource with all its versions. */
export interface Whole extends Key {
  readonly rid: string;
  /** The number of the current version. */
  readonly version: number;
  readonly deleted: boolean;
  /** Oldest first; the text is null in a deletion. */
  readonly versions: readonly { readonly version: number; readonly text: string | null }[];
}

interface Row {
  rid: string;
  type: number;
  fhir_id: string;
  current: number;
  deleted: boolean;
  versions: string;
}

export async function readWhole(session: Session, rids: readonly string[]): Promise<Whole[]> {
  const { tenant } = session;
  const rows = await session.query<Row>(sql`
    select r.rid, r.type, r.fhir_id, r.ver as current, r.deleted, (
      select jsonb_agg(jsonb_build_object('version', v.ver, 'text', coalesce(v.exact, v.content::text)) order by v.ver)
      from resource_version v where v.tenant_id = ${tenant} and v.rid = r.rid) as versions
    from resource r where r.tenant_id = ${tenant} and r.rid = any(${rids}::int8[]) order by r.rid`);
  return rows.map(({ rid, type, fhir_id: id, current, deleted, versions }) => ({
    rid,
    type,
    id,
    deleted,
    version: current,
    versions: JSON.parse(versions) as Whole['versions'],
  }));
}

/** The numbers of resources, deleted ones too. */
export async function ridsOf(session: Session, keys: readonly Key[]): Promise<string[]> {
  const rows = await session.query<{ rid: string }>(sql`
    select r.rid from unnest(${keys.map(({ type }) => type)}::int2[], ${keys.map(({ id }) => id)}::text[]) as k(type, id)
    join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.id`);
  return rows.map(({ rid }) => rid);
}

/** The numbers of live resources that refer to any of these, themselves or in what they contain. */
export async function referrerRids(session: Session, keys: readonly Key[]): Promise<string[]> {
  const { tenant } = session;
  const rows = await session.query<{ rid: string }>(sql`
    select distinct coalesce(c.container, f.rid) as rid
    from unnest(${keys.map(({ type }) => type)}::int2[], ${keys.map(({ id }) => id)}::text[]) as k(type, id)
    join search_reference f on f.tenant_id = ${tenant} and f.id = k.id and f.type = k.type
    left join contained c on c.tenant_id = ${tenant} and c.rid = f.rid`);
  return rows.map(({ rid }) => rid);
}
