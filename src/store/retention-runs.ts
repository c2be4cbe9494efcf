/** Runs of retention: what each said would go, and what went (table retention_run). */
import type { JsonObject } from '../fhir/json.ts';
import { instantText, type Session } from './pool.ts';
import { sql, type Sql } from './sql.ts';

export type RunState = 'announced' | 'applying' | 'applied' | 'superseded';

/** Of one category, at the time of the announcement. */
export interface Found {
  readonly period: string;
  readonly basis: string;
  /** FHIR instants: what is earlier goes; the earliest there is. */
  readonly before: string;
  readonly oldest?: string;
  readonly count: number;
}

export interface RetentionRun {
  readonly id: string;
  readonly state: RunState;
  /** FHIR instants. */
  readonly made: string;
  readonly by: string;
  readonly found: Readonly<Record<string, Found>>;
  readonly started: string | undefined;
  readonly finished: string | undefined;
  readonly removed: Readonly<Record<string, number>>;
}

interface Row {
  run: string;
  state: RunState;
  made: string;
  made_by: string;
  found: string;
  started: string | null;
  finished: string | null;
  removed: string;
}

const columns = sql`run, state, made, made_by, found, started, finished, removed`;

function fromRow({ run: id, state, made, made_by: by, found, started, finished, removed }: Row): RetentionRun {
  return {
    id,
    state,
    made: instantText(made),
    by,
    found: JSON.parse(found) as Record<string, Found>,
    started: started === null ? undefined : instantText(started),
    finished: finished === null ? undefined : instantText(finished),
    removed: JSON.parse(removed) as Record<string, number>,
  };
}

export async function addRun(
  session: Session,
  {
    id,
    made,
    by,
    found,
  }: { readonly id: string; readonly made: number; readonly by: string; readonly found: JsonObject },
): Promise<void> {
  await session.query(sql`insert into retention_run (tenant_id, run, made, made_by, found)
    values (${session.tenant}, ${id}, ${new Date(made).toISOString()}, ${by}, ${JSON.stringify(found)}::jsonb)`);
}

export async function readRun(session: Session, id: string): Promise<RetentionRun | undefined> {
  const [row] = await session.query<Row>(
    sql`select ${columns} from retention_run where tenant_id = ${session.tenant} and run = ${id}::uuid`,
  );
  return row && fromRow(row);
}

/** The newest first. */
export async function readRuns(session: Session, most: number): Promise<RetentionRun[]> {
  const rows = await session.query<Row>(sql`select ${columns} from retention_run
    where tenant_id = ${session.tenant} order by made desc limit ${most}`);
  return rows.map(fromRow);
}

/** What was left under way, or else the newest that was announced before a moment. */
export async function dueRun(session: Session, announcedBefore: number): Promise<RetentionRun | undefined> {
  const [row] = await session.query<Row>(sql`select ${columns} from retention_run
    where tenant_id = ${session.tenant}
      and (state = 'applying' or (state = 'announced' and made <= ${new Date(announcedBefore).toISOString()}))
    order by state = 'applying' desc, made desc limit 1`);
  return row && fromRow(row);
}

export async function beginRun(session: Session, id: string): Promise<void> {
  await session.query(sql`update retention_run set state = 'applying', started = coalesce(started, clock_timestamp())
    where tenant_id = ${session.tenant} and run = ${id}::uuid and state in ('announced', 'applying')`);
}

/** Counts what went, in the transaction in which it goes. */
export function countRemoved(tenant: number, run: string, category: string, count: number): Sql {
  return sql`update retention_run
    set removed = removed || jsonb_build_object(${category}::text, coalesce((removed ->> ${category})::int8, 0) + ${count}::int8)
    where tenant_id = ${tenant} and run = ${run}::uuid`;
}

/** False where it had ended before. Announcements before it are done with: what they said went with it. */
export async function finishRun(session: Session, id: string): Promise<boolean> {
  const ended = await session.query<{ made: string }>(sql`update retention_run
    set state = 'applied', finished = clock_timestamp()
    where tenant_id = ${session.tenant} and run = ${id}::uuid and state = 'applying' returning made`);
  if (ended[0] === undefined) return false;
  await session.query(sql`update retention_run set state = 'superseded'
    where tenant_id = ${session.tenant} and state = 'announced' and made < ${ended[0].made}::timestamptz`);
  await session.query(sql`delete from retention_run where tenant_id = ${session.tenant} and state <> 'applied'
    and made < clock_timestamp() - interval '90 days'`);
  return true;
}
