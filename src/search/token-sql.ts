/** Token values as a condition on a row of search_token. */
import { sql, type Sql } from '../store/sql.ts';
import type { TokenValue } from './ast.ts';
import { hash64 } from './hash.ts';
import { anyOf, either } from './sql-list.ts';
import { tokenKey } from './token-rows.ts';
import type { IndexedPath } from './parameters.ts';

export function tokenSql(alias: Sql, paths: readonly IndexedPath[], values: readonly TokenValue[]): Sql {
  const systems = new Map<string | null | undefined, string[]>();
  const parts: Sql[] = [];
  for (const { system, code } of values) {
    if (code === undefined) parts.push(systemOnly(alias, paths, system ?? ''));
    else systems.set(system, [...(systems.get(system) ?? []), code]);
  }
  for (const [system, codes] of systems) {
    const keys = paths.flatMap((path) => codes.map((code) => tokenKey(path, code)));
    parts.push(sql`${anyOf(sql`${alias}.key`, [...new Set(keys)], 'int8')}${systemSql(alias, system)}`);
  }
  return either(parts.length > 1 ? parts.map((part) => sql`(${part})`) : parts);
}

function systemSql(alias: Sql, system: string | null | undefined): Sql {
  if (system === undefined) return sql``;
  return system === null ? sql` and ${alias}.system is null` : sql` and ${alias}.system = ${hash64(system)}::int8`;
}

function systemOnly(alias: Sql, paths: readonly IndexedPath[], system: string): Sql {
  return sql`${anyOf(
    sql`${alias}.param`,
    paths.map(({ param }) => param),
    'int4',
  )} and ${alias}.system = ${hash64(system)}::int8`;
}
