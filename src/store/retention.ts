/**
 * Rules of retention, legal holds and their revision (migrations/0015-retention.sql).
 *
 * Each change counts the revision up. What removes something names the revision by which it was chosen (retention_guard), in
 * the same transaction: once a hold is in force nothing goes that it covers.
 */
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface OwnRule {
  readonly category: string;
  readonly period: string | undefined;
  readonly basis: string;
  /** FHIR instant. */
  readonly changed: string;
  readonly by: string;
}

export async function readOwnRules(session: Session): Promise<OwnRule[]> {
  const rows = await session.query<{
    category: string;
    period: string | null;
    basis: string;
    changed: string;
    changed_by: string;
  }>(sql`select category, period, basis, changed, changed_by from retention_rule
    where tenant_id = ${session.tenant} order by category`);
  return rows.map(({ category, period, basis, changed, changed_by: by }) => {
    return { category, period: period ?? undefined, basis, changed: instantText(changed), by };
  });
}

export async function writeRule(session: Session, rule: Omit<OwnRule, 'changed'>): Promise<void> {
  await countUp(session);
  await session.query(sql`insert into retention_rule (tenant_id, category, period, basis, changed_by)
    values (${session.tenant}, ${rule.category}, ${rule.period ?? null}, ${rule.basis}, ${rule.by})
    on conflict (tenant_id, category) do update
      set period = excluded.period, basis = excluded.basis, changed = clock_timestamp(), changed_by = excluded.changed_by`);
}

/** Back to what is usual. */
export async function dropRule(session: Session, category: string): Promise<void> {
  await countUp(session);
  await session.query(sql`delete from retention_rule where tenant_id = ${session.tenant} and category = ${category}`);
}

/** Waits for removals under way. */
async function countUp(session: Session): Promise<void> {
  await session.query(sql`insert into retention_state as s (tenant_id, revision) values (${session.tenant}, 1)
    on conflict (tenant_id) do update set revision = s.revision + 1`);
}

/** The revision in force; the row is made where there is none. */
export async function revisionOf(session: Session): Promise<string> {
  const [row] = await session.query<{ revision: string }>(
    sql`select revision from retention_state where tenant_id = ${session.tenant}`,
  );
  if (row !== undefined) return row.revision;
  await session.query(sql`insert into retention_state (tenant_id) values (${session.tenant}) on conflict do nothing`);
  return revisionOf(session);
}

/** In the transaction that removes. @throws OutcomeError `transient` where rules or holds changed since. */
export async function guardRevision(session: Session, revision: string): Promise<void> {
  await session.query(sql`select retention_guard(${session.tenant}, ${revision})`);
}

export interface Hold {
  readonly id: string;
  /** Neither: all that the laboratory has. */
  readonly category?: string;
  readonly patient?: string;
  readonly reason: string;
  readonly by: string;
  /** FHIR instant. */
  readonly since: string;
}

interface HoldRow {
  hold: string;
  category: string | null;
  patient: string | null;
  reason: string;
  made_by: string;
  since: string;
}

const columns = sql`hold, category, patient, reason, made_by, since`;

function holdFrom({ hold: id, category, patient, reason, made_by: by, since }: HoldRow): Hold {
  return {
    id,
    reason,
    by,
    since: instantText(since),
    ...(category !== null && { category }),
    ...(patient !== null && { patient }),
  };
}

export async function readHolds(session: Session): Promise<Hold[]> {
  const rows = await session.query<HoldRow>(sql`select ${columns} from legal_hold
    where tenant_id = ${session.tenant} and lifted is null order by since, hold`);
  return rows.map(holdFrom);
}

export async function addHold(session: Session, hold: Omit<Hold, 'id' | 'since'>): Promise<Hold> {
  await countUp(session);
  const [row] = await session.query<HoldRow>(sql`insert into legal_hold (tenant_id, category, patient, reason, made_by)
    values (${session.tenant}, ${hold.category ?? null}, ${hold.patient ?? null}, ${hold.reason}, ${hold.by})
    returning ${columns}`);
  if (row === undefined) throw new Error('A row that was inserted is not there.');
  return holdFrom(row);
}

/** Undefined where none of that id is in force. What it kept is looked at anew. */
export async function liftHold(
  session: Session,
  id: string,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<Hold | undefined> {
  await countUp(session);
  const [row] = await session.query<HoldRow>(sql`update legal_hold
    set lifted = clock_timestamp(), lifted_by = ${by}, lift_reason = ${reason}
    where tenant_id = ${session.tenant} and hold = ${id}::uuid and lifted is null returning ${columns}`);
  if (row === undefined) return undefined;
  await session.query(sql`update retention_state set clean = '{}' where tenant_id = ${session.tenant}`);
  return holdFrom(row);
}

/** The seal below which nothing of a category is left that could go. */
export async function cleanBelow(session: Session, category: string): Promise<number> {
  const [row] = await session.query<{ clean: number | null }>(sql`select (clean ->> ${category})::int8::int4 as clean
    from retention_state where tenant_id = ${session.tenant}`);
  return row?.clean ?? 1;
}

/** Nothing where rules or holds changed since. */
export async function noteClean(
  session: Session,
  revision: string,
  { category, below }: { readonly category: string; readonly below: number },
): Promise<void> {
  await session.query(sql`update retention_state set clean = clean || jsonb_build_object(${category}::text, ${below}::int8)
    where tenant_id = ${session.tenant} and revision = ${revision}`);
}
