/**
 * Search → SQL. Pure. A page is one statement: the rows of the page first, from narrow tables, then their content.
 * strategy.ts decides from which rows it starts.
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { join, raw, sql, type Sql } from '../store/sql.ts';
import { and, none, type Condition, type RowLeaf, type Search } from './ast.ts';
import { conditionSql, everythingSet, visibleSql } from './compile-condition.ts';
import { setSql } from './compile-set.ts';
import { noDate } from './interval.ts';
import {
  afterSql,
  isIndexOrder,
  orderKeys,
  orderSql,
  segmentOrder,
  segmentsOf,
  segmentSql,
  type Key,
  type Segment,
} from './order.ts';
import { rowCondition, tableSql } from './row-sql.ts';
import { makeScope, type Scope } from './scope.ts';
import { anyOf, both } from './sql-list.ts';
import { candidates, driverOf, isLeafStream, isSet, partsOf, patientOf, startsFromFew, streamsOf } from './strategy.ts';

/** Where a page begins: after (`next`) or before (`previous`) a row with these values of the order. */
export interface Position {
  readonly direction: 'next' | 'previous';
  readonly values: readonly (string | null)[];
}

/** A candidate that turned out small: the resources that meet it, as PostgreSQL writes an array. */
export interface SmallSet {
  readonly condition: Condition;
  readonly rids: string;
}

export interface PageOptions {
  readonly limit: number;
  readonly position?: Position | undefined;
  /** What counting the candidates gave; absent where they were not counted. */
  readonly counted?: { readonly small: SmallSet | undefined };
  /** Look no further into each range of a stream, or a scan, than this: a page that is not full must be thrown away. */
  readonly tried?: number;
}

const row = raw('r');

/**
 * The smallest of the candidates, if it has no more than `most` rids; nothing to ask where there are no candidates. The
 * rids stay text, which the page gets back as it came: 8,000 of them as rows cost 4 ms only to be read.
 */
export function compileCandidates(search: Search, tenant: number, most: number): Sql | undefined {
  const scope = makeScope(tenant, search.access, { smallSet: most });
  const sets = candidates(search).map(
    (condition, i) => sql`(select ${i}::int4 as part, count(*) as size, coalesce(array_agg(c.rid), '{}')::text as rids
      from (select s.rid from (${setSql(condition, scope)}) s limit ${most + 1}) c
      having count(*) <= ${most} and count(*) = count(c.rid))`,
  );
  return sets.length === 0
    ? undefined
    : sql`select q.part, q.rids from (${join(sets, ' union all ')}) q order by q.size limit 1`;
}

export interface SetRow {
  /** Which candidate. */
  readonly part: number;
  readonly rids: string;
}

/** The candidate that `compileCandidates` found. */
export function smallestSet(search: Search, [row]: readonly SetRow[]): SmallSet | undefined {
  const condition = row && candidates(search)[row.part];
  return condition && { condition, rids: row.rids };
}

/** The rows of a page: `storedColumns` of the store, then the values of the order as k0, k1, … in text. */
export function compileSearch(search: Search, tenant: number, options: PageOptions): Sql {
  const { limit, position } = options;
  const scope = makeScope(tenant, search.access, { probing: isProbing(search, options), patient: patientOf(search) });
  const keys = orderKeys(search, row, scope);
  const reverse = position?.direction === 'previous';
  const names = keys.map((_, i) => raw(`p.k${i}`));
  const texts = names.map((name, i) => sql`${name}::text as k${raw(String(i))}`);
  return sql`select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text,
    ${join(texts, ', ')}
    from (${rowsSql(search, options, { keys, scope, limit, position, reverse, tried: options.tried })}) p
    join resource_version v on v.tenant_id = ${tenant} and v.rid = p.rid and v.ver = p.ver
    order by ${orderSql(keys, names, reverse)}`;
}

/** Whether something else finds the rows, so that conditions are only checked on them. */
function isProbing(search: Search, { counted, tried }: PageOptions): boolean {
  if (counted?.small !== undefined || tried !== undefined || startsFromFew(search)) return true;
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
  readonly tried: number | undefined;
}

