/** An event as the database keeps it, and back: what most events have in columns, the rest in `detail`. Pure. */
import type { JsonObject } from '../fhir/json.ts';
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import { kindOf, kinds } from './kinds.ts';
import type { Agent, AuditRecord, Outcome, Touched } from './record.ts';

export interface AuditRow {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly kind: number;
  readonly outcome: number;
  readonly entityType: number | null;
  readonly entityId: string | null;
  readonly entityVersion: number | null;
  readonly address: string;
  readonly request: string;
  /** Where the event is about one patient. */
  readonly patient: string | null;
  readonly detail: JsonObject | null;
}

/** Members have short names: they are stored with each event. */
interface Detail {
  readonly reason?: string;
  readonly deed?: string;
  readonly purposes?: readonly string[];
  readonly query?: string;
  /** The touched resources after the first: number of the type, id, version. */
  readonly more?: readonly (readonly [type: number, id: string, version?: number])[];
  /** Where there are several. */
  readonly patients?: readonly string[];
  readonly further?: readonly JsonObject[];
  /** An event of another system: its text, and who brought it. */
  readonly sent?: string;
  readonly by?: string;
}

export function rowOf(record: Omit<AuditRecord, 'agent'>): AuditRow {
  const { id, time, kind, outcome, address, requestId, touched, patients } = record;
  const [first] = touched;
  const detail = detailOf(record);
  return {
    id,
    time,
    kind: kinds[kind].number,
    outcome,
    entityType: first === undefined ? null : numberOf(first.type),
    entityId: first?.id ?? null,
    entityVersion: first?.version ?? null,
    address,
    request: requestId,
    patient: patients.length === 1 ? (patients[0] ?? null) : null,
    detail: Object.keys(detail).length === 0 ? null : detail,
  };
}

function detailOf({
  reason,
  deed,
  purposes,
  query,
  touched,
  patients,
  further,
  sent,
}: Omit<AuditRecord, 'agent'>): JsonObject {
  return {
    ...(reason !== undefined && { reason }),
    ...(deed !== undefined && { deed }),
    ...(purposes.length > 0 && { purposes: [...purposes] }),
    ...(query !== undefined && { query }),
    ...(touched.length > 1 && { more: touched.slice(1).map(compact) }),
    ...(patients.length > 1 && { patients: [...patients] }),
    ...(further !== undefined && further.length > 0 && { further: [...further] }),
    ...(sent !== undefined && { sent: sent.text, by: sent.client }),
  };
}

function compact({ type, id, version }: Touched): (number | string)[] {
  return version === undefined ? [numberOf(type), id] : [numberOf(type), id, version];
}

function numberOf(type: string): number {
  return typeNumber(type) ?? -1;
}

/** Member by member: as one object of conditional parts it took three times as long, and verifying does little else. */
export function recordOf(row: AuditRow, agent: Agent): AuditRecord {
  const detail: Detail = row.detail ?? {};
  const touched: Touched[] = [];
  if (row.entityType !== null && row.entityId !== null) {
    touched.push(touchedOf(row.entityType, row.entityId, row.entityVersion ?? undefined));
  }
  for (const [type, id, version] of detail.more ?? []) touched.push(touchedOf(type, id, version));
  const record: { -readonly [name in keyof AuditRecord]: AuditRecord[name] } = {
    id: row.id,
    time: row.time,
    kind: kindOf(row.kind),
    outcome: row.outcome as Outcome,
    agent,
    address: row.address,
    purposes: detail.purposes ?? [],
    requestId: row.request,
    touched,
    patients: row.patient === null ? (detail.patients ?? []) : [row.patient],
  };
  if (detail.reason !== undefined) record.reason = detail.reason;
  if (detail.deed !== undefined) record.deed = detail.deed;
  if (detail.query !== undefined) record.query = detail.query;
  if (detail.further !== undefined) record.further = detail.further;
  // A text it always is, until somebody changes the log.
  if (detail.sent !== undefined) record.sent = { text: String(detail.sent), client: String(detail.by ?? '') };
  return record;
}

function touchedOf(type: number, id: string, version: number | undefined): Touched {
  return version === undefined ? { type: typeName(type), id } : { type: typeName(type), id, version };
}
