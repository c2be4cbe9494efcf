/**
 * Reading resources by id and by version. The text comes back as it is stored and is not parsed here.
 */
import { auditArrays, auditStatement, type AuditEntry } from './audit.ts';
import { instantText, type Session, type Statement } from './pool.ts';
import type { Batching } from './combine.ts';
import { sql, type Sql } from './sql.ts';

/** A version of a resource; `text` is null in the version that a deletion made. */
export interface Stored {
  readonly type: number;
  readonly id: string;
  readonly rid: string;
  readonly version: number;
  /** FHIR instant. */
  readonly lastUpdated: string;
  readonly method: string;
  readonly text: string | null;
  /** The patient whom the present version is about; absent where it is about none, and for other versions. */
  readonly patient?: string;
  /** The resource that contains it, where it was found as a contained one. */
  readonly within?: Key;
}

export interface StoredRow {
  type: number;
  fhir_id: string;
  rid: string;
  ver: number;
  last_updated: string;
  method: string;
  text: string | null;
  patient: string | null;
}

/** What every reading statement selects from `resource r` and `resource_version v`. */
export const storedColumns: Sql = sql`r.type, r.fhir_id, r.rid,
  case when v.ver = r.ver then r.patient end as patient, v.ver, v.last_updated, v.method,
  coalesce(v.exact, v.content::text) as text`;

export function storedFromRow(row: StoredRow): Stored {
  return {
    type: row.type,
    id: row.fhir_id,
    rid: row.rid,
    version: row.ver,
    lastUpdated: instantText(row.last_updated),
    method: row.method,
    text: row.text,
    ...(row.patient !== null && { patient: row.patient }),
  };
}

/** The current version, also where it is a deletion; undefined where the id was never used. */
export async function readCurrent(session: Session, type: number, id: string): Promise<Stored | undefined> {
  const [row] = await session.query<StoredRow>(sql`
    select ${storedColumns}
    from resource r join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    where r.tenant_id = ${session.tenant} and r.type = ${type} and r.fhir_id = ${id}`);
  return row && storedFromRow(row);
}

export async function readVersion(
  session: Session,
  key: { type: number; id: string; version: number },
): Promise<Stored | undefined> {
  const [row] = await session.query<StoredRow>(sql`
    select ${storedColumns}
    from resource r join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid
    where r.tenant_id = ${session.tenant} and r.type = ${key.type} and r.fhir_id = ${key.id} and v.ver = ${key.version}`);
  return row && storedFromRow(row);
}

export interface Key {
  readonly type: number;
  readonly id: string;
}

/** The current versions of many ids, in no order; deleted ones included. */
export async function readMany(session: Session, keys: readonly Key[]): Promise<Stored[]> {
  if (keys.length === 0) {
    return [];
  }
  const rows = await session.query<StoredRow>(sql`
    select ${storedColumns}
    from ${keysSql(keys)} join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.fhir_id
    join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver`);
  return rows.map(storedFromRow);
}

/**
 * The same with the rows locked until the transaction ends. Two statements: one that waits for a lock looks at the new
 * row, but joins it with what it saw before it waited, and would find no version of that number.
 */
export async function readManyLocked(session: Session, keys: readonly Key[]): Promise<Stored[]> {
  if (keys.length === 0) {
    return [];
  }
  await session.query(sql`
    select r.rid
    from ${keysSql(keys)} join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.fhir_id
    order by r.rid for no key update of r`);
  return readMany(session, keys);
}

function keysSql(keys: readonly Key[]): Sql {
  return sql`unnest(${keys.map((key) => key.type)}::int2[], ${keys.map((key) => key.id)}::text[]) as k(type, fhir_id)`;
}

/** Which of these ids are live; they stay so until the transaction ends. */
export async function lockLive(session: Session, keys: readonly Key[]): Promise<Key[]> {
  if (keys.length === 0) {
    return [];
  }
  const rows = await session.query<{ type: number; fhir_id: string }>(sql`
    select r.type, r.fhir_id
    from ${keysSql(keys)} join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.fhir_id
    where not r.deleted
    order by r.rid for share of r`);
  return rows.map((row) => ({ type: row.type, id: row.fhir_id }));
}

/** A read; with its event, where that is stored by the same statement if there is a live resource. */
export interface Read extends Key {
  readonly audit?: AuditEntry;
}

const currentText = `
  select r.type, r.fhir_id, r.rid, r.patient, v.ver, v.last_updated, v.method, coalesce(v.exact, v.content::text) as text
  from unnest($2::int2[], $3::text[]) as k(type, fhir_id)
  join resource r on r.tenant_id = $1 and r.type = k.type and r.fhir_id = k.fhir_id
  join resource_version v on v.tenant_id = $1 and v.rid = r.rid and v.ver = r.ver`;

const auditedText = `
  with found as materialized (
    select k.ord, r.type, r.fhir_id, r.rid, r.patient, v.ver, v.last_updated, v.method,
      coalesce(v.exact, v.content::text) as text
    from unnest($2::int2[], $3::text[], $4::int4[]) as k(type, fhir_id, ord)
    join resource r on r.tenant_id = $1 and r.type = k.type and r.fhir_id = k.fhir_id
    join resource_version v on v.tenant_id = $1 and v.rid = r.rid and v.ver = r.ver
  ),
  written as (select ord, type, fhir_id, ver, patient, null::text as former from found where text is not null),
  ${auditStatement(5, false)}
  select type, fhir_id, rid, patient, ver, last_updated, method, text from found`;

function readStatement(tenant: number, reads: readonly Read[]): Statement {
  const values = [tenant, reads.map(({ type }) => type), reads.map(({ id }) => id)];
  if (reads.every(({ audit }) => audit === undefined)) return { text: currentText, values };
  const ordered = reads.map((entry, ord) => ({ entry, ord }));
  return { text: auditedText, values: [...values, ordered.map(({ ord }) => ord), ...auditArrays(ordered)] };
}

/** Single reads of concurrent callers as one statement (see combine.ts). */
export const combinedReads: Batching<Read, Stored | undefined> = {
  key: () => undefined,
  statement: readStatement,
  results: (rows, keys) => {
    const found = new Map((rows as StoredRow[]).map((row) => [`${row.type}/${row.fhir_id}`, storedFromRow(row)]));
    return keys.map((key) => found.get(`${key.type}/${key.id}`));
  },
  lanes: 3,
  most: 100,
};
