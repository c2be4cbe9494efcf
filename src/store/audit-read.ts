/** Reading the audit log as records: in the order of the seals, or one by one. */
import type { Agent, AuditRecord } from '../audit/record.ts';
import { recordOf } from '../audit/row.ts';
import type { JsonObject } from '../fhir/json.ts';
import { instantText, type Session } from './pool.ts';
import { sql, type Sql } from './sql.ts';

export interface EventRow {
  id: string;
  transaction: string;
  time: string;
  kind: number;
  outcome: number;
  entity_type: number | null;
  entity_id: string | null;
  entity_version: number | null;
  address: string;
  request: string;
  patient: string | null;
  detail: string | null;
  agent_content: string;
}

/** What every reading statement selects from `audit_event e` and `audit_agent a`. */
export const eventColumns: Sql = sql`e.id, e.transaction, e.time, e.kind, e.outcome, e.entity_type, e.entity_id,
  e.entity_version, e.address, e.request, e.patient, e.detail, a.content as agent_content`;

export function recordFromRow(row: EventRow): AuditRecord {
  return recordReader()(row);
}

/** The same for many rows: an agent that several name is read once. */
function recordReader(): (row: EventRow) => AuditRecord {
  const agents = new Map<string, Agent>();
  return ({ agent_content: content, detail, ...row }) => {
    const agent = agents.get(content) ?? (JSON.parse(content) as Agent);
    agents.set(content, agent);
    const { id, kind, outcome, address, request, patient } = row;
    return recordOf(
      {
        id,
        time: Date.parse(instantText(row.time)),
        kind,
        outcome,
        entityType: row.entity_type,
        entityId: row.entity_id,
        entityVersion: row.entity_version,
        address,
        request,
        patient,
        detail: detail === null ? null : (JSON.parse(detail) as JsonObject),
      },
      agent,
    );
  };
}

/** A place in the order of the seals. */
export interface Place {
  readonly transaction: string;
  readonly id: string;
}

export interface Placed extends Place {
  readonly record: AuditRecord;
}

/** Making the records and hashes of a page keeps other requests waiting: some 5 ms. */
const pageSize = 500;
const nil = '00000000-0000-0000-0000-000000000000';

/** The events of the transactions from `low` to below `high`, in the order of transaction and id. */
export async function* eventsInOrder(session: Session, low: string, high: string): AsyncGenerator<Placed> {
  const read = recordReader();
  let after: Place = { transaction: low, id: nil };
  for (;;) {
    const rows = await session.query<EventRow>(sql`select ${eventColumns}
      from audit_event e join audit_agent a on a.tenant_id = e.tenant_id and a.agent = e.agent
      where e.tenant_id = ${session.tenant} and e.transaction < ${high}
        and (e.transaction, e.id) > (${after.transaction}::int8, ${after.id}::uuid)
      order by e.transaction, e.id limit ${pageSize}`);
    for (const row of rows) yield { transaction: row.transaction, id: row.id, record: read(row) };
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = { transaction: last.transaction, id: last.id };
  }
}
