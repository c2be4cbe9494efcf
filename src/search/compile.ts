/**
 * Search → SQL. Pure. A page is one statement: the rows of the page first, from narrow tables, then their content.
 *
 * What drives the page decides its speed: where the order is that of the indexes (principal date, newest first), the one
 * most selective token or reference is joined as a stream in that order and everything else is checked on it, so that a
 * page costs what it shows, not what matches. Other orders are sorted by PostgreSQL.
 */
import { join, raw, sql, type Sql } from '../store/sql.ts';
import type { Condition, RowLeaf, Search } from './ast.ts';
import { conditionSql, visibleSql } from './compile-condition.ts';
import { afterSql, isIndexOrder, orderKeys, orderSql, type Key } from './order.ts';
import { rowCondition, tableSql } from './row-sql.ts';
import { makeScope, type Scope } from './scope.ts';
import { both } from './sql-list.ts';

/** Where a page begins: after (`next`) or before (`previous`) a row with these values of the order. */
export interface Position {
  readonly direction: 'next' | 'previous';
  readonly values: readonly (string | null)[];
}

/** The most rows a search statement may be asked for. */
export interface PageOptions {
  readonly limit: number;
  readonly position?: Position | undefined;
}

const row = raw('r');

/** The rows of a page: `storedColumns` of the store, then the values of the order as k0, k1, … in text. */
export function compileSearch(search: Search, tenant: number, { limit, position }: PageOptions): Sql {
  const scope = makeScope(tenant, search.access);
  const keys = orderKeys(search, row, scope);
  const reverse = position?.direction === 'previous';
  const names = keys.map((_, i) => raw(`p.k${i}`));
  return sql`select p.type, p.fhir_id, p.rid, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text,
    ${join(
      names.map((name, i) => sql`${name}::text as k${raw(String(i))}`),
      ', ',
    )}
    from (${rowsSql(search, { keys, scope, limit, position, reverse })}) p
    join resource_version v on v.tenant_id = ${tenant} and v.rid = p.rid and v.ver = p.ver
    order by ${orderSql(keys, names, reverse)}`;
}

interface Rows {
  readonly keys: readonly Key[];
  readonly scope: Scope;
  readonly limit: number;
  readonly position: Position | undefined;
  readonly reverse: boolean;
}

function rowsSql(search: Search, rows: Rows): Sql {
  const { driver, rest } = isIndexOrder(search)
    ? takeDriver(search.condition)
    : { driver: undefined, rest: search.condition };
  return driver === undefined ? plainRows(search, rest, rows) : streamedRows(search, { driver, rest }, rows);
}

function columns(keys: readonly Key[], expressions: readonly Sql[]): Sql {
  const named = keys.map((_, i) => sql`${expressions[i] ?? raw('')} as k${raw(String(i))}`);
  return sql`r.type, r.fhir_id, r.rid, r.ver, ${join(named, ', ')}`;
}

function plainRows(search: Search, condition: Condition, { keys, scope, limit, position, reverse }: Rows): Sql {
  const expressions = keys.map(({ expression }) => expression);
  const where = sql`r.tenant_id = ${scope.tenant} and not r.deleted and ${visibleSql(search.types, row, scope)}
    and ${conditionSql(condition, row, scope)}`;
  const computed = keys.some(({ nullable }) => nullable);
  if (!computed) {
    const after = position === undefined ? sql`` : sql` and ${afterSql(keys, expressions, position.values, reverse)}`;
    return sql`select ${columns(keys, expressions)} from resource r where ${where}${after}
      order by ${orderSql(keys, expressions, reverse)} limit ${limit}`;
  }
  const names = keys.map((_, i) => raw(`q.k${i}`));
  const after = position === undefined ? sql`` : sql` where ${afterSql(keys, names, position.values, reverse)}`;
  return sql`select * from (select ${columns(keys, expressions)} from resource r where ${where}) q${after}
    order by ${orderSql(keys, names, reverse)} limit ${limit}`;
}

/** `distinct on`: a resource may have the code in several rows, which are neighbours in this order. */
function streamedRows(search: Search, { driver, rest }: Driven, { keys, scope, limit, position, reverse }: Rows): Sql {
  const found = rowCondition(driver);
  const stream = raw('d');
  const expressions = [sql`d.date`, sql`d.rid`];
  const after = position === undefined ? sql`` : sql` and ${afterSql(keys, expressions, position.values, reverse)}`;
  return sql`select distinct on (d.date, d.rid) ${columns(keys, expressions)} from ${tableSql(found)} d
    join resource r on r.tenant_id = ${scope.tenant} and r.rid = d.rid
    where d.tenant_id = ${scope.tenant} and ${found.where(stream)}${after}
      and not r.deleted and ${visibleSql(search.types, row, scope)} and ${conditionSql(rest, row, scope)}
    order by ${orderSql(keys, expressions, reverse)} limit ${limit}`;
}

interface Driven {
  readonly driver: RowLeaf;
  readonly rest: Condition;
}

/** The most selective condition that streams in the order of the page, and what remains. */
function takeDriver(condition: Condition): { driver: RowLeaf | undefined; rest: Condition } {
  const parts = condition.kind === 'and' ? condition.parts : [condition];
  // What names a few resources at once is found first and sorted.
  if (parts.some(isSelective)) return { driver: undefined, rest: condition };
  const ranked = parts.filter(streams).sort((a, b) => selectivity(a) - selectivity(b));
  const driver = ranked[0];
  if (driver === undefined) return { driver: undefined, rest: condition };
  return { driver, rest: { kind: 'and', parts: parts.filter((part) => part !== driver) } };
}

function isSelective(part: Condition): boolean {
  if (part.kind === 'id' || part.kind === 'compartment' || part.kind === 'everything' || part.kind === 'list')
    return true;
  return (
    part.kind === 'reference' &&
    part.paths.every(({ path }) => path.column === 'patient') &&
    part.values.every(({ type }) => type === 'Patient')
  );
}

/** One value of one path: its rows are one range of the index, in the order of the page. */
function streams(part: Condition): part is RowLeaf {
  if (
    part.kind !== 'token' &&
    part.kind !== 'reference' &&
    part.kind !== 'of-type' &&
    part.kind !== 'reference-identifier'
  )
    return false;
  const [path, second] = part.paths;
  const [value, another] = part.values;
  if (path === undefined || second !== undefined || value === undefined || another !== undefined) return false;
  return path.path.column !== 'status' && !('code' in value && value.code === undefined);
}

/** A guess by kind: identifiers name one resource, references few, codes many, classes of things most. */
function selectivity(part: RowLeaf): number {
  const [path] = part.paths;
  if (part.kind === 'of-type' || part.kind === 'reference-identifier') return 0;
  if (path?.path.elementTypes.includes('Identifier')) return 0;
  if (part.kind === 'reference') return 1;
  if (path?.path.elementTypes.includes('ContactPoint')) return 1;
  return path?.path.key.endsWith('.code') === true ? 2 : 3;
}

/** How many match; counts no further than `most`. */
export function compileCount(search: Search, tenant: number, most?: number): Sql {
  const scope = makeScope(tenant, search.access);
  const matching = sql`from resource r where r.tenant_id = ${tenant} and not r.deleted
    and ${both([visibleSql(search.types, row, scope), conditionSql(search.condition, row, scope)])}`;
  return most === undefined
    ? sql`select count(*)::int8 as total ${matching}`
    : sql`select count(*)::int8 as total from (select ${matching} limit ${most}) m`;
}
