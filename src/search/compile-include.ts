/**
 * `_include` and `_revinclude` as SQL: from the rids of the resources so far to those they refer to, or that refer to
 * them. One statement for all directives of one direction. https://hl7.org/fhir/R4/search.html#include
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { join, raw, sql, type Sql } from '../store/sql.ts';
import type { Include, Search } from './ast.ts';
import { visibleSql } from './compile-condition.ts';
import { linkings, type Linking } from './link-sql.ts';
import type { ParameterPath } from './parameters.ts';
import { makeScope, type Scope } from './scope.ts';
import { either } from './sql-list.ts';

export interface IncludeStep {
  readonly includes: readonly Include[];
  /** Resources whose references are followed, or that are referred to. */
  readonly from: readonly string[];
  /** Resources already in the answer. */
  readonly known: readonly string[];
  /** Types that may be found, or that are referred to. */
  readonly types: readonly string[];
  readonly limit: number;
}

const link = raw('f');
const row = raw('r');

/** What the resources refer to, least rid first: columns as of the store. */
export function compileInclude(search: Search, tenant: number, step: IncludeStep): Sql {
  const scope = makeScope(tenant, search.access);
  return found(
    step,
    scope,
    (linking) => sql`select r.type, r.fhir_id, r.rid, r.patient, r.ver
    from ${linking.tables({ link, target: row }, step.types, scope)}
    where f.tenant_id = ${tenant} and f.rid = any(${step.from}::int8[]) and ${linkSql(step.includes, linking.paths)}
      and not r.deleted and (${visibleSql(step.types, row, scope)}) and r.rid <> all(${step.known}::int8[])`,
  );
}

/** What refers to the resources. */
export function compileRevinclude(search: Search, tenant: number, step: IncludeStep): Sql {
  const scope = makeScope(tenant, search.access);
  const sources = [...new Set(step.includes.map(({ source }) => source))];
  return found(
    step,
    scope,
    (linking) => sql`select r.type, r.fhir_id, r.rid, r.patient, r.ver
    from ${linking.tables({ link, target: raw('t') }, step.types, scope)}
    join resource r on r.tenant_id = ${tenant} and r.rid = f.rid
    where f.tenant_id = ${tenant} and t.rid = any(${step.from}::int8[]) and ${linkSql(step.includes, linking.paths)}
      and not r.deleted and (${visibleSql(sources, row, scope)}) and r.rid <> all(${step.known}::int8[])`,
  );
}

function found(step: IncludeStep, scope: Scope, select: (linking: Linking) => Sql): Sql {
  const paths = new Map(step.includes.flatMap((include) => include.paths).map((path) => [path.path.param, path]));
  const selects = linkings([...paths.values()]).map(select);
  return sql`select p.type, p.fhir_id, p.rid, p.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text
    from (select distinct q.* from (${join(selects, ' union all ')}) q order by q.rid limit ${step.limit}) p
    join resource_version v on v.tenant_id = ${scope.tenant} and v.rid = p.rid and v.ver = p.ver order by p.rid`;
}

/** The references of the directives, each to the types that it asks for. */
function linkSql(includes: readonly Include[], paths: readonly ParameterPath[]): Sql {
  const linked = new Set(paths.map(({ path }) => path.param));
  const anyTarget = new Set<number>();
  const byTarget = new Map<string, Set<number>>();
  for (const include of includes) {
    for (const { path, target } of include.paths) {
      const type = include.target ?? target;
      if (!linked.has(path.param)) continue;
      if (type === undefined) anyTarget.add(path.param);
      else byTarget.set(type, (byTarget.get(type) ?? new Set<number>()).add(path.param));
    }
  }
  return either([
    ...(anyTarget.size > 0 ? [sql`f.param = any(${[...anyTarget]}::int4[])`] : []),
    ...[...byTarget].map(([type, params]) => targetSql(type, [...params])),
  ]);
}

/** A canonical has no type; there the resource found has it. */
function targetSql(type: string, params: readonly number[]): Sql {
  return sql`(f.param = any(${params}::int4[]) and (f.type = ${typeNumber(type)}::int2 or f.type is null))`;
}
