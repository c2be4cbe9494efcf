/**
 * Whether a caller is cleared for the confidentiality labels of a resource, as SQL on its row: the rows of meta.security
 * in search_token, read by rid. One condition for all types: 148 of them, one a type, took seconds in one statement.
 */
import { resourceTypes } from '../fhir/resource-types.ts';
import { sql, type Sql } from '../store/sql.ts';
import { hash64 } from './hash.ts';
import { standardParameters } from './parameters.ts';
import type { Scope } from './scope.ts';

export interface LabelsCondition {
  readonly kind: 'labels';
  /** Codes that the caller may see, in lower case, of a system with these codes and these names. */
  readonly cleared: readonly string[];
  readonly codes: readonly string[];
  readonly systems: readonly string[];
  /** Whether a resource without such a label may be seen. */
  readonly unlabelled: boolean;
}

export function labelsSql({ cleared, codes, systems, unlabelled }: LabelsCondition, row: Sql, scope: Scope): Sql {
  const label = scope.alias('i');
  const labels = (which: Sql): Sql => sql`exists (select from search_token ${label}
    where ${label}.tenant_id = ${scope.tenant} and ${label}.rid = ${row}.rid and ${which}
      and (${label}.system = any(${systems.map(hash64)}::int8[]) or (${label}.system is null and lower(${label}.value) = any(${codes}::text[])))
      and ${label}.param = any(${securityPaths()}::int4[]) offset 0)`;
  const foreign = sql`not ${labels(sql`not lower(${label}.value) = any(${cleared}::text[])`)}`;
  if (unlabelled) return foreign;
  return sql`(${foreign} and ${labels(sql`lower(${label}.value) = any(${cleared}::text[])`)})`;
}

/** The codes that label a resource, as it is now: `label`, one row each. */
export function labelsOfSql(
  { codes, systems }: Pick<LabelsCondition, 'codes' | 'systems'>,
  rid: Sql,
  tenant: number,
): Sql {
  return sql`select distinct upper(i.value) as label from search_token i
    where i.tenant_id = ${tenant} and i.rid = ${rid} and i.param = any(${securityPaths()}::int4[])
      and (i.system = any(${systems.map(hash64)}::int8[]) or (i.system is null and lower(i.value) = any(${codes}::text[])))`;
}

let known: readonly number[] | undefined;

function securityPaths(): readonly number[] {
  return (known ??= resourceTypes.flatMap(
    (type) =>
      standardParameters(type)
        .byName.get('_security')
        ?.paths.map(({ path }) => path.param) ?? [],
  ));
}
