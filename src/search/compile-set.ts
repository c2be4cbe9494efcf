/**
 * The rids of the resources that meet a condition, for counting up to `smallSet` before a page is made (strategy.ts).
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { join, sql, type Sql } from '../store/sql.ts';
import {
  and,
  type ChainCondition,
  type Condition,
  type HasCondition,
  type RowLeaf,
  type WordsCondition,
} from './ast.ts';
import { byPatient, containersSql, hierarchyRow, live } from './compile-condition.ts';
import { repetition } from './compile-value.ts';
import { wordRow } from './compile-special.ts';
import { linkings, ofPaths } from './link-sql.ts';
import type { ParameterPath } from './parameters.ts';
import { exists, rowCondition, tableSql, type RowCondition } from './row-sql.ts';
import type { Scope } from './scope.ts';
import { anyOf, both } from './sql-list.ts';
import { partsOf, startOf } from './strategy.ts';

/**
 * The rids of the resources that meet a condition which `isSet`, for counting up to `smallSet`; a null among them says
 * that an inner set was cut, so that there may be more.
 */
export function setSql(condition: Condition, scope: Scope): Sql {
  switch (condition.kind) {
    case 'or':
      return join(
        condition.parts.map((part) => sql`(${setSql(part, scope)})`),
        ' union all ',
      );
    case 'chain':
      return chainSet(condition, scope);
    case 'has':
      return hasSet(condition, scope);
    case 'words':
      return wordsSet(condition, scope);
    case 'hierarchy':
      return rowSet(hierarchyRow(condition, scope), scope);
    case 'composite': {
      const { first, tables, where } = repetition(condition, scope);
      return sql`select ${first}.rid from ${tables} where ${where}`;
    }
    default:
      return rowSet(rowCondition(condition as RowLeaf), scope);
  }
}

function rowSet(found: RowCondition, scope: Scope): Sql {
  const alias = scope.alias('i');
  return sql`select ${alias}.rid from ${tableSql(found)} ${alias}
    where ${alias}.tenant_id = ${scope.tenant} and ${found.where(alias)}`;
}

interface InnerSet {
  readonly name: Sql;
  readonly ctes: Sql;
  /** A null where this set, or one that it was made from, was cut. */
  readonly cut: Sql;
}

/** The live resources of a type that meet a condition, no more than `smallSet`, as CTEs that are computed once. */
function innerSet(type: string, condition: Condition, scope: Scope): InnerSet {
  const [name, start, row] = [scope.alias('m'), scope.alias('c'), scope.alias('r')];
  const parts = partsOf(condition);
  const set = startOf(parts);
  const most = scope.smallSet + 1;
  const select = sql`select ${row}.rid, ${row}.type, ${row}.fhir_id, ${row}.patient`;
  const isCut = sql`(select count(*) from ${name}) >= ${most}`;
  if (set === undefined) {
    const found = sql`${select} from resource ${row} where ${live(type, row, condition, { ...scope, probing: false })}`;
    return {
      name,
      ctes: sql`${name} as materialized (${found} limit ${most})`,
      cut: sql`select null::int8 where ${isCut}`,
    };
  }
  const where = live(type, row, and(parts.filter((part) => part !== set)), { ...scope, probing: true });
  const found = sql`${select} from ${start} join resource ${row} on ${row}.rid = ${start}.rid and ${where}`;
  return {
    name,
    ctes: sql`${start} as materialized (select rid from (${setSql(set, scope)}) s limit ${most}),
      ${name} as materialized (${found} limit ${most})`,
    cut: sql`select null::int8 where ${isCut} or (select count(*) from ${start}) >= ${most}
      or exists (select from ${start} where rid is null)`,
  };
}

function chainSet(chain: ChainCondition, scope: Scope): Sql {
  const direct = directChainSet(chain, scope);
  const inside = containersSql(chain, scope);
  return inside === undefined ? direct : sql`(${direct}) union all (${inside})`;
}

function directChainSet({ paths, type, condition }: ChainCondition, scope: Scope): Sql {
  const { name, ctes, cut } = innerSet(type, condition, scope);
  const row = scope.alias('r');
  if (type === 'Patient' && byPatient(paths)) {
    return sql`with ${ctes} select ${row}.rid from ${name} join resource ${row}
      on ${row}.tenant_id = ${scope.tenant} and ${row}.patient = ${name}.fhir_id and ${rootTypes(paths, row)} union all ${cut}`;
  }
  const selects = linkings(paths).map((linking) => {
    const ends = { link: scope.alias('f'), target: scope.alias('r') };
    return sql`select ${ends.link}.rid from ${name} join (${linking.tables(ends, [type], scope)})
      on ${ends.target}.tenant_id = ${scope.tenant} and ${ends.target}.rid = ${name}.rid
      where ${ends.link}.tenant_id = ${scope.tenant} and ${ofPaths(ends.link, linking.paths)}`;
  });
  return sql`with ${ctes} ${join([...selects, cut], ' union all ')}`;
}

function hasSet({ type, targets, paths, condition }: HasCondition, scope: Scope): Sql {
  const { name, ctes, cut } = innerSet(type, condition, scope);
  const row = scope.alias('r');
  if (byPatient(paths) && paths.every(({ target }) => target === 'Patient')) {
    return sql`with ${ctes} select ${row}.rid from ${name} join resource ${row} on ${row}.tenant_id = ${scope.tenant}
      and ${row}.type = ${typeNumber('Patient')}::int2 and ${row}.fhir_id = ${name}.patient union all ${cut}`;
  }
  const selects = linkings(paths).map((linking) => {
    const ends = { link: scope.alias('f'), target: scope.alias('r') };
    return sql`select ${ends.target}.rid from ${name} join (${linking.tables(ends, targets, scope)})
      on ${ends.link}.tenant_id = ${scope.tenant} and ${ends.link}.rid = ${name}.rid
      where ${ofPaths(ends.link, linking.paths)}`;
  });
  return sql`with ${ctes} ${join([...selects, cut], ' union all ')}`;
}

/** The types that the paths begin at, so that the index by patient serves. */
function rootTypes(paths: readonly ParameterPath[], row: Sql): Sql {
  const types = new Set(paths.map(({ path }) => path.key.split('.')[0] ?? ''));
  return anyOf(sql`${row}.type`, [...types].map(typeNumber), 'int2');
}

/** Resources whose narrative has all the words: the rows of the first, checked for the others. */
function wordsSet({ words }: WordsCondition, scope: Scope): Sql {
  const [first, ...others] = words;
  const [alias, row] = [scope.alias('i'), scope.alias('r')];
  const checks = others.map((word) => exists(row, wordRow(word), { ...scope, probing: true }));
  return sql`select ${row}.rid from search_token ${alias}
    join resource ${row} on ${row}.tenant_id = ${scope.tenant} and ${row}.rid = ${alias}.rid
    where ${alias}.tenant_id = ${scope.tenant} and ${wordRow(first ?? '').where(alias)} and ${both(checks)}`;
}
