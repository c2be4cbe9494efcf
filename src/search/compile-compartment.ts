/**
 * Compartments as conditions on a resource's row, and everything about one patient or encounter.
 * https://hl7.org/fhir/R4/compartmentdefinition.html, https://hl7.org/fhir/R4/patient-operation-everything.html
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { sql, type Sql } from '../store/sql.ts';
import type { CompartmentCondition } from './ast.ts';
import { ofPaths } from './link-sql.ts';
import type { Scope } from './scope.ts';

/**
 * Membership by any of the paths of the compartment's definition, or being its resource. As one set of rids, from which
 * a statement can start; `self or referring` made PostgreSQL read every row of the tenant.
 */
export function compartmentSql(condition: CompartmentCondition, row: Sql, scope: Scope): Sql {
  const { type, id, members } = condition;
  const only = [...members.values()].flat().every(({ path }) => path.column === 'patient');
  if (type === 'Patient' && only && !members.has('Patient')) return sql`${row}.patient = ${id}`;
  return scope.named ? memberSql(condition, row, scope) : sql`${row}.rid in (${memberRids(condition, scope)})`;
}

/** Membership of one row: the compartment of a practitioner may be half of the laboratory. */
function memberSql({ type, id, members }: CompartmentCondition, row: Sql, scope: Scope): Sql {
  const link = scope.alias('f');
  const referring = sql`exists (select from search_reference ${link}
    where ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${row}.rid and ${link}.id = ${id}
      and ${link}.type = ${typeNumber(type)}::int2 and ${ofPaths(link, [...members.values()].flat())} offset 0)`;
  if (!members.has(type)) return referring;
  return sql`(${referring} or (${row}.type = ${typeNumber(type)}::int2 and ${row}.fhir_id = ${id}))`;
}

function memberRids({ type, id, members }: CompartmentCondition, scope: Scope): Sql {
  const link = scope.alias('f');
  const referring = sql`select ${link}.rid from search_reference ${link}
    where ${link}.tenant_id = ${scope.tenant} and ${link}.id = ${id} and ${link}.type = ${typeNumber(type)}::int2
      and ${ofPaths(link, [...members.values()].flat())}`;
  if (!members.has(type)) return referring;
  const self = scope.alias('r');
  return sql`${referring} union select ${self}.rid from resource ${self}
    where ${self}.tenant_id = ${scope.tenant} and ${self}.type = ${typeNumber(type)}::int2 and ${self}.fhir_id = ${id}`;
}

/**
 * The members of a compartment and what they refer to.
 * @param seen which members the caller may see, as a condition on the row
 */
export function everythingSql(compartment: CompartmentCondition, row: Sql, scope: Scope, seen: (row: Sql) => Sql): Sql {
  const member = scope.alias('r');
  const link = scope.alias('f');
  const target = scope.alias('r');
  const members = scope.alias('m');
  return sql`${row}.rid in (
    with ${members} as materialized (
      select ${member}.rid from resource ${member}
      where ${member}.tenant_id = ${scope.tenant} and not ${member}.deleted
        and ${member}.rid in (${memberRids(compartment, scope)})
        and ${seen(member)})
    select rid from ${members}
    union
    select ${target}.rid from ${members}
    join search_reference ${link} on ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${members}.rid
    join resource ${target} on ${target}.tenant_id = ${scope.tenant} and ${target}.type = ${link}.type
      and ${target}.fhir_id = ${link}.id)`;
}
