/**
 * What a resource's own values say, as SQL on its row: values searched for, missing values, components of one repetition.
 * No other resource takes part; those that do are in compile-condition.ts.
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { join, sql, type Sql } from '../store/sql.ts';
import type { CompositeCondition, RowLeaf } from './ast.ts';
import { dateSql } from './date-sql.ts';
import { noDate } from './interval.ts';
import type { Column, Parameter, ParameterPath } from './parameters.ts';
import { exists, presence, probe, rowCondition, tableSql } from './row-sql.ts';
import type { Scope } from './scope.ts';
import { anyOf, both, either } from './sql-list.ts';

/** Paths whose values stand in the row are compared there, the others in their index table. */
export function leafSql(leaf: RowLeaf, row: Sql, scope: Scope): Sql {
  const inRow = leaf.paths.flatMap((path) => columnSql(leaf, path, row, scope) ?? []);
  const inTable = leaf.paths.filter((path) => columnSql(leaf, path, row, scope) === undefined);
  const parts = [...inRow];
  if (inTable.length > 0) parts.push(exists(row, rowCondition({ ...leaf, paths: inTable }), scope));
  return either(parts);
}

function columnSql(leaf: RowLeaf, { path }: ParameterPath, row: Sql, scope: Scope): Sql | undefined {
  if (leaf.kind === 'token' && path.column === 'status') {
    const codes = leaf.values.map(({ code }) => code?.toLowerCase());
    // `system|` alone, with the right system: any status.
    return codes.includes(undefined) ? sql`${row}.status is not null` : anyOf(sql`${row}.status`, codes, 'text');
  }
  if (leaf.kind === 'date' && path.column === 'date') {
    const low = scope.date ?? sql`${row}.date_low`;
    const columns = { low, high: sql`${row}.date_high` };
    return sql`(${low} > ${noDate}::int8 and ${either(leaf.values.map((value) => dateSql(columns, value)))})`;
  }
  if (leaf.kind === 'reference' && path.column === 'patient') {
    const patients = leaf.values.every(({ type, version }) => type === 'Patient' && version === undefined);
    return patients
      ? anyOf(
          sql`${row}.patient`,
          leaf.values.map(({ id }) => id),
          'text',
        )
      : undefined;
  }
  return undefined;
}

/** What holds where the resource has a value of the parameter: any of these. */
export function presenceSql(parameter: Parameter, row: Sql, scope: Scope): Sql[] {
  if (parameter.name === '_id' || parameter.name === '_lastUpdated') return [sql`true`];
  if (parameter.composite.length > 0)
    return parameter.composite.flatMap((branch) => compositePresence(branch.components, row, scope));
  return parameter.paths.flatMap((path) => pathPresence(path, row, scope));
}

function compositePresence(components: readonly { paths: readonly ParameterPath[] }[], row: Sql, scope: Scope): Sql[] {
  return [
    sql`(${both(components.map(({ paths }) => either(paths.flatMap((path) => pathPresence(path, row, scope)))))})`,
  ];
}

const columnPresence: Readonly<Partial<Record<Column, (row: Sql) => Sql>>> = {
  status: (row) => sql`${row}.status is not null`,
  date: (row) => sql`${row}.date_low > ${noDate}::int8`,
};

function pathPresence(path: ParameterPath, row: Sql, scope: Scope): Sql[] {
  const column = path.path.column && columnPresence[path.path.column];
  if (column !== undefined) return [column(row)];
  const { target } = path;
  const found = presence([path]);
  if (target === undefined) return found.map((one) => exists(row, one, scope));
  // `resolve() is Patient`: a logical reference resolves to nothing, so only the references count.
  return found
    .filter(({ table }) => table === 'search_reference')
    .map((one) => {
      const where = (alias: Sql): Sql => sql`${one.where(alias)} and ${alias}.type = ${typeNumber(target)}::int2`;
      return exists(row, { ...one, where }, scope);
    });
}

export function compositeSql(condition: CompositeCondition, row: Sql, scope: Scope): Sql {
  const { first, dated, tables, where } = repetition(condition, scope);
  const date = dated ? sql` and ${first}.date = ${row}.date_low` : sql``;
  return sql`exists (select from ${tables} where ${first}.rid = ${row}.rid${date} and ${where}${probe(scope)})`;
}

interface Repetition {
  /** The row that the others are joined to. */
  readonly first: Sql;
  readonly dated: boolean;
  readonly tables: Sql;
  readonly where: Sql;
}

/** Values of one repetition: rows of one resource with the same `rep`. */
export function repetition({ components }: CompositeCondition, scope: Scope): Repetition {
  const rows = components.map((leaf) => ({ found: rowCondition(leaf), alias: scope.alias('i') }));
  const [head, ...others] = rows;
  if (head === undefined) throw new Error('A composite has components.');
  const first = head.alias;
  const conditions = rows.map(
    ({ found, alias }) => sql`${alias}.tenant_id = ${scope.tenant} and ${found.where(alias)}`,
  );
  const same = others.map(({ found, alias }) => {
    const date = found.dated && head.found.dated ? sql` and ${alias}.date = ${first}.date` : sql``;
    return sql`${alias}.rid = ${first}.rid and ${alias}.rep = ${first}.rep${date}`;
  });
  const tables = join(
    rows.map(({ found, alias }) => sql`${tableSql(found)} ${alias}`),
    ', ',
  );
  return { first, dated: head.found.dated, tables, where: both([...conditions, ...same]) };
}
