/** Strings and URIs as conditions on a row of search_string. */
import { sql, type Sql } from '../store/sql.ts';
import type { StringMode, UriLeaf } from './ast.ts';
import { fold } from './fold.ts';
import { anyOf, either } from './sql-list.ts';
import { cut } from './string-rows.ts';
import { ancestors } from './uri.ts';

interface Values<Mode> {
  readonly mode: Mode;
  readonly values: readonly string[];
}

export function stringSql(alias: Sql, params: readonly number[], { mode, values }: Values<StringMode>): Sql {
  const compare = { starts: startsSql, exact: exactSql, contains: containsSql }[mode];
  return sql`${anyOf(sql`${alias}.param`, params, 'int4')} and ${either(values.map((value) => compare(alias, value)))}`;
}

/** The least text that is greater than all that begin with this one; undefined where there is none. */
export function prefixEnd(text: string): string | undefined {
  const points = [...text];
  while (points.length > 0) {
    const last = points.pop()?.codePointAt(0) ?? 0;
    // The surrogates are no characters of UTF-8: the next one after U+D7FF is U+E000.
    if (last < 0x10ffff) return points.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

/** A range of the collation "C", which an index serves under row level security; LIKE it would not. */
function rangeSql(alias: Sql, prefix: string): Sql {
  const end = prefixEnd(prefix);
  return end === undefined
    ? sql`${alias}.value >= ${prefix}`
    : sql`(${alias}.value >= ${prefix} and ${alias}.value < ${end})`;
}

function startsSql(alias: Sql, value: string): Sql {
  const indexed = cut(value);
  if (indexed === value) return rangeSql(alias, value);
  return sql`(${rangeSql(alias, indexed)} and starts_with(${alias}.rest, ${value}))`;
}

function exactSql(alias: Sql, value: string): Sql {
  return sql`(${alias}.value = ${cut(fold(value))} and coalesce(${alias}.raw, ${alias}.value) = ${value})`;
}

function containsSql(alias: Sql, value: string): Sql {
  return sql`strpos(coalesce(${alias}.rest, ${alias}.value), ${value}) > 0`;
}

export function uriSql(alias: Sql, params: readonly number[], { mode, values }: Values<UriLeaf['mode']>): Sql {
  const compare = { equal: uriEqual, below: uriBelow, above: uriAbove }[mode];
  return sql`${anyOf(sql`${alias}.param`, params, 'int4')} and ${either(values.map((value) => compare(alias, value)))}`;
}

function uriEqual(alias: Sql, uri: string): Sql {
  const indexed = cut(uri);
  return indexed === uri
    ? sql`(${alias}.value = ${uri} and ${alias}.rest is null)`
    : sql`(${alias}.value = ${indexed} and ${alias}.rest = ${uri})`;
}

function uriBelow(alias: Sql, uri: string): Sql {
  const folder = uri.endsWith('/') ? uri : `${uri}/`;
  return sql`(${uriEqual(alias, uri)} or ${startsSql(alias, folder)})`;
}

function uriAbove(alias: Sql, uri: string): Sql {
  return either(ancestors(uri).map((ancestor) => uriEqual(alias, ancestor)));
}
