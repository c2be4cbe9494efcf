/** Adding events that other systems sent: to the log, and to the list by which one that is sent again is recognised. */
import type { AuditRow } from '../audit/row.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Session } from './pool.ts';
import { instantText } from './pool.ts';
import { sql } from './sql.ts';

export interface ExternalEntry {
  readonly row: AuditRow;
  /** Who did it (src/audit/external-agent.ts). */
  readonly agent: number;
  /** FHIR instant: AuditEvent.recorded. */
  readonly recorded: string;
  /** What it is found by, besides the row's. */
  readonly found: JsonObject;
  readonly patients: readonly string[];
}

export async function addExternal(session: Session, entry: ExternalEntry): Promise<void> {
  const { row, agent, recorded, found, patients } = entry;
  const detail = JSON.stringify({ ...row.detail, ...found });
  const time = new Date(row.time).toISOString();
  await session.query(sql`
    insert into audit_event (tenant_id, time, id, agent, kind, outcome, address, request, entity_type, entity_id,
      entity_version, patient, recorded, detail)
    values (${session.tenant}, ${time}, ${row.id}, ${agent}, ${row.kind}, ${row.outcome}, ${row.address}, ${row.request},
      ${row.entityType}, ${row.entityId}, ${row.entityVersion}, ${row.patient}, ${recorded}::timestamptz, ${detail}::jsonb)`);
  if (patients.length < 2) return;
  await session.query(sql`insert into audit_patient (tenant_id, patient, time, id)
    select ${session.tenant}, p, ${time}::timestamptz, ${row.id}::uuid from unnest(${patients}::text[]) p`);
}

export interface Received {
  readonly time: number;
  readonly id: string;
}

/** Notes what is received under a key; or, where it was received before, says as what. A racing one is waited for. */
export async function noteReceived(
  session: Session,
  key: Buffer,
  { time, id }: Received,
): Promise<Received | undefined> {
  const made = await session.query(sql`insert into audit_received (tenant_id, key, time, id)
    values (${session.tenant}, ${key}, ${new Date(time).toISOString()}, ${id}) on conflict do nothing returning id`);
  if (made.length > 0) return undefined;
  const [before] = await session.query<{ time: string; id: string }>(
    sql`select time, id from audit_received where tenant_id = ${session.tenant} and key = ${key}`,
  );
  return before && { time: Date.parse(instantText(before.time)), id: before.id };
}

/** Forgets what was received more than a year ago; the number of rows, at most `most`. */
export async function forgetReceived(session: Session, most: number): Promise<number> {
  const rows = await session.query(sql`delete from audit_received where tenant_id = ${session.tenant} and key in (
    select key from audit_received where tenant_id = ${session.tenant}
      and time < clock_timestamp() - interval '1 year' limit ${most}) returning 1`);
  return rows.length;
}
