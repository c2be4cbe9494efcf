/** The log of a laboratory for tests: its events, and further ones put into it as the server does, at times long ago. */
import type { Agent, AuditRecord } from '../../src/audit/record.ts';
import { rowOf } from '../../src/audit/row.ts';
import { newId } from '../../src/interactions/new-id.ts';
import { addEvents } from '../../src/store/audit.ts';
import { agentNumbers } from '../../src/store/audit-agents.ts';
import { eventColumns, recordFromRow, type EventRow } from '../../src/store/audit-read.ts';
import type { Statement } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { testDatabase } from '../server.ts';

/** In the order of the seals; of one request where it is named. */
export async function eventsOf({ tenant }: { tenant: { id: number } }, requestId?: string): Promise<AuditRecord[]> {
  const rows = await testDatabase().query<EventRow>(
    tenant.id,
    sql`select ${eventColumns} from audit_event e join audit_agent a on a.tenant_id = e.tenant_id and a.agent = e.agent
      where e.tenant_id = ${tenant.id} and (${requestId ?? null}::text is null or e.request = ${requestId ?? ''})
      order by e.transaction, e.id`,
  );
  return rows.map(recordFromRow);
}

/** With short names of what was touched: `Patient/7#1`. */
export function shown(record: AuditRecord): Record<string, unknown> {
  return {
    ...record,
    touched: record.touched.map(
      ({ type, id, version }) => `${type}/${id}${version === undefined ? '' : `#${version}`}`,
    ),
    patients: [...record.patients].sort(),
  };
}

export type Given = Partial<Omit<AuditRecord, 'id' | 'time'>> & { readonly at: string };

const nobody: Agent = { subject: '', client: '', roles: [] };

/** Puts events into the log of a laboratory; their ids in the same order. */
export async function putEvents(
  tenant: number,
  given: readonly Given[],
  store: (statement: Statement) => Promise<unknown> = (statement) => testDatabase().query(tenant, statement),
): Promise<string[]> {
  const database = testDatabase();
  const number = agentNumbers(database);
  const entries = await Promise.all(
    given.map(async ({ at, agent = nobody, ...rest }) => {
      const time = Date.parse(at);
      const record = {
        id: newId(time),
        time,
        kind: 'read' as const,
        outcome: 0 as const,
        address: '',
        purposes: [],
        requestId: 'r',
        touched: [],
        patients: [],
        ...rest,
      };
      const patients = record.patients.length > 1 ? record.patients : [];
      return { row: rowOf(record), agent: await number(tenant, JSON.stringify(agent)), patients };
    }),
  );
  await store(addEvents(tenant, entries));
  return entries.map(({ row }) => row.id);
}