function rowsSql(search: Search, { counted }: PageOptions, rows: Rows): Sql {
  const parts = partsOf(search.condition);
  const small = counted?.small;
  if (small !== undefined) {
    const rest = parts.filter((part) => part !== small.condition);
    return sortedRows(search, { rest, rids: small.rids }, rows);
  }
  if (!isIndexOrder(search) || startsFromFew(search)) return sortedRows(search, { rest: parts, rids: undefined }, rows);
  const driver = driverOf(parts);
  const stream = driver && streamsOf(driver);
  if (driver === undefined || stream === undefined) {
    return rows.scope.probing
      ? mergedRows(search, { stream: [undefined], rest: parts }, rows)
      : sortedRows(search, { rest: parts, rids: undefined }, rows);
  }
  const rest = parts.filter((part) => part !== driver || !isLeafStream(part));
  return mergedRows(search, { stream, rest }, rows);
}

function columns(keys: readonly Key[], expressions: readonly Sql[]): Sql {
  const named = keys.map((_, i) => sql`${expressions[i] ?? raw('')} as k${raw(String(i))}`);
  return sql`r.type, r.fhir_id, r.rid, r.patient, r.ver, ${join(named, ', ')}`;
}

interface Sorted {
  readonly rest: readonly Condition[];
  readonly rids: string | undefined;
}

function sortedRows(search: Search, { rest, rids }: Sorted, { keys, scope, limit, position, reverse }: Rows): Sql {
  const expressions = keys.map(({ expression }) => expression);
  const among = rids === undefined ? sql`` : sql` and r.rid = any(${rids}::int8[])`;
  const everything = rest.find((part) => part.kind === 'everything');
  const from = everything === undefined ? sql`resource r` : rowsOfSet(everythingSet(everything, scope), scope);
  const checked = rest.filter((part) => part !== everything);
  const where = sql`r.tenant_id = ${scope.tenant} and not r.deleted${among} and ${visibleSql(search.types, row, scope)}
    and ${conditionSql(and(checked), row, scope)}`;
  const computed = keys.some(({ nullable }) => nullable);
  if (!computed) {
    const after = position === undefined ? sql`` : sql` and ${afterSql(keys, expressions, position.values, reverse)}`;
    return sql`select ${columns(keys, expressions)} from ${from} where ${where}${after}
      order by ${orderSql(keys, expressions, reverse)} limit ${limit}`;
  }
  const names = keys.map((_, i) => raw(`q.k${i}`));
  const after = position === undefined ? sql`` : sql` where ${afterSql(keys, names, position.values, reverse)}`;
  return sql`select * from (select ${columns(keys, expressions)} from ${from} where ${where}) q${after}
    order by ${orderSql(keys, names, reverse)} limit ${limit}`;
}

/** Each row of a set by its own key, whatever PostgreSQL believes about how many there are. */
function rowsOfSet(rids: Sql, { tenant }: Scope): Sql {
  return sql`(${rids}) e cross join lateral
    (select * from resource r where r.tenant_id = ${tenant} and r.rid = e.rid offset 0) r`;
}

interface Merged {
  /** Ranges of an index of tokens or references; undefined for the rows of the type. */
  readonly stream: readonly (RowLeaf | undefined)[];
  readonly rest: readonly Condition[];
}

/**
 * Each range and segment read in order until it fills the page; of several the page is merged. Left to itself
 * PostgreSQL appends the ranges and sorts them all (three codes: 600 ms), because a generic plan expects 29 rows of each.
 */
function mergedRows(search: Search, { stream, rest }: Merged, rows: Rows): Sql {
  const branches = stream.flatMap((leaf) =>
    segmentsOf(search).flatMap((segment) => branchSql(search, { leaf, segment, rest }, rows) ?? []),
  );
  const [only, second] = branches;
  if (only === undefined) return sortedRows(search, { rest: [none], rids: undefined }, rows);
  if (second === undefined) return only;
  const names = [sql`q.k0`, sql`q.k1`];
  return sql`select distinct on (q.k0, q.k1) q.* from (${join(
    branches.map((branch) => sql`(${branch})`),
    ' union all ',
  )}) q
    order by ${orderSql(rows.keys, names, rows.reverse)} limit ${rows.limit}`;
}

