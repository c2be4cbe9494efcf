/**
 * Conditions on one row of an index table, as SQL: which table, and what must hold of the row `alias`.
 *
 * Only comparisons that are leakproof stand where an index should be used (see migrations/0002-search.sql); the exact
 * recheck of numbers with numeric is a filter on rows already found.
 */
import { raw, sql, type Sql } from '../store/sql.ts';
import type { RowLeaf } from './ast.ts';
import { dateSql } from './date-sql.ts';
import { hash32 } from './hash.ts';
import type { ParameterPath } from './parameters.ts';
import { numberSql, quantitySql } from './quantity-sql.ts';
import { referenceSql } from './reference-sql.ts';
import { stringSql, uriSql } from './string-sql.ts';
import { identifierPath, ofTypeKey, textParam } from './token-rows.ts';
import type { Scope } from './scope.ts';
import { anyOf, either } from './sql-list.ts';
import { tokenSql } from './token-sql.ts';

export interface RowCondition {
  readonly table: string;
  readonly where: (alias: Sql) => Sql;
  /** The row's `date` repeats the resource's date_low: comparing both finds the row through the index in one step. */
  readonly dated: boolean;
}

const params = (paths: readonly ParameterPath[]): number[] => paths.map(({ path }) => path.param);

export function rowCondition(leaf: RowLeaf): RowCondition {
  switch (leaf.kind) {
    case 'token':
      return {
        table: 'search_token',
        dated: true,
        where: (alias) =>
          tokenSql(
            alias,
            leaf.paths.map(({ path }) => path),
            leaf.values,
          ),
      };
    case 'reference-identifier': {
      const paths = leaf.paths.map(({ path }) => identifierPath(path));
      return { table: 'search_token', dated: true, where: (alias) => tokenSql(alias, paths, leaf.values) };
    }
    case 'of-type': {
      const keys = leaf.paths.flatMap(({ path }) =>
        leaf.values.map(({ system, code, value }) => ofTypeKey(path, system, code, value)),
      );
      return { table: 'search_token', dated: true, where: (alias) => anyOf(sql`${alias}.key`, keys, 'int8') };
    }
    case 'token-text': {
      const texts = leaf.paths.map(({ path }) => textParam(path));
      return {
        table: 'search_string',
        dated: false,
        where: (alias) => stringSql(alias, texts, { mode: 'starts', values: leaf.values }),
      };
    }
    case 'string':
      return { table: 'search_string', dated: false, where: (alias) => stringSql(alias, params(leaf.paths), leaf) };
    case 'uri':
      return { table: 'search_string', dated: false, where: (alias) => uriSql(alias, params(leaf.paths), leaf) };
    case 'date':
      return {
        table: 'search_date',
        dated: false,
        where: (alias) =>
          sql`${anyOf(sql`${alias}.param`, params(leaf.paths), 'int4')} and ${either(
            leaf.values.map((value) => dateSql({ low: sql`${alias}.low`, high: sql`${alias}.high` }, value)),
          )}`,
      };
    case 'number':
      return {
        table: 'search_quantity',
        dated: false,
        where: (alias) => numberSql(alias, params(leaf.paths), leaf.values),
      };
    case 'quantity':
      return {
        table: 'search_quantity',
        dated: false,
        where: (alias) => quantitySql(alias, params(leaf.paths), leaf.values),
      };
    case 'reference':
      return { table: 'search_reference', dated: true, where: (alias) => referenceSql(alias, leaf.paths, leaf.values) };
  }
}

/** The index tables that hold values of a parameter, for :missing. */
export function presence(paths: readonly ParameterPath[]): RowCondition[] {
  const tables = new Map<string, number[]>();
  const note = (table: string, param: number): void => {
    tables.set(table, [...(tables.get(table) ?? []), param]);
  };
  for (const { path } of paths) {
    note(tableOf[path.type] ?? 'search_token', path.param);
    if (path.type === 'token') note('search_string', textParam(path));
    if (path.type === 'reference') note('search_token', hash32(`identifier:${path.key}`));
  }
  return [...tables].map(([table, numbers]) => ({
    table,
    dated: false,
    where: (alias: Sql) => anyOf(sql`${alias}.param`, numbers, 'int4'),
  }));
}

const tableOf: Readonly<Record<string, string>> = {
  token: 'search_token',
  reference: 'search_reference',
  string: 'search_string',
  uri: 'search_string',
  date: 'search_date',
  number: 'search_quantity',
  quantity: 'search_quantity',
};

export function tableSql(condition: RowCondition): Sql {
  return raw(condition.table);
}

/** Whether the resource of a row has such an index row. */
export function exists(row: Sql, found: RowCondition, scope: Scope): Sql {
  const alias = scope.alias('i');
  const { rid, date } =
    scope.streamed?.row === row ? scope.streamed : { rid: sql`${row}.rid`, date: sql`${row}.date_low` };
  const dated = found.dated ? sql` and ${alias}.date = ${date}` : sql``;
  return sql`exists (select from ${tableSql(found)} ${alias} where ${alias}.tenant_id = ${scope.tenant}
    and ${alias}.rid = ${rid}${dated} and ${found.where(alias)}${probe(scope)})`;
}

/** `offset 0` keeps PostgreSQL from joining (scope.ts). */
export function probe({ probing }: Scope): Sql {
  return probing ? sql` offset 0` : sql``;
}
