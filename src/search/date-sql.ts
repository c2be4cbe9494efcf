/** The prefixes on a stored interval [low, high). https://hl7.org/fhir/R4/search.html#prefix */
import { sql, type Sql } from '../store/sql.ts';
import type { DateValue, Prefix } from './ast.ts';
import type { Interval } from './interval.ts';

interface Columns {
  readonly low: Sql;
  readonly high: Sql;
}

/**
 * `within` holds low below the end too, which its other half implies: an index that begins with low can then stop.
 */
const prefixes: Readonly<Record<Prefix, (columns: Columns, interval: Interval) => Sql>> = {
  eq: ({ low, high }, a) => sql`(${low} >= ${a.low}::int8 and ${low} < ${a.high}::int8 and ${high} <= ${a.high}::int8)`,
  ne: ({ low, high }, a) => sql`(${low} < ${a.low}::int8 or ${high} > ${a.high}::int8)`,
  gt: ({ high }, a) => sql`${high} > ${a.high}::int8`,
  lt: ({ low }, a) => sql`${low} < ${a.low}::int8`,
  ge: ({ low, high }, a) => sql`(${low} >= ${a.low}::int8 or ${high} > ${a.high}::int8)`,
  le: ({ low, high }, a) => sql`(${low} < ${a.low}::int8 or ${high} <= ${a.high}::int8)`,
  sa: ({ low }, a) => sql`${low} >= ${a.high}::int8`,
  eb: ({ high }, a) => sql`${high} <= ${a.low}::int8`,
  ap: ({ low, high }, a) => sql`(${low} < ${a.high}::int8 and ${high} > ${a.low}::int8)`,
};

export function dateSql(columns: Columns, { prefix, interval }: DateValue): Sql {
  return prefixes[prefix](columns, interval);
}

const instant = (milliseconds: number): string =>
  new Date(Math.max(-62135596800000, Math.min(milliseconds, 253402300799999))).toISOString();

/** `_lastUpdated`: a point in time, to the millisecond. */
export function updatedSql(column: Sql, { prefix, interval }: DateValue): Sql {
  const low = sql`${instant(interval.low)}::timestamptz`;
  const high = sql`${instant(interval.high)}::timestamptz`;
  return {
    eq: sql`(${column} >= ${low} and ${column} < ${high})`,
    ap: sql`(${column} >= ${low} and ${column} < ${high})`,
    ne: sql`(${column} < ${low} or ${column} >= ${high})`,
    gt: sql`${column} >= ${high}`,
    sa: sql`${column} >= ${high}`,
    lt: sql`${column} < ${low}`,
    eb: sql`${column} < ${low}`,
    ge: sql`${column} >= ${low}`,
    le: sql`${column} < ${high}`,
  }[prefix];
}
