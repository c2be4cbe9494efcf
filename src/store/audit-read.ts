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
  return recordWith(row, JSON.parse(row.agent_content) as Agent);
}

function recordWith(row: Omit<EventRow, 'agent_content'>, agent: Agent): AuditRecord {
  const { id, kind, outcome, address, request, patient, detail } = row;
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
const shortPage = 500;

type PlacedRow = Omit<EventRow, 'agent_content'> & { agent: number };

/**
 * The events of the transactions from `low` to below `high`, in the order of transaction and id. While a page is worked
 * on the next one is read. Agents are read by themselves, each once: joined they were a third of the work.
 */
export async function* eventsInOrder(
  session: Session,
  low: string,
  high: string,
  pageSize = shortPage,
): AsyncGenerator<Placed> {
  const agents = new Map<number, Agent>();
  let coming = pageFrom(session, { low, high, pageSize });
  for (;;) {
    const rows = await coming;
    const last = rows.at(-1);
    const isLast = last === undefined || rows.length < pageSize;
    await addAgents(session, agents, rows);
    if (!isLast) coming = pageFrom(session, { low: String(BigInt(last.transaction) + 1n), high, pageSize });
    for (const row of inOrder(rows)) {
      const agent = agents.get(row.agent);
      // An event whose agent was taken away is no event that can be shown: it is missing.
      if (agent !== undefined) yield { transaction: row.transaction, id: row.id, record: recordWith(row, agent) };
    }
    if (isLast) return;
  }
}

/** Whole transactions, so that the index need not have the ids. */
function pageFrom(
  session: Session,
  { low, high, pageSize }: { low: string; high: string; pageSize: number },
): Promise<PlacedRow[]> {
  const rows = session.query<PlacedRow>(sql`select id, transaction, time, agent, kind, outcome, entity_type, entity_id,
      entity_version, address, request, patient, detail
    from audit_event where tenant_id = ${session.tenant} and transaction >= ${low} and transaction < ${high}
    order by transaction fetch first (${pageSize}::int8) rows with ties`);
  // Who reads no further does not wait for it.
  rows.catch(() => undefined);
  return rows;
}

/** Ids of lower case are in the order of their bytes as texts, too; numbers are by their length first. */
function inOrder(rows: PlacedRow[]): PlacedRow[] {
  return rows.sort((one, other) => {
    const [before, after] = [one.transaction, other.transaction];
    if (before === after) return one.id < other.id ? -1 : 1;
    return before.length - after.length || (before < after ? -1 : 1);
  });
}

async function addAgents(session: Session, agents: Map<number, Agent>, rows: readonly PlacedRow[]): Promise<void> {
  const unknown = [...new Set(rows.map(({ agent }) => agent))].filter((agent) => !agents.has(agent));
  if (unknown.length === 0) return;
  const found = await session.query<{ agent: number; content: string }>(sql`select agent, content from audit_agent
    where tenant_id = ${session.tenant} and agent = any(${unknown}::int4[])`);
  for (const { agent, content } of found) agents.set(agent, JSON.parse(content) as Agent);
}
