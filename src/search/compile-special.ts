/**
 * Conditions that are no plain values: words of the narrative or of the whole content, and places near another.
 * https://hl7.org/fhir/R4/search.html#special
 */
import { sql, type Sql } from '../store/sql.ts';
import type { NearCondition, WordsCondition } from './ast.ts';
import { foldSql } from './fold.ts';
import { wordKey } from './narrative-rows.ts';
import { latitudeParam, longitudeParam } from './position-rows.ts';
import { exists, probe, type RowCondition } from './row-sql.ts';
import type { Scope } from './scope.ts';
import { both } from './sql-list.ts';

/** Words of the narrative are tokens; those of the whole content are looked for in its texts, row by row. */
export function wordsSql({ where, words }: WordsCondition, row: Sql, scope: Scope): Sql {
  if (where === 'narrative') return both(words.map((word) => exists(row, wordRow(word), scope)));
  const version = scope.alias('v');
  const texts = sql`jsonb_path_query_array(${version}.content, 'strict $.** ? (@.type() == "string")')::text`;
  const folded = scope.alias('t');
  // Naming the stream's row keeps it behind the join with it: without statistics every row of the type was read before
  // three of a rare code were found among 3,000 (9.4 s against 5 ms).
  const streamed = scope.date === undefined ? sql`` : sql` and ${scope.date} is not null`;
  return sql`exists (select from resource_version ${version} cross join lateral (select ${foldSql(texts)} as text) ${folded}
    where ${version}.tenant_id = ${scope.tenant} and ${version}.rid = ${row}.rid and ${version}.ver = ${row}.ver
      and ${both(words.map((word) => sql`strpos(${folded}.text, ${word}) > 0`))}${streamed}${probe(scope)})`;
}

export function wordRow(word: string): RowCondition {
  return { table: 'search_token', dated: true, where: (alias) => sql`${alias}.key = ${wordKey(word)}::int8` };
}

const kilometresOfDegree = 111.195;

/** A box of degrees finds the candidates, the great circle decides. */
export function nearSql({ latitude, longitude, kilometres }: NearCondition, row: Sql, scope: Scope): Sql {
  const [north, east] = [scope.alias('i'), scope.alias('i')];
  const margin = kilometres / kilometresOfDegree;
  return sql`exists (select from search_quantity ${north} join search_quantity ${east}
    on ${east}.tenant_id = ${scope.tenant} and ${east}.rid = ${north}.rid and ${east}.param = ${longitudeParam}::int4
    where ${north}.tenant_id = ${scope.tenant} and ${north}.rid = ${row}.rid and ${north}.param = ${latitudeParam}::int4
      and ${north}.unit is null and ${north}.low between ${latitude - margin}::float8 and ${latitude + margin}::float8
      and 2 * 6371.0088 * asin(sqrt(least(1, sin(radians(${north}.low - ${latitude}::float8) / 2) ^ 2
        + cos(radians(${north}.low)) * cos(radians(${latitude}::float8))
        * sin(radians(${east}.low - ${longitude}::float8) / 2) ^ 2))) <= ${kilometres}::float8)`;
}
