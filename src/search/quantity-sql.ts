/**
 * Numbers and quantities as conditions on a row of search_quantity.
 *
 * An index range over float8 finds the candidates; where float8 cannot tell a value from the bound (equal after rounding)
 * the exact decimals decide. https://hl7.org/fhir/R4/search.html#prefix
 */
import { sql, type Sql } from '../store/sql.ts';
import type { NumberValue, Prefix, QuantityValue } from './ast.ts';
import { decimalText, type Decimal } from '../fhir/decimal.ts';
import { implicitInterval, tenPercent } from './number-interval.ts';
import { anyOf, either } from './sql-list.ts';
import { unitOf } from './quantity-rows.ts';

/** Comparisons of the ends of a stored interval with a decimal. */
interface Ends {
  readonly compare: (end: 'low' | 'high', operator: '<' | '<=' | '>' | '>=', bound: Decimal) => Sql;
}

/** Stored [low, high], a point for most; eq and ne use the implicit precision of the search value, others its point. */
function prefixSql({ compare }: Ends, prefix: Prefix, value: Decimal): Sql {
  const near = prefix === 'ap' ? tenPercent(value) : implicitInterval(value);
  switch (prefix) {
    case 'eq':
      // That low is below the end too follows from the rest; an index that begins with low can then stop.
      return sql`(${compare('low', '>=', near.low)} and ${compare('low', '<=', near.high)}
        and ${compare('high', '<', near.high)})`;
    case 'ne':
      return sql`(${compare('low', '<', near.low)} or ${compare('high', '>=', near.high)})`;
    case 'ap':
      return sql`(${compare('low', '<=', near.high)} and ${compare('high', '>=', near.low)})`;
    case 'gt':
      return compare('high', '>', value);
    case 'lt':
      return compare('low', '<', value);
    case 'ge':
      return compare('high', '>=', value);
    case 'le':
      return compare('low', '<=', value);
    case 'sa':
      return compare('low', '>', value);
    case 'eb':
      return compare('high', '<', value);
  }
}

const columns = {
  low: { float: sql`low`, exact: sql`exact_low`, raw: sql`raw_low` },
  high: { float: sql`high`, exact: sql`exact_high`, raw: sql`raw_high` },
};

const operators = { '<': sql`<`, '<=': sql`<=`, '>': sql`>`, '>=': sql`>=` };

/** In the canonical unit: float8 for the index, then the exact decimals where both floats are the same. */
function canonicalEnds(alias: Sql, convert: (value: Decimal) => Decimal): Ends {
  return {
    compare: (end, operator, bound) => {
      const exact = decimalText(convert(bound));
      const float = String(Number(exact));
      const { float: column, exact: exactColumn } = columns[end];
      const outer = operator.startsWith('<') ? operators['<='] : operators['>='];
      return sql`(${alias}.${column} ${outer} ${float}::float8 and (${alias}.${column} <> ${float}::float8
        or coalesce(${alias}.${exactColumn}, ${alias}.${column}::numeric) ${operators[operator]} ${exact}::numeric))`;
    },
  };
}

/** The numbers as written. */
function rawEnds(alias: Sql): Ends {
  return {
    compare: (end, operator, bound) =>
      sql`${alias}.${columns[end].raw} ${operators[operator]} ${decimalText(bound)}::numeric`,
  };
}

export function numberSql(alias: Sql, params: readonly number[], values: readonly NumberValue[]): Sql {
  const ends = canonicalEnds(alias, (value) => value);
  const any = either(values.map(({ prefix, value }) => prefixSql(ends, prefix, value)));
  return sql`${anyOf(sql`${alias}.param`, params, 'int4')} and ${any}`;
}

export function quantitySql(alias: Sql, params: readonly number[], values: readonly QuantityValue[]): Sql {
  const any = either(values.map((value) => oneQuantity(alias, value)));
  return sql`${anyOf(sql`${alias}.param`, params, 'int4')} and ${any}`;
}

function oneQuantity(alias: Sql, { prefix, value, unit }: QuantityValue): Sql {
  if (unit === undefined) return prefixSql(rawEnds(alias), prefix, value);
  if (unit.system === undefined) {
    const named = sql`(${alias}.code = ${unit.code} or ${alias}.label = ${unit.code})`;
    return sql`(${named} and ${prefixSql(rawEnds(alias), prefix, value)})`;
  }
  const { key, convert } = unitOf(unit.system, unit.code);
  return sql`(${alias}.unit = ${key}::int8 and ${prefixSql(canonicalEnds(alias, convert), prefix, value)})`;
}
