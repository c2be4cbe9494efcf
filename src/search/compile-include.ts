/**
 * `_include` and `_revinclude` as SQL: from the rids of the resources so far to those they refer to, or that refer to
 * them. One statement for all directives of one direction. https://hl7.org/fhir/R4/search.html#include
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { sql, raw, type Sql } from '../store/sql.ts';
import type { Include, Search } from './ast.ts';
import { accessSql, makeScope, type Scope } from './compile-condition.ts';
import { anyOf, either } from './sql-list.ts';

export interface IncludeStep {
  readonly includes: readonly Include[];
  /** Resources whose references are followed, or that are referred to. */
  readonly from: readonly string[];
  /** Resources already in the answer. */
  readonly known: readonly string[];
  readonly limit: number;
}

const link = raw('f');
const row = raw('r');

function linkSql(includes: readonly Include[]): Sql {
  return either(
    includes.flatMap((include) =>
      include.paths.map(({ path, target }) => {
        const type = include.target ?? target;
        const ofType = type === undefined ? sql`` : sql` and f.type = ${typeNumber(type)}::int2`;
        return sql`(${anyOf(sql`${link}.param`, [path.param], 'int4')}${ofType})`;
      }),
    ),
  );
}

/** Every type that may be read, with its access; `types` undefined: any. */
function visibleSql(types: readonly string[], scope: Scope): Sql {
  const open = types.filter((type) => scope.access(type)?.kind === 'all');
  const limited = types.filter((type) => !open.includes(type) && scope.access(type) !== undefined);
  return either([
    ...(open.length > 0 ? [sql`r.type = any(${open.map(typeNumber)}::int2[])`] : []),
    ...limited.map((type) => sql`(r.type = ${typeNumber(type)}::int2 and ${accessSql(type, row, scope)})`),
  ]);
}

/** What the resources refer to: columns as of the store, least rid first. */
export function compileInclude(search: Search, tenant: number, step: IncludeStep, types: readonly string[]): Sql {
  const scope = makeScope(tenant, search.access);
  return sql`${stored} from (
      select distinct r.type, r.fhir_id, r.rid, r.ver from search_reference f
      join resource r on r.tenant_id = ${tenant} and r.type = f.type and r.fhir_id = f.id
      where f.tenant_id = ${tenant} and f.rid = any(${step.from}::int8[]) and ${linkSql(step.includes)}
        and not r.deleted and ${visibleSql(types, scope)} and r.rid <> all(${step.known}::int8[])
      order by r.rid limit ${step.limit}
    ) p join resource_version v on v.tenant_id = ${tenant} and v.rid = p.rid and v.ver = p.ver order by p.rid`;
}

/** What refers to the resources. */
export function compileRevinclude(search: Search, tenant: number, step: IncludeStep): Sql {
  const scope = makeScope(tenant, search.access);
  const types = [...new Set(step.includes.map(({ source }) => source))];
  return sql`${stored} from (
      select distinct r.type, r.fhir_id, r.rid, r.ver from resource t
      join search_reference f on f.tenant_id = ${tenant} and f.id = t.fhir_id and f.type = t.type and ${linkSql(step.includes)}
      join resource r on r.tenant_id = ${tenant} and r.rid = f.rid
      where t.tenant_id = ${tenant} and t.rid = any(${step.from}::int8[])
        and not r.deleted and ${visibleSql(types, scope)} and r.rid <> all(${step.known}::int8[])
      order by r.rid limit ${step.limit}
    ) p join resource_version v on v.tenant_id = ${tenant} and v.rid = p.rid and v.ver = p.ver order by p.rid`;
}

const stored = sql`select p.type, p.fhir_id, p.rid, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text`;
