/** The profiles, tags and security labels that current resources carry. */
import type { Access } from '../search/ast.ts';
import { visibleSql } from '../search/compile-condition.ts';
import { makeScope } from '../search/scope.ts';
import type { Session } from './pool.ts';
import { raw, sql } from './sql.ts';

export interface Labels {
  readonly profile: readonly string[];
  readonly security: readonly object[];
  readonly tag: readonly object[];
}

/** Distinct labels of what the caller may see of the types. Reads every current resource: an administrator's question. */
export async function labelsInUse(session: Session, types: readonly string[], access: Access): Promise<Labels> {
  const visible = visibleSql(types, raw('r'), makeScope(session.tenant, access));
  const rows = await session.query<{ member: keyof Labels; label: string }>(sql`
    select distinct m.member, l.label::text as label
    from resource r
    join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    cross join (values ('profile'), ('security'), ('tag')) as m(member)
    cross join lateral jsonb_array_elements(v.content -> 'meta' -> m.member) as l(label)
    where r.tenant_id = ${session.tenant} and v.tenant_id = ${session.tenant} and not r.deleted
      and (${visible})
    order by 1, 2`);
  const of = <T>(member: keyof Labels): T[] =>
    rows.filter((row) => row.member === member).map((row) => JSON.parse(row.label) as T);
  return { profile: of<string>('profile'), security: of<object>('security'), tag: of<object>('tag') };
}
