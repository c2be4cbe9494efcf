/**
 * Whether consents let a request have a resource, as SQL on the resource's row (table consent_rule).
 *
 * 1. A rule is matched with the request first, then with the resource; of each consent the deepest rule decides, of
 *    equally deep ones a denial (`depth * 2`, and one more for a denial, is greatest).
 * 2. Where the default permits, only a denial makes a difference: patients without one that concerns the request cost one
 *    look into the index consent_rule_by_patient. The expression stands in the statement once: PostgreSQL prepares its
 *    some 40 steps for each execution, which took 1 ms when there were 120.
 * 3. What only the request and a patient decide is asked once where the statement names the patient (`scope.patient`):
 *    100 consents looked through for each of 50 resources cost 4 ms, once 0.1 ms.
 * 4. Every look into a table is bound to the rows of one resource or one patient by a subquery of its own (`offset 0`):
 *    before the planner knows the tables, it read all of a tenant's rules or references for each resource instead (22 s).
 * 5. A resource belongs to the patient of its column and to each Patient that a path of the compartment names; all of them
 *    must let it through. Consents and the audit trail are not hidden by consent: nobody could withdraw one.
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { raw, sql, type Sql } from '../store/sql.ts';
import type { ConsentCondition } from './consent-condition.ts';
import { noDate } from './interval.ts';
import type { Scope } from './scope.ts';
import { anyOf } from './sql-list.ts';

const exempt = ['Consent', 'AuditEvent'].map(typeNumber);
const patientType = typeNumber('Patient');
/** Types that a class may mean by the kind of document. */
const documentTypes = ['Composition', 'DocumentReference', 'DiagnosticReport'].map(typeNumber);

export function consentSql(condition: ConsentCondition, row: Sql, scope: Scope): Sql {
  const patient = scope.alias('p');
  return sql`(${row}.type = any(${exempt}::int2[]) or not exists (
    select from unnest(array[${row}.patient] || array(${othersOf(condition, row, scope)})) as ${patient}(id)
    where ${patient}.id is not null and not ${patient}.id = any(${condition.unbound}::text[])
      and not ${patientSql(condition, { row, scope, patient: sql`${patient}.id` })}))`;
}

/** The patients besides that of its column whom a resource belongs to. */
function othersOf({ members }: ConsentCondition, row: Sql, scope: Scope): Sql {
  const link = scope.alias('f');
  return sql`select ${link}.id from ${referencesOf(row, scope)} ${link}
    where ${link}.type = ${patientType}::int2 and ${link}.id is distinct from ${row}.patient
      and ${anyOf(sql`${link}.param`, members, 'int4')}`;
}

/**
 * The rules that meet the request and a resource, for telling why: patient, consent (rid), path, depth and permit. Of the
 * patients whom the resource belongs to.
 */
export function matchingRules(condition: ConsentCondition, row: Sql, scope: Scope): Sql {
  const [rule, patient] = [scope.alias('c'), scope.alias('p')];
  return sql`select ${rule}.patient, ${rule}.consent, ${rule}.path, ${rule}.depth, ${rule}.permit
    from (select ${row}.patient as id union ${othersOf(condition, row, scope)}) ${patient}
    cross join lateral ${rulesOf(condition, sql`${patient}.id`, scope)} ${rule}
    where not ${patient}.id = any(${condition.unbound}::text[]) and not ${row}.type = any(${exempt}::int2[])
      and ${covers(condition, { rule, row, scope })}`;
}

/** The references of a resource, and the rules of a patient that concern the request: what one index finds. */
function referencesOf(row: Sql, scope: Scope): Sql {
  const link = scope.alias('f');
  return sql`(select ${link}.id, ${link}.type, ${link}.param from search_reference ${link}
    where ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${row}.rid offset 0)`;
}

function rulesOf(condition: ConsentCondition, patient: Sql, scope: Scope): Sql {
  const rule = scope.alias('c');
  return sql`(select ${rule}.* from consent_rule ${rule}
    where ${rule}.tenant_id = ${scope.tenant} and ${rule}.patient = ${patient} and ${concerns(condition, rule)} offset 0)`;
}

interface Asked {
  readonly row: Sql;
  readonly scope: Scope;
  readonly patient: Sql;
}

/**
 * Whether the consents of one patient let the resource through; never null. Only where some denial covers the resource
 * does it matter which rule of its consent is deepest: 6 bits of a number are for that, the others for the consent.
 */
function patientSql(condition: ConsentCondition, { row, scope, patient }: Asked): Sql {
  const permitted = condition.otherwise === 'permit';
  const [rule, decision, number] = [scope.alias('c'), scope.alias('q'), scope.alias('n')];
  const own = concerningRules(condition, patient, scope);
  const rules =
    scope.patient === undefined
      ? own
      : sql`case when ${patient} = ${scope.patient} then ${concerningRules(condition, sql`${scope.patient}::text`, scope)} else ${own} end`;
  return sql`(select case when bool_or(not ${rule}.permit) then (
        select bool_and(${decision}.last % 2 = 0) from (select max(${number} & 63) as last
          from unnest(array_agg(${rule}.consent << 6 | ${rule}.depth * 2 + (not ${rule}.permit)::int)) ${number}
          group by ${number} >> 6) ${decision})
      else count(*) > 0 or ${permitted}::bool end
    from unnest(${rules}) ${rule} where ${covers(condition, { rule, row, scope })})`;
}

