/**
 * Removing what has been kept long enough, apart from the audit log: a bounded number of rows at a time, in a transaction
 * that fails where rules or holds changed (retention_guard) and counts what went.
 */
import { instantText, type Database, type Session } from './pool.ts';
import { countRemoved } from './retention-runs.ts';
import { sql, type Sql } from './sql.ts';

export interface Counted {
  readonly count: number;
  readonly oldest: string | undefined;
}

/** @param rows selects one column, `at` */
export async function counted(session: Session, rows: Sql): Promise<Counted> {
  const [row] = await session.query<{ count: string; oldest: string | null }>(
    sql`select count(*) as count, min(at)::timestamptz as oldest from (${rows}) rows`,
  );
  return { count: Number(row?.count ?? 0), oldest: row?.oldest == null ? undefined : instantText(row.oldest) };
}

export interface Batch {
  readonly tenant: number;
  readonly revision: string;
  readonly run: string;
  readonly category: string;
  /** Milliseconds since 1970. */
  readonly before: number;
  readonly heldPatients: readonly string[];
  /** Rows at most. */
  readonly most: number;
}

/** Runs one deletion of each; the number of rows that went. */
async function removed(database: Database, batch: Batch, deletions: readonly Sql[]): Promise<number> {
  const { tenant, revision, run, category } = batch;
  return database.operating(async ({ operator }) => {
    await operator(sql`select set_config('makhbar.tenant', ${String(tenant)}, true)`);
    await operator(sql`select retention_guard(${tenant}, ${revision})`);
    let count = 0;
    for (const deletion of deletions) count += (await operator(deletion)).length;
    if (count > 0) await operator(countRemoved(tenant, run, category, count));
    return count;
  });
}

const instant = (milliseconds: number): string => new Date(milliseconds).toISOString();

export function countUsage(session: Session, before: number): Promise<Counted> {
  const { tenant } = session;
  return counted(
    session,
    sql`select day as at from usage where tenant_id = ${tenant} and day < ${instant(before)}::date
      union all select day from usage_person where tenant_id = ${tenant} and day < ${instant(before)}::date`,
  );
}

export function removeUsage(database: Database, batch: Batch): Promise<number> {
  const { tenant, before, most } = batch;
  const day = instant(before);
  return removed(database, batch, [
    sql`delete from usage where tenant_id = ${tenant} and (day, metric) in (select day, metric from usage
      where tenant_id = ${tenant} and day < ${day}::date limit ${most}) returning 1`,
    sql`delete from usage_person where tenant_id = ${tenant} and (day, person) in (select day, person from usage_person
      where tenant_id = ${tenant} and day < ${day}::date limit ${most}) returning 1`,
  ]);
}

/** Of a patient on hold nothing goes. */
function accounts(tenant: number, { before, heldPatients }: Pick<Batch, 'before' | 'heldPatients'>): Sql {
  const held = heldPatients.map((patient) => `Patient/${patient}`);
  return sql`from account where tenant_id = ${tenant} and status = 'disabled' and disabled < ${instant(before)}::timestamptz
    and not coalesce(fhir_user = any(${held}::text[]), false)`;
}

/** Registered by themselves, and named by no event of the log. */
function clients(tenant: number, before: number): Sql {
  return sql`from client c where tenant_id = ${tenant} and metadata @> '{"dynamic": true}'
    and created < ${instant(before)}::timestamptz
    and not exists (select from audit_agent a where a.tenant_id = c.tenant_id and a.content ->> 'client' = c.client_id
      and exists (select from audit_event e where e.tenant_id = a.tenant_id and e.agent = a.agent and e.kind <> 44))
    and not exists (select from openid_state s where s.tenant_id = c.tenant_id and s.client_id = c.client_id
      and s.kind <> 'RegistrationAccessToken')`;
}

function tickets(tenant: number, before: number): Sql {
  return sql`from account_ticket where tenant_id = ${tenant} and expires < ${instant(before)}::timestamptz`;
}

export function countAccounts(session: Session, due: Pick<Batch, 'before' | 'heldPatients'>): Promise<Counted> {
  const { tenant } = session;
  return counted(
    session,
    sql`select disabled as at ${accounts(tenant, due)} union all select created ${clients(tenant, due.before)}
      union all select expires ${tickets(tenant, due.before)}`,
  );
}

export function removeAccounts(database: Database, batch: Batch): Promise<number> {
  const { tenant, before, most } = batch;
  return removed(database, batch, [
    sql`delete from account_ticket where tenant_id = ${tenant} and hash in
      (select hash ${tickets(tenant, before)} limit ${most}) returning 1`,
    sql`delete from client where tenant_id = ${tenant} and client_id in
      (select client_id ${clients(tenant, before)} limit ${most}) returning 1`,
    accountDeletion(batch),
  ]);
}

/** The rows that belong to an account first: they name it. */
function accountDeletion(batch: Batch): Sql {
  const { tenant, most } = batch;
  return sql`select expire_accounts(${tenant}, array(select account_id ${accounts(tenant, batch)}
    order by account_id limit ${most}))`;
}

/**
 * What is done with; what waits to be applied, or for somebody, stays. Of a message that was not applied nobody knows whom it
 * is about: while a patient is on hold it stays.
 */
function messages(tenant: number, { before, heldPatients }: Pick<Batch, 'before' | 'heldPatients'>): Sql {
  return sql`from message where tenant_id = ${tenant} and received < ${instant(before)}::timestamptz
    and status in ('stored', 'applied', 'replayed', 'rejected', 'accepted', 'sent')
    and (cardinality(${heldPatients}::text[]) = 0 or not coalesce(patients && ${heldPatients}::text[], true))`;
}

export function countMessages(session: Session, due: Pick<Batch, 'before' | 'heldPatients'>): Promise<Counted> {
  return counted(session, sql`select received as at ${messages(session.tenant, due)}`);
}

export function removeMessages(database: Database, batch: Batch): Promise<number> {
  const { tenant, most } = batch;
  return removed(database, batch, [
    sql`delete from message where tenant_id = ${tenant} and id in
      (select id ${messages(tenant, batch)} order by received limit ${most}) returning 1`,
  ]);
}
