/**
 * The order of results: the sort keys, then the resource's number, so that the order is total and a page can begin
 * after any row. Missing values come last in both directions. https://hl7.org/fhir/R4/search.html#sort
 *
 * Without a sort parameter the order is that of the index which finds the rows: newest principal date first, or, where
 * types are mixed, last created first.
 */
import { join, raw, sql, type Sql } from '../store/sql.ts';
import type { Search, SortKey } from './ast.ts';
import { noDate } from './interval.ts';
import type { ParameterPath } from './parameters.ts';
import type { Scope } from './scope.ts';
import { anyOf } from './sql-list.ts';

/** A value that rows are ordered by. */
export interface Key {
  readonly expression: Sql;
  /** PostgreSQL type, for the value of a cursor. */
  readonly type: 'text' | 'int8' | 'float8' | 'timestamptz';
  readonly descending: boolean;
  readonly nullable: boolean;
}

/** By the principal date and the number, in either direction: what the indexes deliver. */
export function isIndexOrder(search: Search): boolean {
  if (search.sort.length === 0) return search.types.length === 1;
  const [key, second] = search.sort;
  return second === undefined && key !== undefined && isDateColumn(key);
}

/**
 * Newest first, resources without a date come last in the index too. Oldest first they would come first, so those with
 * a date and those without are read apart: two segments.
 */
export type Segment = 'all' | 'dated' | 'undated';

export function segmentsOf(search: Search): readonly Segment[] {
  const [key] = search.sort;
  return key === undefined || key.descending ? ['all'] : ['dated', 'undated'];
}

interface SegmentPage {
  readonly date: Sql;
  readonly rid: Sql;
  readonly position: readonly (string | null)[] | undefined;
  readonly reverse: boolean;
}

/** The rows of a segment that the page may show; undefined where none of it lies in that direction. */
export function segmentSql(segment: Segment, { date, rid, position, reverse }: SegmentPage): Sql | undefined {
  const [at = null, number = null] = position ?? [];
  const newest = segment === 'all';
  const operator = raw(newest !== reverse ? '<' : '>');
  const within = {
    all: sql``,
    dated: sql` and ${date} > ${noDate}::int8`,
    undated: sql` and ${date} = ${noDate}::int8`,
  }[segment];
  if (position === undefined) return within;
  if (segment === 'undated') {
    if (at !== null) return reverse ? undefined : within;
    return sql`${within} and ${rid} ${operator} ${number}::int8`;
  }
  if (at === null) return reverse ? within : undefined;
  return sql`${within} and (${date}, ${rid}) ${operator} (${at}::int8, ${number}::int8)`;
}

/** `date desc, rid desc` and its inverses; the date is constant among the undated. */
export function segmentOrder(segment: Segment, { date, rid, reverse }: SegmentPage): Sql {
  const direction = raw((segment === 'all') !== reverse ? 'desc' : 'asc');
  return sql`${date} ${direction}, ${rid} ${direction}`;
}

function isDateColumn({ parameter }: SortKey): boolean {
  const [only, second] = parameter?.paths ?? [];
  return second === undefined && only?.path.column === 'date';
}

export function orderKeys(search: Search, row: Sql, scope: Scope): Key[] {
  const number: Key = { expression: sql`${row}.rid`, type: 'int8', descending: true, nullable: false };
  if (search.sort.length === 0) {
    return search.types.length === 1 ? [dateKey(row), number] : [number];
  }
  const keys = search.sort.map((key) => keyOf(key, row, scope));
  return [...keys, { ...number, descending: search.sort[0]?.descending === true }];
}

function dateKey(row: Sql): Key {
  return { expression: sql`${row}.date_low`, type: 'int8', descending: true, nullable: false };
}

function keyOf(key: SortKey, row: Sql, scope: Scope): Key {
  const { descending, parameter, name } = key;
  if (parameter === undefined) {
    return name === '_id'
      ? { expression: sql`${row}.fhir_id`, type: 'text', descending, nullable: false }
      : { expression: sql`${row}.last_updated`, type: 'timestamptz', descending, nullable: false };
  }
  const [path, second] = parameter.paths;
  if (second === undefined && path?.path.column === 'date') {
    return descending
      ? dateKey(row)
      : { expression: sql`nullif(${row}.date_low, ${noDate}::int8)`, type: 'int8', descending, nullable: true };
  }
  if (second === undefined && path?.path.column === 'status') {
    return { expression: sql`${row}.status`, type: 'text', descending, nullable: true };
  }
  return { expression: extreme(key, row, scope), ...sources[parameter.type], descending, nullable: true } as Key;
}

