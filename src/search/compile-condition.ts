/**
 * A condition on a resource's row (`alias` of the table resource) as SQL, and those in which other resources take part; what
 * the resource's own values say is in compile-value.ts.
 *
 * Every subquery names the tenant, and whatever resource takes part (target of a chain, source of `_has`) must be live
 * and satisfy the caller's access to its type: what may not be seen matches nothing.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { sql, type Sql } from '../store/sql.ts';
import type {
  ChainCondition,
  Condition,
  EverythingCondition,
  HasCondition,
  HierarchyCondition,
  LatestCondition,
  LinkedCondition,
} from './ast.ts';
import { all } from './ast.ts';
import { accessGroups } from './access-groups.ts';
import { compartmentSql, everythingRids } from './compile-compartment.ts';
import { nearSql, wordsSql } from './compile-special.ts';
import { accessWithin, containedTarget } from './contained.ts';
import { updatedSql } from './date-sql.ts';
import { latestOfEachCode } from './compile-latest.ts';
import { compositeSql, leafSql, presenceSql } from './compile-value.ts';
import { consentSql } from './consent-sql.ts';
import { hash32 } from './hash.ts';
import { labelsSql } from './labels-sql.ts';
import type { ParameterPath } from './parameters.ts';
import { linkings, ofPaths } from './link-sql.ts';
import { restrictedSql } from './restricted-sql.ts';
import { exists, type RowCondition } from './row-sql.ts';
import type { Scope } from './scope.ts';
import { anyOf, both, either } from './sql-list.ts';
import { isSelective, partsOf } from './strategy.ts';

export function conditionSql(condition: Condition, row: Sql, scope: Scope): Sql {
  switch (condition.kind) {
    case 'all':
      return sql`true`;
    case 'none':
      return sql`false`;
    case 'and':
      return both(condition.parts.map((part) => conditionSql(part, row, scope)));
    case 'or':
      return either(condition.parts.map((part) => sql`(${conditionSql(part, row, scope)})`));
    case 'not':
      return sql`not coalesce((${conditionSql(condition.part, row, scope)}), false)`;
    case 'type':
      return sql`${row}.type = ${typeNumber(condition.type)}::int2`;
    case 'id':
      return anyOf(sql`${row}.fhir_id`, condition.values, 'text');
    case 'updated':
      return either(condition.values.map((value) => updatedSql(sql`${row}.last_updated`, value)));
    case 'missing':
      return sql`not (${either(presenceSql(condition.parameter, row, scope))})`;
    case 'list':
      return listSql(condition.id, row, scope);
    case 'words':
      return wordsSql(condition, row, scope);
    case 'near':
      return nearSql(condition, row, scope);
    case 'composite':
      return compositeSql(condition, row, scope);
    case 'chain':
      return chainSql(condition, row, scope);
    case 'linked':
      return linkedSql(condition, row, scope);
    case 'has':
      return hasSql(condition, row, scope);
    case 'value-set':
      // Resolved by store/value-sets.ts in what is asked for; what limits a caller cannot depend on data of the tenant.
      throw outcomeError(
        'not-supported',
        `The value set "${condition.urls.join()}" of this laboratory cannot be used here.`,
        {
          status: 400,
        },
      );
    case 'hierarchy':
      return exists(row, hierarchyRow(condition, scope), scope);
    case 'compartment':
      return compartmentSql(condition, row, scope);
    case 'everything':
      return sql`${row}.rid in (${everythingSet(condition, scope)})`;
    case 'latest':
      return latestSql(condition, row, scope);
    case 'consent':
      return consentSql(condition, row, scope);
    case 'labels':
      return labelsSql(condition, row, scope);
    case 'restricted':
      return restrictedSql(condition, row, scope);
    default:
      return leafSql(condition, row, scope);
  }
}

/** The rids of `$everything`. */
export function everythingSet({ compartment, types, within: period }: EverythingCondition, scope: Scope): Sql {
  return everythingRids(compartment, scope, (member) =>
    both([sql`(${visibleSql(types, member, scope)})`, conditionSql(period, member, scope)]),
  );
}

/** Access to one type as SQL; `false` where there is none. */
export function accessSql(type: string, row: Sql, scope: Scope): Sql {
  const condition = scope.access(type);
  return condition === undefined ? sql`false` : conditionSql(condition, row, within(scope));
}

