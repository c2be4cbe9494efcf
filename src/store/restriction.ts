/**
 * Patients whose data are stored and not used (table restriction, migrations/0013-erasure.sql).
 *
 * The first of a tenant marks it, so that those without any never ask (tenant-mark.ts); when the last one ends the mark
 * goes. Both happen under one lock: nobody puts a restriction in force while the mark is taken away.
 */
import { instantText, type Database, type Session } from './pool.ts';
import { sql } from './sql.ts';
import { markTenant, unmarkTenant } from './tenant-mark.ts';

export interface Restriction {
  readonly id: string;
  /** The patient's id. */
  readonly patient: string;
  readonly reason: string;
  readonly askedBy?: string;
  readonly madeBy: string;
  /** FHIR instant. */
  readonly since: string;
  /** The erasure that kept something of the patient. */
  readonly erasure?: string;
}

interface Row {
  restriction: string;
  patient: string;
  reason: string;
  asked_by: string | null;
  made_by: string;
  since: string;
  erasure: string | null;
}

const columns = sql`restriction, patient, reason, asked_by, made_by, since, erasure`;

function fromRow(row: Row): Restriction {
  return {
    id: row.restriction,
    patient: row.patient,
    reason: row.reason,
    madeBy: row.made_by,
    since: instantText(row.since),
    ...(row.asked_by !== null && { askedBy: row.asked_by }),
    ...(row.erasure !== null && { erasure: row.erasure }),
  };
}

/** Until the transaction ends nobody else of the tenant begins or ends a restriction. */
export async function lockRestrictions(session: Session): Promise<void> {
  await session.query(sql`select pg_advisory_xact_lock(hashtextextended('restriction', ${session.tenant}::int8))`);
}

/** Before one is put in force, with `lockRestrictions`: every process must ask. */
export async function announceRestrictions(database: Database, tenant: number): Promise<void> {
  await markTenant(database, tenant, 'restrictions');
}

export type NewRestriction = Pick<Restriction, 'patient' | 'reason' | 'askedBy' | 'madeBy' | 'erasure'>;

/** The restriction that is in force then: this one, or one that was before. */
export async function addRestriction(
  session: Session,
  { patient, reason, askedBy, madeBy, erasure }: NewRestriction,
): Promise<Restriction> {
  await session.query(sql`
    insert into restriction (tenant_id, patient, reason, asked_by, made_by, erasure)
    values (${session.tenant}, ${patient}, ${reason}, ${askedBy ?? null}, ${madeBy}, ${erasure ?? null}::uuid)
    on conflict do nothing`);
  const found = await restrictionOf(session, patient);
  if (found === undefined) throw new Error('A restriction was not stored.');
  return found;
}

export async function restrictionOf(session: Session, patient: string): Promise<Restriction | undefined> {
  const [row] = await session.query<Row>(sql`
    select ${columns} from restriction
    where tenant_id = ${session.tenant} and patient = ${patient} and lifted is null`);
  return row && fromRow(row);
}

/** Those in force, oldest first. */
export async function listRestrictions(session: Session): Promise<Restriction[]> {
  const rows = await session.query<Row>(sql`
    select ${columns} from restriction where tenant_id = ${session.tenant} and lifted is null order by since, restriction`);
  return rows.map(fromRow);
}

export async function liftRestriction(
  session: Session,
  id: string,
  { by, reason }: { by: string; reason: string },
): Promise<void> {
  await session.query(sql`
    update restriction set lifted = clock_timestamp(), lifted_by = ${by}, lift_reason = ${reason}
    where tenant_id = ${session.tenant} and restriction = ${id}::uuid and lifted is null`);
}

/** All that was ever said of one patient's. */
export async function forgetRestrictions(session: Session, patient: string): Promise<void> {
  await session.query(sql`delete from restriction where tenant_id = ${session.tenant} and patient = ${patient}`);
}

/** After the last one ended: statements need not ask any more. */
export async function unmarkIfNone(database: Database, tenant: number): Promise<void> {
  await database.transaction(tenant, async (session) => {
    await lockRestrictions(session);
    if ((await listRestrictions(session)).length === 0) await unmarkTenant(database, tenant, 'restrictions');
  });
}
