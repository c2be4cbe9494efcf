/**
 * The audit log's tables (migrations/0012-audit.sql): adding events; agents are in audit-agents.ts.
 *
 * 1. Events are added by the statement that writes the resource (store/write.ts), or in groups of many callers' events,
 *    one statement and one commit for all of them; the answer waits for it.
 * 2. An agent is committed before the first event that names it, or with it.
 */
import type { AuditRow } from '../audit/row.ts';
import type { Batching, Combiner } from './combine.ts';
import type { Database, Statement } from './pool.ts';
import { sql } from './sql.ts';
import { arrayLiteral, unnest } from './arrays.ts';

/** What is stored of an event. */
export interface AuditEntry {
  readonly row: AuditRow;
  readonly agent: number;
  /** Where it is about several. */
  readonly patients: readonly string[];
}

const columns: readonly { name: string; type: string; of: (entry: AuditEntry) => unknown }[] = [
  { name: 'id', type: 'uuid', of: ({ row }) => row.id },
  { name: 'ms', type: 'int8', of: ({ row }) => row.time },
  { name: 'agent', type: 'int4', of: ({ agent }) => agent },
  { name: 'kind', type: 'int2', of: ({ row }) => row.kind },
  { name: 'outcome', type: 'int2', of: ({ row }) => row.outcome },
  { name: 'entity_type', type: 'int2', of: ({ row }) => row.entityType },
  { name: 'entity_id', type: 'text', of: ({ row }) => row.entityId },
  { name: 'entity_version', type: 'int4', of: ({ row }) => row.entityVersion },
  { name: 'address', type: 'text', of: ({ row }) => row.address },
  { name: 'request', type: 'text', of: ({ row }) => row.request },
  { name: 'patient', type: 'text', of: ({ row }) => row.patient },
  { name: 'detail', type: 'jsonb', of: ({ row }) => row.detail && JSON.stringify(row.detail) },
];

const names = columns.map(({ name }) => (name === 'ms' ? 'time' : name)).join(', ');
const values = columns.map(({ name }) => (name === 'ms' ? timeOf('u.ms') : `u.${name}`)).join(', ');
const several = columns.length + 2;

function timeOf(milliseconds: string): string {
  return `timestamptz 'epoch' + ${milliseconds} * interval '1 ms'`;
}

const eventText = `insert into audit_event (tenant_id, ${names})
    select $1, ${values} from ${unnest(2, columns)}`;

const addText = `
  with event as (
    ${eventText}
  )
  insert into audit_patient (tenant_id, patient, time, id)
  select $1, p.patient, ${timeOf('p.ms')}, p.id
  from unnest($${several}::text[], $${several + 1}::int8[], $${several + 2}::uuid[]) as p(patient, ms, id)
  on conflict do nothing`;

/** The statement that adds these events. */
export function addEvents(tenant: number, entries: readonly AuditEntry[]): Statement {
  const patients = entries.flatMap(({ row: { id, time }, patients }) =>
    patients.map((patient) => ({ id, time, patient })),
  );
  const events = [tenant, ...columns.map(({ of }) => arrayLiteral(entries.map(of)))];
  if (patients.length === 0) return { text: eventText, values: events };
  return {
    text: addText,
    values: [
      ...events,
      arrayLiteral(patients.map(({ patient }) => patient)),
      arrayLiteral(patients.map(({ time }) => time)),
      arrayLiteral(patients.map(({ id }) => id)),
    ],
  };
}

/** What a write sends of its event; the rest comes from what was written. */
const sent = columns.filter(({ name }) => !/^(entity_.*|patient)$/.test(name));

/**
 * The CTEs that store the events of `written`, parameters from `first` on. A resource that went from one patient to
 * another (`moving`: where that can be) is about both.
 */
export function auditStatement(first: number, moving = true): string {
  const of = new Map([
    ['ms', timeOf('u.ms')],
    [
      'detail',
      `case when w.patient <> w.former
        then coalesce(u.detail, '{}') || jsonb_build_object('patients', jsonb_build_array(w.former, w.patient)) else u.detail end`,
    ],
  ]);
  const own = sent.map(({ name }) => `${of.get(name) ?? `u.${name}`} as ${name === 'ms' ? 'time' : name}`).join(', ');
  const list = sent.map(({ name }) => (name === 'ms' ? 'time' : name)).join(', ');
  return `auditing as materialized (
    select ${own}, w.type as entity_type, w.fhir_id as entity_id, w.ver as entity_version, w.patient, w.former
    from ${unnest(first, [{ name: 'ord', type: 'int4' }, ...sent])} join written w using (ord)
  ),
  audited as (
    insert into audit_event (tenant_id, ${list}, entity_type, entity_id, entity_version, patient)
    select $1, ${list}, entity_type, entity_id, entity_version,
      case when patient <> former then null else coalesce(patient, former) end
    from auditing
  )${moving ? movedText : ''}`;
}

const movedText = `,
  audited_patients as (
    insert into audit_patient (tenant_id, patient, time, id)
    select $1, p.patient, a.time, a.id from auditing a cross join lateral (values (a.former), (a.patient)) p(patient)
    where a.patient <> a.former
  )`;

type Ordered = readonly { readonly entry: { readonly audit?: AuditEntry }; readonly ord: number }[];

/** The values for `auditStatement`. */
export function auditArrays(ordered: Ordered): string[] {
  const rows = ordered.flatMap(({ entry: { audit }, ord }) => (audit === undefined ? [] : [{ audit, ord }]));
  return [
    arrayLiteral(rows.map(({ ord }) => ord)),
    ...sent.map(({ of }) => arrayLiteral(rows.map(({ audit }) => of(audit)))),
  ];
}

/** Events of concurrent callers as one statement (see combine.ts). */
export const combinedEvents: Batching<AuditEntry, true> = {
  key: () => undefined,
  statement: addEvents,
  results: (_, entries) => entries.map((): true => true),
  lanes: 3,
  most: 500,
};

export type Events = Combiner<AuditEntry, true>;

/** Makes the partitions of this month and the two that follow. */
export async function makeAuditMonths(database: Database, now: number): Promise<void> {
  await database.operator(sql`select audit_month((date_trunc('month', ${new Date(now).toISOString()}::timestamptz at time zone 'UTC')
    + n * interval '1 month')::date) from generate_series(0, 2) n`);
}
