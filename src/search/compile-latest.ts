/**
 * The newest rows of each group of equal codes, as SQL: the heart of Observation/$lastn.
 * https://hl7.org/fhir/R4/observation-operation-lastn.html
 *
 * 1. Codes are equal where system and code are; those of one Observation are equal to each other, and equality is
 *    transitive. So codes are the nodes of a graph and Observations join them: a group is a connected component, named by
 *    its least code.
 * 2. Without a code, the text as written is the code; without either, Observations are one group.
 * 3. `rank` gives rows of one time one place, so that ties are included. Without a time, the last created is the newest
 *    and there are no ties.
 */
import { sql, type Sql } from '../store/sql.ts';
import { noDate } from './interval.ts';
import type { IndexedPath } from './parameters.ts';
import { textParam } from './token-rows.ts';

export interface Grouping {
  readonly code: IndexedPath;
  readonly most: number;
  readonly tenant: number;
}

/** @param found a select of rid and date_low */
export function latestOfEachCode(found: Sql, { code, most, tenant }: Grouping): Sql {
  return sql`with recursive matching as materialized (${found}),
    coded as materialized (
      select m.rid, coalesce(t.system::text, '') || '|' || t.value as code
      from matching m join search_token t on t.tenant_id = ${tenant} and t.rid = m.rid
      where t.param = ${code.param}::int4 and t.value <> ''),
    named as materialized (
      select rid, code from coded
      union all
      select m.rid, coalesce('text:' || coalesce(s.raw, s.rest, s.value), '')
      from matching m left join search_string s
        on s.tenant_id = ${tenant} and s.rid = m.rid and s.param = ${textParam(code)}::int4
      where not exists (select from coded c where c.rid = m.rid)),
    equal as materialized (
      select distinct n.least, n.code from (select code, min(code) over (partition by rid) as least from named) n
      where n.code <> n.least),
    linked as materialized (select least as a, code as b from equal union all select code, least from equal),
    walk(root, code) as (
      select distinct code, code from named
      union
      select w.root, l.b from walk w join linked l on l.a = w.code),
    component as (select code, min(root) as name from walk group by code),
    grouped as (select distinct n.rid, c.name from named n join component c on c.code = n.code)
    select l.rid from (
      select m.rid, rank() over (partition by g.name
        order by m.date_low desc, case when m.date_low <= ${noDate}::int8 then m.rid end desc nulls last) as place
      from matching m join grouped g on g.rid = m.rid) l
    where l.place <= ${most}::int8`;
}
