/**
 * What interfaces ask for, beside the Endpoints themselves (migrations/0021-outbound.sql): the CTEs by which a write leaves
 * the versions that interfaces may have to be told of, and by which an Endpoint leaves its rules. Both are part of the
 * statement that writes (store/write.ts): no cache stands between a rule and the first write that it is for.
 */
import { arrayLiteral } from './arrays.ts';

/**
 * Changes of `written (ord, rid, ver, type, content, origin)`. What an interface wrote itself is not sent back to it. A
 * laboratory without rules pays one look at an empty index.
 */
export const changeStatement = `outbound as (
    insert into outbound_change (tenant_id, interface, rid, ver)
    select $1, o.interface, w.rid, w.ver
    from written w join outbound_rule o on o.tenant_id = $1 and o.type = w.type and o.interface is distinct from w.origin
    where w.content is not null
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
