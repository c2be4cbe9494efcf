/** Who refers to a resource, by the index rows of references: a resource itself, or one that it contains. */
import type { Session } from './pool.ts';
import type { Key } from './read.ts';
import { sql } from './sql.ts';

export interface Referred extends Key {
  /** A live resource that refers to it. */
  readonly by: Key;
}

/** Those of the keys that a live resource refers to, each with one that does. */
export async function findReferred(session: Session, keys: readonly Key[]): Promise<Referred[]> {
  if (keys.length === 0) {
    return [];
  }
  const rows = await session.query<{ type: number; id: string; by_type: number; by_id: string }>(sql`
    select distinct on (k.type, k.id) k.type, k.id, r.type as by_type, r.fhir_id as by_id
    from unnest(${keys.map((key) => key.type)}::int2[], ${keys.map((key) => key.id)}::text[]) as k(type, id)
    join search_reference f on f.tenant_id = ${session.tenant} and f.id = k.id and f.type = k.type
    left join contained c on c.tenant_id = ${session.tenant} and c.rid = f.rid
    join resource r on r.tenant_id = ${session.tenant} and r.rid = coalesce(c.container, f.rid) and not r.deleted
    order by k.type, k.id`);
  return rows.map((row) => ({ type: row.type, id: row.id, by: { type: row.by_type, id: row.by_id } }));
}

/** At most so many live resources that refer to a resource. */
export async function referrersOf(session: Session, { type, id }: Key, most: number): Promise<Key[]> {
  const rows = await session.query<{ type: number; fhir_id: string }>(sql`
    select distinct r.type, r.fhir_id
    from search_reference f
    left join contained c on c.tenant_id = ${session.tenant} and c.rid = f.rid
    join resource r on r.tenant_id = ${session.tenant} and r.rid = coalesce(c.container, f.rid) and not r.deleted
    where f.tenant_id = ${session.tenant} and f.type = ${type} and f.id = ${id}
    order by r.type, r.fhir_id limit ${most}`);
  return rows.map((row) => ({ type: row.type, id: row.fhir_id }));
}
