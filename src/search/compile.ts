/**
 * Search → SQL. Pure. A page is one statement: the rows of the page first, from narrow tables, then their content.
 * strategy.ts decides from which rows it starts.
 */
import { join, raw, sql, type Sql } from '../store/sql.ts';
import { and, type Condition, type RowLeaf, type Search } from './ast.ts';
import { conditionSql, setSql, visibleSql } from './compile-condition.ts';
import { afterSql, isIndexOrder, orderKeys, orderSql, type Key } from './order.ts';
import { rowCondition, tableSql } from './row-sql.ts';
import { makeScope, type Scope } from './scope.ts';
import { both } from './sql-list.ts';
import {
  candidates,
  driverOf,
  isLeafStream,
  isSelective,
  isSet,
  partsOf,
  smallSet,
  streamsOf,
  type Stream,
} from './strategy.ts';

/** Where a page begins: after (`next`) or before (`previous`) a row with these values of the order. */
export interface Position {
  readonly direction: 'next' | 'previous';
  readonly values: readonly (string | null)[];
}

/** A candidate that turned out small: the resources that meet it. */
export interface SmallSet {
  readonly condition: Condition;
  readonly rids: readonly string[];
}

export interface PageOptions {
  readonly limit: number;
  readonly position?: Position | undefined;
  /** What counting the candidates gave; absent where they were not counted. */
  readonly counted?: { readonly small: SmallSet | undefined };
}

const row = raw('r');

/** The rids of each candidate, up to `smallSet` + 1, with its place in the list; nothing to ask where there are none. */
export function compileCandidates(search: Search, tenant: number): Sql | undefined {
  const scope = makeScope(tenant, search.access);
  const sets = candidates(search).map(
    (condition, i) =>
      sql`(select ${i}::int4 as part, s.rid from (${setSql(condition, scope)}) s limit ${smallSet + 1})`,
  );
  return sets.length === 0 ? undefined : join(sets, ' union all ');
}

/** The smallest of the candidates, if it is small. */
export function smallestSet(search: Search, rows: readonly { part: number; rid: string }[]): SmallSet | undefined {
  const rids = candidates(search).map((): string[] => []);
  for (const { part, rid } of rows) rids[part]?.push(rid);
  const sets = candidates(search).map((condition, i) => ({ condition, rids: rids[i] ?? [] }));
  return sets.filter((set) => set.rids.length <= smallSet).sort((a, b) => a.rids.length - b.rids.length)[0];
}

/** The rows of a page: `storedColumns` of the store, then the values of the order as k0, k1, … in text. */
export function compileSearch(search: Search, tenant: number, options: PageOptions): Sql {
  const { limit, position } = options;
  const scope = makeScope(tenant, search.access, isProbing(search, options));
  const keys = orderKeys(search, row, scope);
  const reverse = position?.direction === 'previous';
  const names = keys.map((_, i) => raw(`p.k${i}`));
  const texts = names.map((name, i) => sql`${name}::text as k${raw(String(i))}`);
  return sql`select p.type, p.fhir_id, p.rid, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text,
    ${join(texts, ', ')}
    from (${rowsSql(search, options, { keys, scope, limit, position, reverse })}) p
    join resource_version v on v.tenant_id = ${tenant} and v.rid = p.rid and v.ver = p.ver
    order by ${orderSql(keys, names, reverse)}`;
}

/** Whether something else finds the rows, so that conditions are only checked on them. */
function isProbing(search: Search, { counted }: PageOptions): boolean {
  if (counted?.small !== undefined || partsOf(search.condition).some(isSelective)) return true;
  if (isStreamable(search)) return true;
  // Rows in the order of an index are scanned; where sets were not counted they may be rare, and PostgreSQL decides.
  return isScannable(search) && (counted !== undefined || !partsOf(search.condition).some(isSet));
}

/** Orders that an index of the table resource has. */
function isScannable(search: Search): boolean {
  const [key, second] = search.sort;
  return isIndexOrder(search) || (second === undefined && key?.name === '_lastUpdated' && search.types.length === 1);
}

function isStreamable(search: Search): boolean {
  return isIndexOrder(search) && driverOf(partsOf(search.condition)) !== undefined;
}

interface Rows {
  readonly keys: readonly Key[];
  readonly scope: Scope;
  readonly limit: number;
  readonly position: Position | undefined;
  readonly reverse: boolean;
}

