/**
 * How a reference finds its target: by type and id, or, a canonical, by the target's url and version.
 * https://hl7.org/fhir/R4/references.html#canonical
 */
import { sql, type Sql } from '../store/sql.ts';
import { hash32 } from './hash.ts';
import type { ParameterPath } from './parameters.ts';
import type { Scope } from './scope.ts';
import { anyOf } from './sql-list.ts';

function isCanonical({ path }: ParameterPath): boolean {
  return path.elementTypes.includes('canonical');
}

export interface Ends {
  /** Names for the row of search_reference and for the target's row of resource. */
  readonly link: Sql;
  readonly target: Sql;
}

export interface Linking {
  readonly paths: readonly ParameterPath[];
  /** The two tables joined, for a `from`. `types` are those the target may have. */
  readonly tables: (ends: Ends, types: readonly string[], scope: Scope) => Sql;
}

/** Paths with literal references and paths with canonicals find their targets in different ways. */
export function linkings(paths: readonly ParameterPath[]): Linking[] {
  const canonical = paths.filter(isCanonical);
  const literal = paths.filter((path) => !isCanonical(path));
  return [
    ...(literal.length > 0 ? [{ paths: literal, tables: literalTables }] : []),
    ...(canonical.length > 0 ? [{ paths: canonical, tables: canonicalTables }] : []),
  ];
}

function literalTables({ link, target }: Ends, _types: readonly string[], scope: Scope): Sql {
  return sql`search_reference ${link} join resource ${target}
    on ${target}.tenant_id = ${scope.tenant} and ${target}.type = ${link}.type and ${target}.fhir_id = ${link}.id`;
}

/** The paths of `url` and `version` of each type have numbers of their own. */
function canonicalTables({ link, target }: Ends, types: readonly string[], scope: Scope): Sql {
  const [url, version] = [scope.alias('u'), scope.alias('u')];
  const urls = types.map((type) => hash32(`uri:${type}.url`));
  const versions = types.map((type) => hash32(`token:${type}.version`));
  return sql`search_reference ${link} join search_string ${url}
    on ${url}.tenant_id = ${scope.tenant} and ${url}.param = any(${urls}::int4[]) and ${url}.value = ${link}.id
      and ${link}.type is null and (${link}.version is null or exists (select from search_token ${version}
        where ${version}.tenant_id = ${scope.tenant} and ${version}.rid = ${url}.rid
          and ${version}.param = any(${versions}::int4[]) and ${version}.value = ${link}.version))
    join resource ${target} on ${target}.tenant_id = ${scope.tenant} and ${target}.rid = ${url}.rid`;
}

/** Rows that one of the paths made. */
export function ofPaths(row: Sql, paths: readonly ParameterPath[]): Sql {
  return anyOf(sql`${row}.param`, [...new Set(paths.map(({ path }) => path.param))], 'int4');
}
