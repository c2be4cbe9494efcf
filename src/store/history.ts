/**
 * The versions of one resource, of a type or of everything, newest first, in pages by keyset.
 * https://hl7.org/fhir/R4/http.html#history
 */
import type { Session } from './pool.ts';
import { storedColumns, storedFromRow, type Stored, type StoredRow } from './read.ts';
import { withinSize } from './size.ts';
import { join, sql, type Sql } from './sql.ts';

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
  /** Of Binaries only versions without a security context, or with one of these types; undefined = all. */
  readonly securityContexts?: { readonly binary: number; readonly types: readonly string[] };
  readonly count: number;
}

export interface HistoryVersion extends Stored {
  /** No live resource was there before. */
  readonly created: boolean;
}

type HistoryRow = StoredRow & { created: boolean };

/** At most `count` versions, newest first; fewer where they are large (size.ts). */
export async function readHistory(session: Session, query: HistoryQuery): Promise<HistoryVersion[]> {
  const rows = await session.query<HistoryRow>(
    withinSize(sql`
    select ${storedColumns}, v.ver = 1 or exists (
      select from resource_version b where b.tenant_id = ${session.tenant} and b.rid = v.rid and b.ver = v.ver - 1
        and b.method = 'DELETE') as created
    from resource_version v join resource r on r.tenant_id = v.tenant_id and r.rid = v.rid
    where ${conditions(session.tenant, query)}
    order by v.last_updated desc, v.rid desc, v.ver desc
    limit ${query.count}`),
  );
  return rows.map((row) => ({ ...storedFromRow(row), created: row.created }));
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
  if (query.securityContexts) {
    const { binary, types } = query.securityContexts;
    // The type of a reference to a resource of this server: `Patient` in `https://host/fhir/Patient/1/_history/2`.
    parts.push(sql`(v.type <> ${binary} or coalesce(v.content -> 'securityContext', 'null') = 'null'
      or substring(v.content #>> '{securityContext,reference}' from '([A-Za-z]+)/[^/]+(?:/_history/[^/]+)?$') = any(${types}::text[]))`);
  }
  if (query.after) {
    const { lastUpdated, rid, version } = query.after;
    parts.push(sql`(v.last_updated, v.rid, v.ver) < (${lastUpdated}::timestamptz, ${rid}::int8, ${version}::int4)`);
  }
  return join(parts, ' and ');
}
