/** References as a condition on a row of search_reference. */
import { sql, type Sql } from '../store/sql.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { ReferenceValue } from './ast.ts';
import type { ParameterPath } from './parameters.ts';
import { anyOf, either } from './sql-list.ts';

export function referenceSql(alias: Sql, paths: readonly ParameterPath[], values: readonly ReferenceValue[]): Sql {
  const params = [...new Set(paths.map(({ path }) => path.param))];
  const any = either(values.map((value) => oneReference(alias, value)));
  return sql`${anyOf(sql`${alias}.param`, params, 'int4')} and ${any}`;
}

/** A value without a version finds references to every version. */
function oneReference(alias: Sql, { type, id, version }: ReferenceValue): Sql {
  const ofType =
    type === undefined
      ? sql``
      : type === null
        ? sql` and ${alias}.type is null`
        : sql` and ${alias}.type = ${typeNumber(type)}::int2`;
  const ofVersion = version === undefined ? sql`` : sql` and ${alias}.version = ${version}`;
  return sql`(${alias}.id = ${id}${ofType}${ofVersion})`;
}