/** Where a parameter has several values the least sorts ascending, the greatest descending. */
function extreme({ parameter, descending }: SortKey, row: Sql, scope: Scope): Sql {
  const source = sources[parameter?.type ?? ''] ?? noSource;
  const index = scope.alias('s');
  const aggregate = raw(descending ? 'max' : 'min');
  const params = (parameter?.paths ?? []).map(source.param);
  return sql`(select ${aggregate}(${source.value(index, descending)}) from ${raw(source.table)} ${index}
    where ${index}.tenant_id = ${scope.tenant} and ${index}.rid = ${row}.rid and ${anyOf(sql`${index}.param`, params, 'int4')})`;
}

interface Source {
  readonly table: string;
  readonly type: Key['type'];
  readonly param: (path: ParameterPath) => number;
  readonly value: (index: Sql, descending: boolean) => Sql;
}

const param = ({ path }: ParameterPath): number => path.param;
const noSource: Source = { table: 'search_string', type: 'text', param, value: (index) => sql`${index}.value` };

const sources: Readonly<Record<string, Source>> = {
  string: noSource,
  uri: noSource,
  token: { table: 'search_token', type: 'text', param, value: (index) => sql`${index}.value` },
  reference: { table: 'search_reference', type: 'text', param, value: (index) => sql`${index}.id` },
  date: {
    table: 'search_date',
    type: 'int8',
    param,
    value: (index, descending) => (descending ? sql`${index}.high` : sql`${index}.low`),
  },
  number: {
    table: 'search_quantity',
    type: 'float8',
    param,
    value: (index, descending) => (descending ? sql`${index}.high` : sql`${index}.low`),
  },
  quantity: {
    table: 'search_quantity',
    type: 'float8',
    param,
    value: (index, descending) => (descending ? sql`${index}.high` : sql`${index}.low`),
  },
};

/** `reverse` reads backwards, for the page before. */
export function orderSql(keys: readonly Key[], names: readonly Sql[], reverse: boolean): Sql {
  const parts = keys.map(({ descending, nullable }, i) => {
    const down = descending !== reverse;
    const nulls = nullable ? raw(reverse ? ' nulls first' : ' nulls last') : raw('');
    return sql`${names[i] ?? raw('')} ${raw(down ? 'desc' : 'asc')}${nulls}`;
  });
  return join(parts, ', ');
}

/** Rows after (or, reversed, before) the position. */
export function afterSql(
  keys: readonly Key[],
  names: readonly Sql[],
  position: readonly (string | null)[],
  reverse: boolean,
): Sql {
  const uniform = keys.every((key) => !key.nullable && key.descending === keys[0]?.descending);
  const bound = (i: number): Sql => sql`${position[i] ?? null}::${raw(keys[i]?.type ?? 'text')}`;
  if (uniform) {
    // One comparison of rows is one range of the index.
    const operator = raw((keys[0]?.descending === true) !== reverse ? '<' : '>');
    return sql`(${join([...names], ', ')}) ${operator} (${join(
      keys.map((_, i) => bound(i)),
      ', ',
    )})`;
  }
  const alternatives = keys.map((key, i) => {
    const same = keys.slice(0, i).map((_, j) => sql`${names[j] ?? raw('')} is not distinct from ${bound(j)}`);
    return sql`(${join([...same, beyond(key, { name: names[i] ?? raw(''), bound: bound(i), isNull: (position[i] ?? null) === null, reverse })], ' and ')})`;
  });
  return sql`(${join(alternatives, ' or ')})`;
}

interface Beyond {
  readonly name: Sql;
  readonly bound: Sql;
  readonly isNull: boolean;
  readonly reverse: boolean;
}

function beyond({ descending, nullable }: Key, { name, bound, isNull, reverse }: Beyond): Sql {
  if (isNull) return reverse ? sql`${name} is not null` : sql`false`;
  const operator = raw(descending !== reverse ? '<' : '>');
  return nullable && !reverse
    ? sql`(${name} ${operator} ${bound} or ${name} is null)`
    : sql`${name} ${operator} ${bound}`;
}
