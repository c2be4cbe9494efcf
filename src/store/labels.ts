/** The profiles, tags and security labels that current resources carry. */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface Labels {
  readonly profile: readonly string[];
  readonly security: readonly object[];
  readonly tag: readonly object[];
}

/** Distinct labels of the types (undefined = all). Reads every current resource: an administrator's question. */
export async function labelsInUse(session: Session, types: readonly number[] | undefined): Promise<Labels> {
  const rows = await session.query<{ member: keyof Labels; label: string }>(sql`
    select distinct m.member, l.label::text as label
    from resource r
    join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    cross join (values ('profile'), ('security'), ('tag')) as m(member)
    cross join lateral jsonb_array_elements(v.content -> 'meta' -> m.member) as l(label)
    where r.tenant_id = ${session.tenant} and v.tenant_id = ${session.tenant} and not r.deleted
      and (${types ?? null}::int2[] is null or r.type = any(${types ?? null}::int2[]))
    order by 1, 2`);
  const of = <T>(member: keyof Labels): T[] =>
    rows.filter((row) => row.member === member).map((row) => JSON.parse(row.label) as T);
  return { profile: of<string>('profile'), security: of<object>('security'), tag: of<object>('tag') };
}
