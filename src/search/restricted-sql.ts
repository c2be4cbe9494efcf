/**
 * Whether a resource belongs to a patient whose data may not be used (table restriction), as SQL on its row. It belongs to
 * the patient of its column and to each that a path of the compartment names, as for consents (consent-sql.ts); none of
 * them may be restricted. A Binary belongs to him too where a version of a resource of his names it: as no index knows what
 * attachments name, the few resources of the restricted are read, once for a statement that comes upon a Binary.
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
  return sql`not (${fileSql({ kind: 'restricted', unbound }, row, scope)} or ${inForce(sql`${row}.patient`)} or exists (select from search_reference ${link}
    where ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${row}.rid
      and ${link}.type = ${typeNumber('Patient')}::int2 and ${anyOf(sql`${link}.param`, consentPaths().members, 'int4')}
      and ${inForce(sql`${link}.id`)} offset 0))`;
}

function fileSql({ unbound }: RestrictedCondition, row: Sql, scope: Scope): Sql {
  const [one, owned, version] = [scope.alias('x'), scope.alias('r'), scope.alias('v')];
  return sql`(${row}.type = ${typeNumber('Binary')}::int2 and ${row}.fhir_id = any(array(
    select (regexp_matches(${version}.content::text, 'Binary/([A-Za-z0-9.-]{1,64})', 'g'))[1]
    from restriction ${one}
    join resource ${owned} on ${owned}.tenant_id = ${scope.tenant} and ${owned}.patient = ${one}.patient
    join resource_version ${version} on ${version}.tenant_id = ${scope.tenant} and ${version}.rid = ${owned}.rid
    where ${one}.tenant_id = ${scope.tenant} and ${one}.lifted is null and not ${one}.patient = any(${unbound}::text[]))))`;
}
