/** Lists in SQL: one value is compared with `=`, so that an index delivers in order; several with `= any(…)`. */
import { join, raw, sql, type Sql } from '../store/sql.ts';

export function anyOf(column: Sql, values: readonly unknown[], type: 'int2' | 'int4' | 'int8' | 'text'): Sql {
  return values.length === 1
    ? sql`${column} = ${values[0]}::${raw(type)}`
    : sql`${column} = any(${values}::${raw(type)}[])`;
}

export function either(parts: readonly Sql[]): Sql {
  if (parts.length === 0) return sql`false`;
  return parts.length === 1 ? (parts[0] ?? sql`false`) : sql`(${join(parts, ' or ')})`;
}

export function both(parts: readonly Sql[]): Sql {
  return parts.length === 0 ? sql`true` : join(parts, ' and ');
}
