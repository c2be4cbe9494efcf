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
 * The rids of a compartment's members and of what they refer to, once each. Every row is looked up by its own key: of a
 * laboratory newer than its statistics PostgreSQL expects one row each, and joined 1,100 results with each other.
 * @param seen which members the caller may see, as a condition on the row
 */
export function everythingRids(compartment: CompartmentCondition, scope: Scope, seen: (row: Sql) => Sql): Sql {
  const [named, member, members] = [scope.alias('n'), scope.alias('r'), scope.alias('m')];
  const [link, linked, target] = [scope.alias('f'), scope.alias('l'), scope.alias('r')];
  return sql`with ${members} as materialized (
      select ${member}.rid from (select distinct rid from (${memberRids(compartment, scope)}) ${named} offset 0) ${named}
      cross join lateral (select * from resource ${member}
        where ${member}.tenant_id = ${scope.tenant} and ${member}.rid = ${named}.rid offset 0) ${member}
      where not ${member}.deleted and ${seen(member)})
    select rid from ${members}
    union
    select ${target}.rid from (
      select distinct ${link}.type, ${link}.id from ${members}
      cross join lateral (select ${link}.type, ${link}.id from search_reference ${link}
        where ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${members}.rid offset 0) ${link} offset 0) ${linked}
    cross join lateral (select ${target}.rid from resource ${target}
      where ${target}.tenant_id = ${scope.tenant} and ${target}.type = ${linked}.type
        and ${target}.fhir_id = ${linked}.id offset 0) ${target}`;
}
