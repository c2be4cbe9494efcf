/**
 * Whether a resource belongs to a patient whose data may not be used (table restriction), as SQL on its row. It belongs to
 * the patient of its column and to each that a path of the compartment names, as for consents (consent-sql.ts); none of
 * them may be restricted.
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { sql, type Sql } from '../store/sql.ts';
import { consentPaths } from './consent-condition.ts';
import type { Scope } from './scope.ts';
import { anyOf } from './sql-list.ts';

export interface RestrictedCondition {
  readonly kind: 'restricted';
  /** Patients whose restriction does not bind: the one who asks himself, those of an emergency. */
  readonly unbound: readonly string[];
}

export function restrictedSql({ unbound }: RestrictedCondition, row: Sql, scope: Scope): Sql {
  const link = scope.alias('f');
  const inForce = (patient: Sql): Sql => {
    const one = scope.alias('x');
    return sql`exists (select from restriction ${one} where ${one}.tenant_id = ${scope.tenant}
      and ${one}.patient = ${patient} and ${one}.lifted is null and not ${one}.patient = any(${unbound}::text[]) offset 0)`;
  };
  return sql`not (${inForce(sql`${row}.patient`)} or exists (select from search_reference ${link}
    where ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${row}.rid
      and ${link}.type = ${typeNumber('Patient')}::int2 and ${anyOf(sql`${link}.param`, consentPaths().members, 'int4')}
      and ${inForce(sql`${link}.id`)} offset 0))`;
}
