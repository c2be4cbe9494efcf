/**
 * Patients of whom nothing happened for as long as the rule of `clinical` says: nothing about them was stored since, and
 * nothing about them is dated since (an appointment that is still to come keeps its patient).
 *
 * Where a restriction of processing is in force the patient stays: he may have asked for it in place of erasure (GDPR
 * Art. 18(1)(b), (c)). One that an erasure left, for what it kept by a rule, holds nothing back.
 */
import type { Session } from './pool.ts';
import { counted, type Counted } from './retention-expiry.ts';
import { sql, type Sql } from './sql.ts';

export interface Quiet {
  /** The number of the type Patient. */
  readonly type: number;
  /** Milliseconds since 1970. */
  readonly before: number;
  readonly heldPatients: readonly string[];
}

/** By the index alone, what is deleted not counted: whoever erases looks at all that goes (`activeSince`). */
function quiet(tenant: number, { type, before, heldPatients }: Quiet): Sql {
  const instant = new Date(before).toISOString();
  return sql`from resource p where p.tenant_id = ${tenant} and p.type = ${type}::int2
    and p.last_updated < ${instant}::timestamptz and not p.fhir_id = any(${heldPatients}::text[])
    and not exists (select from restriction x where x.tenant_id = ${tenant} and x.patient = p.fhir_id
      and x.lifted is null and x.erasure is null)
    and not exists (select from search_reference f join resource r on r.tenant_id = ${tenant} and r.rid = f.rid
      where f.tenant_id = ${tenant} and f.id = p.fhir_id and r.patient = p.fhir_id
        and (r.last_updated >= ${instant}::timestamptz or r.date_low >= ${before}::int8))`;
}

export function countQuiet(session: Session, given: Quiet): Promise<Counted> {
  return counted(session, sql`select p.last_updated as at ${quiet(session.tenant, given)}`);
}

/** The next in the order of their ids. */
export async function nextQuiet(session: Session, given: Quiet, after: string): Promise<string | undefined> {
  const [row] = await session.query<{ id: string }>(sql`select p.fhir_id as id ${quiet(session.tenant, given)}
    and p.fhir_id > ${after} order by p.fhir_id limit 1`);
  return row?.id;
}

/** Whether the patient is one of them still, and none of these resources was written or deleted since. */
export async function isQuiet(
  session: Session,
  given: Quiet,
  { patient, rids }: { readonly patient: string; readonly rids: readonly string[] },
): Promise<boolean> {
  const { tenant } = session;
  const instant = new Date(given.before).toISOString();
  const rows = await session.query(sql`select 1 as one ${quiet(tenant, given)} and p.fhir_id = ${patient}
    and not exists (select from resource w where w.tenant_id = ${tenant} and w.rid = any(${rids}::int8[])
      and w.last_updated >= ${instant}::timestamptz)`);
  return rows.length > 0;
}
