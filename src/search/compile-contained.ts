/**
 * A search for contained resources (ast.ts, `Search.contained`) as SQL: their containers, or they themselves.
 *
 * 1. Both must be such as the caller may see: the contained resource by its type, its container as any resource.
 * 2. What matches is found first and ordered then: there is no index by the order of containers.
 */
import { join, raw, sql, type Sql } from '../store/sql.ts';
import { resourceTypes } from '../fhir/definitions.ts';
import type { Access, ContainedSearch, Search } from './ast.ts';
import { conditionSql, visibleSql } from './compile-condition.ts';
import type { PageOptions } from './compile.ts';
import { accessWithin } from './contained.ts';
import { afterSql, orderKeys, orderSql, type Key } from './order.ts';
import { makeScope, type Scope } from './scope.ts';

/** A search of contained resources. */
export type SearchWithin = Search & { readonly contained: ContainedSearch };

const row = raw('r');

/** The rows of a page, as `compileSearch`; of contained ones also `within_type` and `within_id`, and the container's text. */
export function compileContained(search: SearchWithin, tenant: number, { limit, position }: PageOptions): Sql {
  const scope = makeScope(tenant, search.access);
  const { keys, rows } = search.contained.as === 'container' ? containers(search, scope) : contents(search, scope);
  const names = keys.map((_, i) => raw(`p.k${i}`));
  const reverse = position?.direction === 'previous';
  const after = position === undefined ? sql`` : sql` where ${afterSql(keys, names, position.values, reverse)}`;
  const order = orderSql(keys, names, reverse);
  const texts = names.map((name, i) => sql`${name}::text as k${raw(String(i))}`);
  return sql`select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text,
    p.within_type, p.within_id, ${join(texts, ', ')}
    from (select * from (${rows}) p${after} order by ${order} limit ${limit}) p
    join resource_version v on v.tenant_id = ${tenant} and v.rid = p.holder and v.ver = p.ver
    order by ${order}`;
}

/** How many match; counts no further than `most`. */
export function countContained(search: SearchWithin, tenant: number, most?: number): Sql {
  const scope = makeScope(tenant, search.access);
  const { rows } = search.contained.as === 'container' ? containers(search, scope) : contents(search, scope);
  return most === undefined
    ? sql`select count(*)::int8 as total from (${rows}) m`
    : sql`select count(*)::int8 as total from (${rows} limit ${most}) m`;
}

interface Rows {
  readonly keys: readonly Key[];
  readonly rows: Sql;
}

function keyColumns(keys: readonly Key[]): Sql {
  return join(
    keys.map(({ expression }, i) => sql`${expression} as k${raw(String(i))}`),
    ', ',
  );
}

/** The types a container may have: those that the caller may see. */
function seen(access: Access): string[] {
  return resourceTypes.filter((type) => access(type) !== undefined);
}

/** Containers of what matches; with `both`, also what matches without being contained. */
function containers(search: SearchWithin, scope: Scope): Rows {
  const types = seen(search.access);
  const keys = orderKeys({ ...search, types }, row, scope);
  const holders = sql`select c.container from ${contentTables(raw('c'), scope)} where ${matching(search, raw('c'), scope)}`;
  const rids = search.contained.both
    ? sql`${holders} union all select m.rid from resource m where ${ordinary(search, raw('m'), scope)}`
    : holders;
  // As an array it is found once, and first: PostgreSQL would rather look through all resources in the order of the page.
  const rows = sql`select r.type, r.fhir_id, r.rid, r.patient, r.ver, r.rid as holder, null::int2 as within_type,
      null::text as within_id, ${keyColumns(keys)}
    from resource r where r.tenant_id = ${scope.tenant} and not r.deleted and ${visibleSql(types, row, scope)}
      and r.rid = any(array(${rids}))`;
  return { keys, rows };
}

/** What matches itself; with `both`, also what matches without being contained. */
function contents(search: SearchWithin, scope: Scope): Rows {
  const keys = orderKeys({ ...search, sort: search.contained.sort }, row, scope);
  const holder = raw('h');
  const inside = sql`select r.type, r.fhir_id, r.rid, h.patient, h.ver, h.rid as holder, h.type as within_type, h.fhir_id as within_id,
      ${keyColumns(keys)}
    from ${contentTables(row, scope)}
    where ${matching(search, row, scope)} and ${visibleSql(seen(search.access), holder, scope)}`;
  if (!search.contained.both) return { keys, rows: inside };
  const own = orderKeys(search, row, scope);
  const outside = sql`select r.type, r.fhir_id, r.rid, r.patient, r.ver, r.rid as holder, null::int2 as within_type,
      null::text as within_id, ${keyColumns(own)}
    from resource r where ${ordinary(search, row, scope)}`;
  return { keys, rows: sql`${inside} union all ${outside}` };
}

/** Contained resources with their containers, `h`. */
function contentTables(alias: Sql, scope: Scope): Sql {
  return sql`contained ${alias} join resource h
    on h.tenant_id = ${scope.tenant} and h.rid = ${alias}.container and h.ver = ${alias}.ver and not h.deleted`;
}

/** A row of the table `contained` matches, and the caller may see such resources. */
function matching({ types, access, contained }: SearchWithin, alias: Sql, scope: Scope): Sql {
  const within: Scope = { ...scope, access: accessWithin(access) };
  return sql`${alias}.tenant_id = ${scope.tenant} and ${visibleSql(types, alias, within)} and ${conditionSql(contained.condition, alias, scope)}`;
}

function ordinary({ types, condition }: SearchWithin, alias: Sql, scope: Scope): Sql {
  return sql`${alias}.tenant_id = ${scope.tenant} and not ${alias}.deleted
    and ${visibleSql(types, alias, scope)} and ${conditionSql(condition, alias, scope)}`;
}