/** Conditions on what a caller may see are compiled under what their own chains may see. */
function within(scope: Scope): Scope {
  return scope.access.within === undefined ? scope : { ...scope, access: scope.access.within };
}

export function live(type: string, row: Sql, condition: Condition, outer: Scope): Sql {
  const scope = { ...outer, date: undefined };
  return sql`${row}.tenant_id = ${scope.tenant} and ${row}.type = ${typeNumber(type)}::int2 and not ${row}.deleted
    and ${conditionSql(condition, row, scope)} and ${accessSql(type, row, scope)}`;
}

/** Paths that are all in the column `patient` and ask for nothing but patients. */
export function byPatient(paths: readonly ParameterPath[]): boolean {
  return paths.every(({ path }) => path.column === 'patient');
}

/** A chain of a role finds what the role may see, whatever the token lets the caller see of it. */
function asked({ byRole }: ChainCondition | HasCondition, scope: Scope): Scope {
  return byRole && scope.access.ofRole ? { ...scope, access: scope.access.ofRole } : scope;
}

function chainSql(condition: ChainCondition, row: Sql, outer: Scope): Sql {
  const scope = asked(condition, outer);
  const inside = containersSql(condition, scope);
  const direct = directChainSql(condition, row, scope);
  if (inside === undefined) return direct;
  return scope.probing
    ? either([direct, sql`exists (select from (${inside}) i where i.rid = ${row}.rid offset 0)`])
    : either([direct, sql`${row}.rid in (${inside})`]);
}

/** The rids of resources that refer to something they contain which meets the chain; undefined where there are none. */
export function containersSql(chain: ChainCondition, outer: Scope): Sql | undefined {
  const target = containedTarget(chain);
  if (target === undefined) return undefined;
  const scope = { ...outer, date: undefined, access: accessWithin(outer.access) };
  const [content, holder] = [scope.alias('c'), scope.alias('r')];
  const params = chain.paths.map(({ path }) => path.param);
  return sql`select ${holder}.rid from contained ${content} join resource ${holder} on ${holder}.tenant_id = ${scope.tenant}
      and ${holder}.rid = ${content}.container and ${holder}.ver = ${content}.ver
    where ${content}.tenant_id = ${scope.tenant} and ${content}.linked && ${params}::int4[]
      and ${visibleSql([chain.type], content, scope)} and ${conditionSql(target, content, { ...scope, access: outer.access })}`;
}

function directChainSql(condition: ChainCondition, row: Sql, scope: Scope): Sql {
  const { paths, type } = condition;
  if (type === 'Patient' && byPatient(paths)) {
    const patient = scope.alias('r');
    const found = live(type, patient, condition.condition, scope);
    return scope.probing
      ? sql`exists (select from resource ${patient} where ${patient}.fhir_id = ${row}.patient and ${found} offset 0)`
      : sql`${row}.patient in (select ${patient}.fhir_id from resource ${patient} where ${found})`;
  }
  return either(
    linkings(paths).map((linking) => {
      const ends = { link: scope.alias('f'), target: scope.alias('r') };
      const from = sql`${linking.tables(ends, [type], scope)} where ${ends.link}.tenant_id = ${scope.tenant}
        and ${ofPaths(ends.link, linking.paths)} and ${live(type, ends.target, condition.condition, scope)}`;
      return scope.probing
        ? sql`exists (select from ${from} and ${ends.link}.rid = ${row}.rid offset 0)`
        : sql`${row}.rid in (select ${ends.link}.rid from ${from})`;
    }),
  );
}

/** Types that may be seen under the same condition are asked for together: one chain for each of 148 types took seconds. */
function linkedSql({ paths, types, access }: LinkedCondition, row: Sql, outer: Scope): Sql {
  const scope = { ...outer, access, date: undefined };
  return either(
    linkings(paths).map((linking) => {
      const ends = { link: scope.alias('f'), target: scope.alias('r') };
      return sql`exists (select from ${linking.tables(ends, types, scope)}
        where ${ends.link}.tenant_id = ${scope.tenant} and ${ends.link}.rid = ${row}.rid
          and ${ofPaths(ends.link, linking.paths)} and not ${ends.target}.deleted
          and (${visibleSql(types, ends.target, scope)}) offset 0)`;
    }),
  );
}

