/**
 * The versions of one resource, of a type or of everything, newest first, in pages by keyset.
 * https://hl7.org/fhir/R4/http.html#history
 */
import type { Access } from '../search/ast.ts';
import { visibleSql } from '../search/compile-condition.ts';
import { makeScope } from '../search/scope.ts';
import type { Session } from './pool.ts';
import { storedColumns, storedFromRow, type Key, type Stored, type StoredRow } from './read.ts';
import { withinSize } from './size.ts';
import { join, raw, sql, type Sql } from './sql.ts';

/** Where a page ends: the next begins after this version. */
export interface HistoryPosition {
  readonly lastUpdated: string;
  readonly rid: string;
  readonly version: number;
}

export interface HistoryQuery {
  /** Types that the caller may see; undefined = all. */
  readonly types?: readonly number[];
  readonly id?: string;
  /** Only versions made at or after this instant. */
  readonly since?: string;
  /** Only versions that were current at some time in [from, to). */
  readonly at?: { readonly from: string; readonly to: string };
  readonly after?: HistoryPosition;
  /** Only of resources that are deleted or that the caller may see as they are now; undefined = all. */
  readonly access?: { readonly of: Access; readonly types: readonly string[] };
  readonly count: number;
}

export interface HistoryVersion extends Stored {
  /** No live resource was there before. */
  readonly created: boolean;
  /** The resource as it is now: the number of its version, and whether that is a deletion. */
  readonly now: { readonly version: number; readonly deleted: boolean };
}

type HistoryRow = StoredRow & { created: boolean; now_ver: number; now_deleted: boolean };

/** At most `count` versions, newest first; fewer where they are large (size.ts). */
export async function readHistory(session: Session, query: HistoryQuery): Promise<HistoryVersion[]> {
  const rows = await session.query<HistoryRow>(
    withinSize(sql`
    select ${storedColumns}, v.ver = 1 or exists (
      select from resource_version b where b.tenant_id = ${session.tenant} and b.rid = v.rid and b.ver = v.ver - 1
        and b.method = 'DELETE') as created, r.ver as now_ver, r.deleted as now_deleted
    from resource_version v join resource r on r.tenant_id = v.tenant_id and r.rid = v.rid
    where ${conditions(session.tenant, query)}
    order by v.last_updated desc, v.rid desc, v.ver desc
    limit ${query.count}`),
  );
  return rows.map((row) => ({
    ...storedFromRow(row),
    created: row.created,
    now: { version: row.now_ver, deleted: row.now_deleted },
  }));
}

/** Versions by our own numbers, in no order. */
export async function readVersions(
  session: Session,
  keys: readonly { readonly rid: string; readonly version: number }[],
): Promise<Stored[]> {
  if (keys.length === 0) return [];
  const rows = await session.query<StoredRow>(sql`
    select ${storedColumns}
    from unnest(${keys.map(({ rid }) => rid)}::int8[], ${keys.map(({ version }) => version)}::int4[]) as k(rid, ver)
    join resource_version v on v.tenant_id = ${session.tenant} and v.rid = k.rid and v.ver = k.ver
    join resource r on r.tenant_id = ${session.tenant} and r.rid = k.rid`);
  return rows.map(storedFromRow);
}

/** The versions before the current ones. */
export async function readPrevious(session: Session, keys: readonly Key[]): Promise<Stored[]> {
  if (keys.length === 0) return [];
  const rows = await session.query<StoredRow>(sql`
    select ${storedColumns}
    from unnest(${keys.map(({ type }) => type)}::int2[], ${keys.map(({ id }) => id)}::text[]) as k(type, fhir_id)
    join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.fhir_id
    join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver - 1`);
  return rows.map(storedFromRow);
}

/** Of those that are deleted: the versions that the deletions ended. */
export async function readEnded(session: Session, keys: readonly Key[]): Promise<Stored[]> {
  if (keys.length === 0) return [];
  const rows = await session.query<StoredRow>(sql`
    select ${storedColumns}
    from unnest(${keys.map(({ type }) => type)}::int2[], ${keys.map(({ id }) => id)}::text[]) as k(type, fhir_id)
    join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.fhir_id and r.deleted
    join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver - 1`);
  return rows.map(storedFromRow);
}

/** How many versions the history has in all; `after` and `count` do not matter. */
export async function countHistory(session: Session, query: HistoryQuery): Promise<number> {
  const { after: _after, ...whole } = query;
  const [row] = await session.query<{ total: number }>(sql`
    select count(*)::int4 as total
    from resource_version v join resource r on r.tenant_id = v.tenant_id and r.rid = v.rid
    where ${conditions(session.tenant, whole)}`);
  return row?.total ?? 0;
}

function conditions(tenant: number, query: HistoryQuery): Sql {
  const parts = [sql`v.tenant_id = ${tenant}`, sql`r.tenant_id = ${tenant}`];
  if (query.types?.length === 1) {
    parts.push(sql`v.type = ${query.types[0]}`);
  } else if (query.types) {
    parts.push(sql`v.type = any(${query.types}::int2[])`);
  }
  if (query.id !== undefined) {
    // The id's own row first: its versions are then one range of the primary key.
    parts.push(sql`v.rid = (select o.rid from resource o
      where o.tenant_id = ${tenant} and o.type = ${query.types?.[0]} and o.fhir_id = ${query.id})`);
  }
  if (query.since !== undefined) {
    parts.push(sql`v.last_updated >= ${query.since}::timestamptz`);
  }
  if (query.at) {
    parts.push(sql`v.last_updated < ${query.at.to}::timestamptz and not exists (
      select from resource_version n
      where n.tenant_id = ${tenant} and n.rid = v.rid and n.ver = v.ver + 1
        and n.last_updated <= ${query.at.from}::timestamptz)`);
  }
  if (query.access) {
    const { of, types } = query.access;
    parts.push(
      sql`(r.deleted or ${visibleSql(types, raw('r'), makeScope(tenant, of, { probing: true, named: true }))})`,
    );
  }
  if (query.after) {
    const { lastUpdated, rid, version } = query.after;
    parts.push(sql`(v.last_updated, v.rid, v.ver) < (${lastUpdated}::timestamptz, ${rid}::int8, ${version}::int4)`);
  }
  return join(parts, ' and ');
}
