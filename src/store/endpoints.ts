/** The Endpoints of a laboratory, for its gateways: they are read by what they are, not on behalf of a caller. */
import { typeNumber } from '../fhir/resource-types.ts';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

/** Far more interfaces than a laboratory has. */
const most = 1_000;

/** Their JSON texts. */
export async function endpoints(session: Session): Promise<string[]> {
  const rows = await session.query<{ text: string }>(sql`select coalesce(v.exact, v.content::text) as text
    from resource r join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    where r.tenant_id = ${session.tenant} and r.type = ${typeNumber('Endpoint') ?? -1} and not r.deleted
    order by r.rid limit ${most}`);
  return rows.map(({ text }) => text);
}
