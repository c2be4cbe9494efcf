/**
 * Whether consents let a request have a resource, as SQL on the resource's row (table consent_rule).
 *
 * 1. A rule is matched with the request first, then with the resource; of each consent the deepest rule decides, of
 *    equally deep ones a denial (`depth * 2`, and one more for a denial, is greatest).
 * 2. Where the default permits, only a denial makes a difference: patients without one that concerns the request cost one
 *    look into the index consent_rule_by_patient.
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
  const own = sql`${row}.patient`;
  const hint = scope.patient;
  const decided =
    hint === undefined
      ? patientSql(condition, { row, scope, patient: own, fixed: false })
      : sql`case when ${own} = ${hint} then ${patientSql(condition, { row, scope, patient: sql`${hint}::text`, fixed: true })}
          else ${patientSql(condition, { row, scope, patient: own, fixed: false })} end`;
  return sql`(${row}.type = any(${exempt}::int2[]) or (
    (${own} is null or ${own} = any(${condition.unbound}::text[]) or ${decided})
    and not ${othersSql(condition, row, scope)}))`;
}

/**
 * The rules that meet the request and a resource, for telling why: patient, consent (rid), path, depth and permit. Of the
 * patients whom the resource belongs to.
 */
export function matchingRules(condition: ConsentCondition, row: Sql, scope: Scope): Sql {
  const [rule, link, patient] = [scope.alias('c'), scope.alias('f'), scope.alias('p')];
  return sql`select ${rule}.patient, ${rule}.consent, ${rule}.path, ${rule}.depth, ${rule}.permit
    from (select ${row}.patient as id union select ${link}.id from ${referencesOf(row, scope)} ${link}
      where ${link}.type = ${patientType}::int2 and ${anyOf(sql`${link}.param`, condition.members, 'int4')}) ${patient}
    cross join lateral ${rulesOf(sql`${patient}.id`, scope)} ${rule}
    where ${concerns(condition, rule)} and not ${patient}.id = any(${condition.unbound}::text[]) and not ${row}.type = any(${exempt}::int2[])
      and ${covers(condition, { rule, row, scope })}`;
}

/** Whether another patient whom the resource concerns does not let it through. */
function othersSql(condition: ConsentCondition, row: Sql, scope: Scope): Sql {
  const link = scope.alias('f');
  const patient = sql`${link}.id`;
  return sql`exists (select from ${referencesOf(row, scope)} ${link}
    where ${link}.type = ${patientType}::int2 and ${patient} is distinct from ${row}.patient and ${anyOf(sql`${link}.param`, condition.members, 'int4')}
      and not ${patient} = any(${condition.unbound}::text[])
      and not ${patientSql(condition, { row, scope, patient, fixed: false })})`;
}

/** The references of a resource, and the rules of a patient: nothing but what the one index finds. */
function referencesOf(row: Sql, scope: Scope): Sql {
  const link = scope.alias('f');
  return sql`(select ${link}.id, ${link}.type, ${link}.param from search_reference ${link}
    where ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${row}.rid offset 0)`;
}

function rulesOf(patient: Sql, scope: Scope): Sql {
  const rule = scope.alias('c');
  return sql`(select ${rule}.* from consent_rule ${rule}
    where ${rule}.tenant_id = ${scope.tenant} and ${rule}.patient = ${patient} offset 0)`;
}

interface Asked {
  readonly row: Sql;
  readonly scope: Scope;
  readonly patient: Sql;
  /** The patient is a value and no column: what does not depend on the row is worked out once. */
  readonly fixed: boolean;
}

/** Whether the consents of one patient let the resource through; never null. */
function patientSql(condition: ConsentCondition, asked: Asked): Sql {
  const permitted = condition.otherwise === 'permit';
  const decisions = decisionsSql(condition, asked);
  const last = asked.scope.alias('q');
  const all = sql`coalesce((select bool_and(${last}.last % 2 = 0) from (${decisions}) ${last}), ${permitted}::bool)`;
  if (!permitted) return sql`(${someRule(condition, asked, true)} and ${all})`;
  return sql`(not ${someRule(condition, asked, false)} or ${all})`;
}

/** Whether there is any rule that permits, or denies, to this request. */
function someRule(condition: ConsentCondition, { scope, patient }: Asked, permit: boolean): Sql {
  const rule = scope.alias('c');
  return sql`exists (select from ${rulesOf(patient, scope)} ${rule} where ${concerns(condition, rule)}
    and ${permit ? sql`` : sql`not `}${rule}.permit)`;
}

/** What each consent decides: the greatest of its rules. */
function decisionsSql(condition: ConsentCondition, { row, scope, patient, fixed }: Asked): Sql {
  const rule = scope.alias('c');
  const all = scope.alias('c');
  const rules = fixed
    ? sql`unnest((select array_agg(${all}::consent_rule) from ${rulesOf(patient, scope)} ${all} where ${concerns(condition, all)})) ${rule}`
    : sql`${rulesOf(patient, scope)} ${rule}`;
  const where = fixed ? sql`true` : concerns(condition, rule);
  return sql`select max(${rule}.depth * 2 + (not ${rule}.permit)::int) as last from ${rules}
    where ${where} and ${covers(condition, { rule, row, scope })} group by ${rule}.consent`;
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