function rowsSql(search: Search, { counted }: PageOptions, rows: Rows): Sql {
  const parts = partsOf(search.condition);
  const small = counted?.small;
  if (small !== undefined) {
    const rest = parts.filter((part) => part !== small.condition);
    return plainRows(search, { rest, rids: small.rids }, rows);
  }
  const driver = isStreamable(search) && !parts.some(isSelective) ? driverOf(parts) : undefined;
  const stream = driver && streamsOf(driver);
  if (driver === undefined || stream === undefined) return plainRows(search, { rest: parts, rids: undefined }, rows);
  const rest = parts.filter((part) => part !== driver || !isLeafStream(part));
  return streamedRows(search, { stream, rest }, rows);
}

function columns(keys: readonly Key[], expressions: readonly Sql[]): Sql {
  const named = keys.map((_, i) => sql`${expressions[i] ?? raw('')} as k${raw(String(i))}`);
  return sql`r.type, r.fhir_id, r.rid, r.ver, ${join(named, ', ')}`;
}

interface Plain {
  readonly rest: readonly Condition[];
  readonly rids: readonly string[] | undefined;
}

function plainRows(search: Search, { rest, rids }: Plain, { keys, scope, limit, position, reverse }: Rows): Sql {
  const expressions = keys.map(({ expression }) => expression);
  const among = rids === undefined ? sql`` : sql` and r.rid = any(${rids}::int8[])`;
  const where = sql`r.tenant_id = ${scope.tenant} and not r.deleted${among} and ${visibleSql(search.types, row, scope)}
    and ${conditionSql(and(rest), row, scope)}`;
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

interface Streamed {
  readonly stream: Stream;
  readonly rest: readonly Condition[];
}

/** `distinct on`: a resource may have the code in several rows, which are neighbours in this order. */
function streamedRows(
  search: Search,
  { stream, rest }: Streamed,
  { keys, scope, limit, position, reverse }: Rows,
): Sql {
  const expressions = [sql`d.date`, sql`d.rid`];
  const after = position === undefined ? sql`` : sql` and ${afterSql(keys, expressions, position.values, reverse)}`;
  const dated = { ...scope, date: sql`d.date` };
  return sql`select distinct on (d.date, d.rid) ${columns(keys, expressions)} from ${streamSql(stream, scope)}
    join resource r on r.tenant_id = ${scope.tenant} and r.rid = d.rid
    where d.tenant_id = ${scope.tenant}${after}
      and not r.deleted and ${visibleSql(search.types, row, dated)} and ${conditionSql(and(rest), row, dated)}
    order by ${orderSql(keys, expressions, reverse)} limit ${limit}`;
}

/** One range of the index, or several that are merged in order. */
function streamSql(stream: readonly RowLeaf[], scope: Scope): Sql {
  const ranges = stream.map((leaf, i) => {
    const found = rowCondition(leaf);
    const alias = raw(`d${i}`);
    return sql`select ${alias}.tenant_id, ${alias}.date, ${alias}.rid from ${tableSql(found)} ${alias}
      where ${alias}.tenant_id = ${scope.tenant} and ${found.where(alias)}`;
  });
  return sql`(${join(ranges, ' union all ')}) d`;
}

/** How many match; counts no further than `most`. */
export function compileCount(search: Search, tenant: number, most?: number): Sql {
  const matching = countedSql(search, tenant);
  return most === undefined
    ? sql`select count(*)::int8 as total from (${matching}) m`
    : sql`select count(*)::int8 as total from (${matching} limit ${most}) m`;
}

/** A single token is counted in its index alone: its rows are of live resources of one type. */
function countedSql(search: Search, tenant: number): Sql {
  const scope = makeScope(tenant, search.access);
  const stream = isLeafStream(search.condition) ? streamsOf(search.condition) : undefined;
  const [only] = search.types;
  if (stream !== undefined && search.types.length === 1 && search.access(only ?? '')?.kind === 'all') {
    return sql`select distinct d.date, d.rid from ${streamSql(stream, scope)}`;
  }
  return sql`select from resource r where r.tenant_id = ${tenant} and not r.deleted
    and ${both([visibleSql(search.types, row, scope), conditionSql(search.condition, row, scope)])}`;
}
