/** Tombstones: which ids and versions were erased (migrations/0013-erasure.sql). */
import { sqlState } from './errors.ts';
import type { Session } from './pool.ts';
import type { Key } from './read.ts';
import { sql } from './sql.ts';

/** Whether the resource, or this version of it, was erased. */
export async function wasErased(session: Session, { type, id }: Key, version?: number): Promise<boolean> {
  const [row] = await session.query<{ erased: boolean }>(sql`
    select exists (select from erased e
        where e.tenant_id = ${session.tenant} and e.type = ${type} and e.fhir_id = ${id})
      or exists (select from resource r
        join erased_version e on e.tenant_id = ${session.tenant} and e.rid = r.rid and e.ver = ${version ?? 0}
        where r.tenant_id = ${session.tenant} and r.type = ${type} and r.fhir_id = ${id}) as erased`);
  return row?.erased === true;
}

/** Why a write was refused: its id, or the patient whom it is about, was erased. */
export function refusedErased(error: unknown): 'id' | 'patient' | undefined {
  const states: Readonly<Record<string, 'id' | 'patient'>> = { MK410: 'id', MK411: 'patient' };
  return states[sqlState(error)];
}