function hasSql(has: HasCondition, row: Sql, outer: Scope): Sql {
  const { type, targets, paths, condition } = has;
  const scope = asked(has, outer);
  const source = scope.alias('r');
  const found = live(type, source, condition, scope);
  if (byPatient(paths) && paths.every(({ target }) => target === 'Patient')) {
    const referred = scope.probing
      ? sql`exists (select from resource ${source} where ${source}.patient = ${row}.fhir_id and ${found} offset 0)`
      : sql`${row}.fhir_id in (select ${source}.patient from resource ${source} where ${found})`;
    return sql`(${row}.type = ${typeNumber('Patient')}::int2 and ${referred})`;
  }
  return either(
    linkings(paths).map((linking) => {
      const ends = { link: scope.alias('f'), target: scope.alias('r') };
      const from = sql`${linking.tables(ends, targets, scope)}
        join resource ${source} on ${source}.tenant_id = ${scope.tenant} and ${source}.rid = ${ends.link}.rid
        where ${ends.link}.tenant_id = ${scope.tenant} and ${ofPaths(ends.link, linking.paths)}
          and ${found}`;
      return scope.probing
        ? sql`exists (select from ${from} and ${ends.target}.rid = ${row}.rid offset 0)`
        : sql`${row}.rid in (select ${ends.target}.rid from ${from})`;
    }),
  );
}

/** References to any member of the branch of the hierarchy; `union` ends circles. */
export function hierarchyRow(condition: HierarchyCondition, scope: Scope): RowCondition {
  const { paths, direction, type, id, partOf } = condition;
  const number = typeNumber(type);
  const [branch, link, member] = [scope.alias('h'), scope.alias('f'), scope.alias('r')];
  const visible = live(type, member, all, scope);
  const step =
    direction === 'below'
      ? sql`select ${member}.fhir_id from ${branch} join search_reference ${link} on ${link}.tenant_id = ${scope.tenant}
          and ${link}.id = ${branch}.id and ${link}.type = ${number}::int2 and ${link}.param = ${partOf.path.param}::int4
          join resource ${member} on ${member}.rid = ${link}.rid and ${visible}`
      : sql`select ${link}.id from ${branch} join resource ${member} on ${member}.fhir_id = ${branch}.id and ${visible}
          join search_reference ${link} on ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${member}.rid
          and ${link}.type = ${number}::int2 and ${link}.param = ${partOf.path.param}::int4`;
  return {
    table: 'search_reference',
    dated: true,
    where: (alias) => sql`${ofPaths(alias, paths)} and ${alias}.type = ${number}::int2
      and ${alias}.id in (with recursive ${branch}(id) as (select ${id}::text collate "C" union ${step})
        select id from ${branch})`,
  };
}

function latestSql({ matching, code, most }: LatestCondition, row: Sql, outer: Scope): Sql {
  const scope = { ...outer, date: undefined, probing: partsOf(matching).some(isSelective) };
  const match = scope.alias('r');
  const found = sql`select ${match}.rid, ${match}.date_low from resource ${match}
    where ${match}.tenant_id = ${scope.tenant} and not ${match}.deleted
      and ${visibleSql(['Observation'], match, scope)} and ${conditionSql(matching, match, scope)}`;
  // As an array it is found once, and first; joined, it may be found again for each row.
  return sql`${row}.rid = any(array(${latestOfEachCode(found, { code, most, tenant: scope.tenant })}))`;
}

/** The row is of one of the types, and the caller may see it. */
export function visibleSql(types: readonly string[], row: Sql, scope: Scope): Sql {
  const groups = accessGroups(types, scope.access);
  return either(
    groups.map(({ types: some, condition }) => {
      const ofType = anyOf(sql`${row}.type`, some.map(typeNumber), 'int2');
      return condition.kind === 'all' ? ofType : sql`(${ofType} and ${conditionSql(condition, row, within(scope))})`;
    }),
  );
}

function listSql(id: string, row: Sql, scope: Scope): Sql {
  const link = scope.alias('f');
  const list = scope.alias('r');
  return sql`(${row}.type, ${row}.fhir_id) in (select ${link}.type, ${link}.id from resource ${list}
    join search_reference ${link} on ${link}.tenant_id = ${scope.tenant} and ${link}.rid = ${list}.rid
      and ${link}.param = ${hash32('reference:List.entry.item')}::int4 and ${link}.type is not null
    where ${live('List', list, { kind: 'id', values: [id] }, scope)})`;
}