interface Branch {
  readonly leaf: RowLeaf | undefined;
  readonly segment: Segment;
  readonly rest: readonly Condition[];
}

function branchSql(search: Search, { leaf, segment, rest }: Branch, rows: Rows): Sql | undefined {
  const { scope, limit, position, reverse } = rows;
  const source = leaf === undefined ? raw('r') : raw('d');
  const date = leaf === undefined ? sql`r.date_low` : sql`d.date`;
  const page = { date, rid: sql`${source}.rid`, position: position?.values, reverse };
  const within = segmentSql(segment, page);
  if (within === undefined) return undefined;
  const order = segmentOrder(segment, page);
  const shown = segment === 'all' ? date : sql`nullif(${date}, ${noDate}::int8)`;
  const dated = { ...scope, date, ...(leaf !== undefined && { streamed: { row, rid: page.rid, date } }) };
  const where = sql`${source}.tenant_id = ${scope.tenant}${within} and not r.deleted
    and ${visibleSql(search.types, row, dated)} and ${conditionSql(and(rest), row, dated)}`;
  const list = columns(rows.keys, [shown, page.rid]);
  // A resource may have the code in several rows, which are neighbours in this order.
  const distinct = leaf === undefined ? sql`` : sql`distinct on (d.date, d.rid) `;
  const from = leaf === undefined ? scanned(search, { within, order }, rows) : streamed(leaf, { within, order }, rows);
  return sql`select ${distinct}${list} from ${from} where ${where} order by ${order} limit ${limit}`;
}

interface Range {
  readonly within: Sql;
  readonly order: Sql;
}

/** The rows of the type, no more of them than are tried. */
function scanned({ types }: Search, { within, order }: Range, { scope, tried }: Rows): Sql {
  if (tried === undefined) return sql`resource r`;
  return sql`(select * from resource r where r.tenant_id = ${scope.tenant}
    and ${anyOf(sql`r.type`, types.map(typeNumber), 'int2')} and not r.deleted${within} order by ${order} limit ${tried}) r`;
}

/** The resources of a range of index rows, no more of these than are tried. */
function streamed(leaf: RowLeaf, { within, order }: Range, { scope, tried }: Rows): Sql {
  const found = rowCondition(leaf);
  const source = raw('d');
  if (tried === undefined) {
    return sql`${tableSql(found)} d join resource r on r.tenant_id = ${scope.tenant} and r.rid = d.rid
      and ${found.where(source)}`;
  }
  return sql`(select d.tenant_id, d.date, d.rid from ${tableSql(found)} d where d.tenant_id = ${scope.tenant}
      and ${found.where(source)}${within} order by ${order} limit ${tried}) d
    join resource r on r.tenant_id = ${scope.tenant} and r.rid = d.rid`;
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
  const scope = makeScope(tenant, search.access, { patient: patientOf(search) });
  const stream = isLeafStream(search.condition) ? streamsOf(search.condition) : undefined;
  const [only] = search.types;
  if (stream !== undefined && search.types.length === 1 && search.access(only ?? '')?.kind === 'all') {
    const ranges = stream.map((leaf) => {
      const found = rowCondition(leaf);
      return sql`select d.date, d.rid from ${tableSql(found)} d where d.tenant_id = ${tenant} and ${found.where(raw('d'))}`;
    });
    return sql`select distinct d.date, d.rid from (${join(ranges, ' union all ')}) d`;
  }
  const parts = partsOf(search.condition);
  const texts = parts.filter(isRead);
  const found = sql`from resource r where r.tenant_id = ${tenant} and not r.deleted
    and ${both([visibleSql(search.types, row, scope), conditionSql(and(parts.filter((part) => !isRead(part))), row, scope)])}`;
  if (texts.length === 0) return sql`select ${found}`;
  // Texts are read last: left to itself PostgreSQL may read all of a type and then ask for the code.
  return sql`select from (select r.* ${found} offset 0) r where ${conditionSql(and(texts), row, { ...scope, probing: true })}`;
}

/** Whether the whole text of each resource must be read for it. */
function isRead(part: Condition): boolean {
  return part.kind === 'words' && part.where === 'content';
}
