/**
 * What interfaces ask for, beside the Endpoints themselves (migrations/0021-outbound.sql): the CTEs by which a write leaves
 * the versions that interfaces may have to be told of, and by which an Endpoint leaves its rules. Both are part of the
 * statement that writes (store/write.ts): no cache stands between a rule and the first write that it is for.
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { arrayLiteral } from './arrays.ts';

/** The numbers of DiagnosticReport and Observation. */
const [reportType, resultType] = ['DiagnosticReport', 'Observation'].map((type) => typeNumber(type) ?? 0);

/**
 * Changes of `written (ord, rid, ver, type, content, origin)`, deletions too. What an interface wrote itself is not sent back
 * to it. Who is told of reports is told of results that are withdrawn: it knows them by their reports. A laboratory without
 * rules pays one look at an empty index.
 */
export const changeStatement = `outbound as (
    insert into outbound_change (tenant_id, interface, rid, ver)
    select $1, o.interface, w.rid, w.ver
    from written w join outbound_rule o on o.tenant_id = $1 and o.interface is distinct from w.origin
      and (o.type = w.type or (o.type = ${reportType} and w.type = ${resultType}
        and (w.content is null or w.content::jsonb ->> 'status' = 'entered-in-error')
        and not exists (select from outbound_rule e
          where e.tenant_id = $1 and e.interface = o.interface and e.type = ${resultType})))
    order by w.ord
  )`;

/** The CTEs that replace the rules of the Endpoints among `written`; parameters from `first` on. */
export function ruleStatement(first: number, endpoint: number): string {
  const rows = `unnest($${first}::int4[], $${first + 1}::int2[]) as u(ord, type)`;
  const own = `select w.fhir_id, u.type from ${rows} join written w using (ord)`;
  return `rules_removed as (
    delete from outbound_rule o using written w
    where w.type = ${endpoint} and o.tenant_id = $1 and o.interface = w.fhir_id
      and (o.interface, o.type) not in (${own})
  ),
  rules_added as (
    insert into outbound_rule (tenant_id, interface, type)
    select $1, n.fhir_id, n.type from (${own}) n
    where not exists (select from outbound_rule o where o.tenant_id = $1 and o.interface = n.fhir_id and o.type = n.type)
    on conflict do nothing
  )`;
}

export const ruleParameters = 2;

type Ordered = readonly {
  readonly entry: { readonly tells?: readonly number[] | undefined };
  readonly ord: number;
}[];

/** The values for `ruleStatement`. */
export function ruleArrays(ordered: Ordered): string[] {
  const rows = ordered.flatMap(({ entry, ord }) => [...new Set(entry.tells ?? [])].map((type) => ({ ord, type })));
  return [arrayLiteral(rows.map(({ ord }) => ord)), arrayLiteral(rows.map(({ type }) => type))];
}
