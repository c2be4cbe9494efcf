/**
 * Whether a version would meet a condition if it were the current one of its resource, everything else being as it is.
 *
 * Its index rows are not stored any more; they are made anew and joined to the tables under the names that conditions
 * use, so that the very SQL of a search decides. Each version gets a number of its own, below zero, and counts as
 * deleted: it is found by nothing but the question about itself. (Writing the rows and rolling back was rejected: a
 * history that is read would lock the resource and leave dead rows behind.)
 */
import type { Access } from '../search/ast.ts';
import { visibleSql } from '../search/compile-condition.ts';
import { indexTables, resourceColumns, type IndexRows, type IndexTable } from '../search/rows.ts';
import { makeScope } from '../search/scope.ts';
import { typeName } from '../fhir/resource-types.ts';
import type { Session } from './pool.ts';
import { join, raw, sql, type Sql } from './sql.ts';
import { arrayLiteral } from './arrays.ts';

export interface Candidate {
  readonly type: number;
  readonly id: string;
  readonly rid: string;
  readonly version: number;
  /** FHIR instant. */
  readonly lastUpdated: string;
  readonly index: IndexRows;
}

/** For each candidate, whether it would meet the access to its type. */
export async function visibleAsIf(
  session: Session,
  candidates: readonly Candidate[],
  access: Access,
): Promise<boolean[]> {
  if (candidates.length === 0) return [];
  const { tenant } = session;
  const types = [...new Set(candidates.map(({ type }) => typeName(type)))];
  const rows = await session.query<{ ord: number }>(sql`
    with ${candidateTable(candidates)}, ${resourceTable(tenant)}, ${versionTable(tenant)},
      ${join(
        indexTables.map((table) => joinedTable(table, candidates, tenant)),
        ', ',
      )}
    select (-r.rid - 1)::int4 as ord from resource r
    where r.tenant_id = ${tenant} and r.rid < 0
      and (${visibleSql(types, raw('r'), makeScope(tenant, access, { probing: true, named: true }))})`);
  const visible = new Set(rows.map(({ ord }) => ord));
  return candidates.map((_, ord) => visible.has(ord));
}

const ownColumns = resourceColumns.map(({ name }) => name).join(', ');

function candidateTable(candidates: readonly Candidate[]): Sql {
  const column = (of: (candidate: Candidate) => unknown): string => arrayLiteral(candidates.map(of));
  const own = resourceColumns.map(({ type }, i) => sql`${column(({ index }) => index.columns[i])}::${raw(type)}[]`);
  return sql`candidate as materialized (
    select -u.place as rid, u.type, u.fhir_id, u.real_rid, u.ver, u.last_updated, ${raw(ownColumns)}
    from unnest(${column(({ type }) => type)}::int2[], ${column(({ id }) => id)}::text[],
      ${column(({ rid }) => rid)}::int8[], ${column(({ version }) => version)}::int4[],
      ${column(({ lastUpdated }) => lastUpdated)}::timestamptz[], ${join(own, ', ')})
      with ordinality as u(type, fhir_id, real_rid, ver, last_updated, ${raw(ownColumns)}, place))`;
}

function resourceTable(tenant: number): Sql {
  return sql`resource as not materialized (
    select tenant_id, type, fhir_id, rid, ver, last_updated, deleted, ${raw(ownColumns)} from resource
    where tenant_id = ${tenant}
    union all
    select ${tenant}::int4, type, fhir_id collate "C", rid, ver, last_updated, true, ${raw(candidateColumns)} from candidate)`;
}

/** Texts compare as in the tables. */
const candidateColumns = resourceColumns
  .map(({ name, type }) => (type === 'text' ? `${name} collate "C"` : name))
  .join(', ');

function versionTable(tenant: number): Sql {
  return sql`resource_version as not materialized (
    select tenant_id, rid, ver, type, last_updated, method, content, exact from resource_version
    where tenant_id = ${tenant}
    union all
    select v.tenant_id, c.rid, v.ver, v.type, v.last_updated, v.method, v.content, v.exact
    from candidate c join resource_version v on v.tenant_id = ${tenant} and v.rid = c.real_rid and v.ver = c.ver)`;
}

function joinedTable({ name, columns }: IndexTable, candidates: readonly Candidate[], tenant: number): Sql {
  const rows = candidates.flatMap(({ index }, ord) =>
    (index.tables[name] ?? []).map((row) => ({ rid: -ord - 1, row })),
  );
  const list = columns.map((column) => column.name).join(', ');
  const texts = columns
    .map((column) => (column.type === 'text' ? `${column.name} collate "C"` : column.name))
    .join(', ');
  const arrays = columns.map(({ type }, i) => sql`${arrayLiteral(rows.map(({ row }) => row[i]))}::${raw(type)}[]`);
  return sql`${raw(name)} as not materialized (
    select tenant_id, rid, ${raw(list)} from ${raw(name)} where tenant_id = ${tenant}
    union all
    select ${tenant}::int4, u.rid, ${raw(texts)}
    from unnest(${arrayLiteral(rows.map(({ rid }) => rid))}::int8[], ${join(arrays, ', ')}) as u(rid, ${raw(list)}))`;
}