/** The rules of a patient that concern the request; null where none of them could change what the default says. */
function concerningRules(condition: ConsentCondition, patient: Sql, scope: Scope): Sql {
  const rule = scope.alias('c');
  const decisive = condition.otherwise === 'permit' ? sql`not ${rule}.permit` : sql`${rule}.permit`;
  return sql`(select case when bool_or(${decisive}) then array_agg(${rule}::consent_rule) end
    from ${rulesOf(condition, patient, scope)} ${rule})`;
}

/** The rule concerns the request. */
function concerns({ actors, actions, purposes }: ConsentCondition, rule: Sql): Sql {
  const now = sql`(select (extract(epoch from statement_timestamp()) * 1000)::int8)`;
  return sql`${rule}.low <= ${now} and ${rule}.high > ${now}
    and (${rule}.actors is null or ${rule}.actors && ${actors}::text[])
    and (${rule}.actions is null or ${rule}.actions && ${actions}::text[])
    and (${rule}.purposes is null or ${rule}.purposes && ${purposes}::text[])`;
}

/**
 * The rule covers the resource. What is asked of the resource alone does not name the rule, so that PostgreSQL works it
 * out once for all rules, and only where one wants to know.
 */
function covers({ authorship }: ConsentCondition, { rule, row, scope }: { rule: Sql; row: Sql; scope: Scope }): Sql {
  const self = sql`(${row}.type || '/' || ${row}.fhir_id)`;
  const version = scope.alias('v');
  const content = (expression: Sql): Sql => sql`(select ${expression} from resource_version ${version}
    where ${version}.tenant_id = ${scope.tenant} and ${version}.rid = ${row}.rid and ${version}.ver = ${row}.ver)`;
  const codes = content(codesSql(sql`${version}.content`));
  const column = (name: string): Sql => sql`${rule}.${raw(name)}`;
  return sql`(${column('types')} is null or ${row}.type = any(${column('types')})
      or (${column('profiles')} <> '{}' and ${column('profiles')} && ${content(profilesSql(sql`${version}.content`))})
      or (${row}.type = any(${documentTypes}::int2[]) and ${column('documents')} <> '{}' and ${column('documents')} && ${codes}))
    and (${column('data_low')} is null or ${periodSql(rule, row)})
    and (${column('instances')} is null or ${self} = any(${column('instances')} || ${column('related')} || ${column('dependents')})
      or (${column('related')} || ${column('dependents')} <> '{}' and ${column('related')} || ${column('dependents')} && ${referencesSql(row, scope)})
      or (${column('authors')} <> '{}' and ${column('authors')} && ${referencesSql(row, scope, authorship)})
      or (${column('related')} <> '{}' and ${referredSql(column('related'), row, scope)}))
    and (${column('labels')} is null or ${column('labels')} && ${content(labelsSql(sql`${version}.content`))})
    and (${column('codes')} is null or ${column('codes')} && ${codes})`;
}

/** A denial covers what reaches into the period, a permission what lies within it. Without a date the last update counts. */
function periodSql(rule: Sql, row: Sql): Sql {
  const dated = sql`${row}.date_low > ${noDate}::int8`;
  const updated = sql`(extract(epoch from ${row}.last_updated) * 1000)::int8`;
  const low = sql`case when ${dated} then ${row}.date_low else ${updated} end`;
  const high = sql`case when ${dated} then ${row}.date_high else ${updated} + 1 end`;
  return sql`case when ${rule}.permit then ${low} >= ${rule}.data_low and ${high} <= ${rule}.data_high
    else ${low} < ${rule}.data_high and ${high} > ${rule}.data_low end`;
}

/** `system|code` of every coding of the resource, wherever it stands; the system and code of a Quantity too. */
function codesSql(content: Sql): Sql {
  return sql`array(select (c ->> 'system') || '|' || (c ->> 'code') collate "C" from jsonb_path_query(${content},
    'strict $.** ? (@.type() == "object" && exists (@.system) && exists (@.code))') c)`;
}

function profilesSql(content: Sql): Sql {
  return sql`array(select split_part(p, '|', 1) collate "C" from jsonb_array_elements_text(${content} #> '{meta,profile}') p)`;
}

/** The security labels; N where none says how confidential it is. */
function labelsSql(content: Sql): Sql {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
  const given = sql`select (l ->> 'system') || '|' || (l ->> 'code') collate "C" as label
    from jsonb_array_elements(${content} #> '{meta,security}') l`;
  return sql`array(select s.label from (${given}) s union all
    select ${`${system}|N`}::text where not exists (select from (${given}) s where starts_with(s.label, ${`${system}|`}::text)))`;
}

/** `type/id` of what the resource refers to, by any path or by those given. */
function referencesSql(row: Sql, scope: Scope, paths?: readonly number[]): Sql {
  const link = scope.alias('f');
  const named = paths === undefined ? sql`` : sql` and ${anyOf(sql`${link}.param`, paths, 'int4')}`;
  return sql`array(select ${link}.type || '/' || ${link}.id collate "C" from ${referencesOf(row, scope)} ${link}
    where ${link}.type is not null${named})`;
}

/** Whether one of the named resources refers to this one. */
function referredSql(named: Sql, row: Sql, scope: Scope): Sql {
  const [link, source] = [scope.alias('f'), scope.alias('r')];
  return sql`exists (select from search_reference ${link}
    where ${link}.tenant_id = ${scope.tenant} and ${link}.id = ${row}.fhir_id and ${link}.type = ${row}.type
      and (select ${source}.type || '/' || ${source}.fhir_id collate "C" from resource ${source}
        where ${source}.tenant_id = ${scope.tenant} and ${source}.rid = ${link}.rid and not ${source}.deleted) = any(${named}))`;
}
