/** Endpoints and ConceptMaps of a laboratory, for its gateways: they are read by what they are, not on behalf of a caller. */
import { typeNumber } from '../fhir/resource-types.ts';
import type { Database, Session } from './pool.ts';
import { sql } from './sql.ts';

/** Far more interfaces than a laboratory has. */
const most = 1_000;

/** JSON texts. */
export async function settingsOfType(session: Session, type: 'Endpoint' | 'ConceptMap'): Promise<string[]> {
  const rows = await session.query<{ text: string }>(sql`select coalesce(v.exact, v.content::text) as text
    from resource r join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    where r.tenant_id = ${session.tenant} and r.type = ${typeNumber(type) ?? -1} and not r.deleted
    order by r.rid limit ${most}`);
  return rows.map(({ text }) => text);
}

export function endpoints(session: Session): Promise<string[]> {
  return settingsOfType(session, 'Endpoint');
}

/** Part of the write of resources of these types (write.ts): gateways read the interfaces of the laboratory anew. */
export function interfaceStatement(types: readonly number[]): string {
  return `interfaces_changed as (
    insert into interface_state as s (tenant_id, revision)
    select $1, 1 from written w where w.type in (${types.join(', ')}) limit 1
    on conflict (tenant_id) do update set revision = s.revision + 1
  )`;
}

/** How often the interfaces of each laboratory changed; those of which none ever did have no entry. */
export async function interfaceRevisions(database: Pick<Database, 'operator'>): Promise<ReadonlyMap<number, string>> {
  const rows = await database.operator<{ tenant: number; revision: string }>(sql`
    select tenant_id as tenant, revision::text from interface_state`);
  return new Map(rows.map(({ tenant, revision }) => [tenant, revision]));
}

/** Another text after each change of a ConceptMap: they may be large, and are read when they changed. */
export async function stateOfMaps(session: Session): Promise<string> {
  const [row] = await session.query<{
    state: string | null;
  }>(sql`select string_agg(r.rid || '.' || r.ver, ' ' order by r.rid) as state
    from resource r where r.tenant_id = ${session.tenant} and r.type = ${typeNumber('ConceptMap') ?? -1} and not r.deleted`);
  return row?.state ?? '';
}
