/**
 * The queue of background jobs: table `job` (migrations/0006-jobs.sql).
 *
 * Decision: a table of our own instead of graphile-worker (0.16) or pg-boss (10). Both migrate a schema of their own
 * beside our ledger, want a login that owns it, know neither a tenant in each key nor a role under row level security
 * (a job's payload would be readable across tenants), take the next job by age, so that one tenant's thousand jobs
 * stand before another's first, and keep no cursor for work that goes on after a crash. What is left of a queue is below.
 *
 * 1. A job is claimed for a lease and given back after each step with its cursor; a process that dies loses one step.
 *    A step may therefore run twice: it must be safe to repeat.
 * 2. Whoever lost the lease changes nothing in the row any more.
 * 3. At most one job of a tenant runs at a time, and the tenant served longest ago comes first.
 */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import { instantText, type Database, type Session } from './pool.ts';
import { sql } from './sql.ts';

export type JobState = 'queued' | 'active' | 'done' | 'failed';

export interface Job {
  readonly tenant: number;
  readonly id: string;
  readonly kind: string;
  readonly input: JsonObject;
  readonly state: JobState;
  readonly cursor: JsonObject | undefined;
  readonly done: number;
  readonly total: number | undefined;
  readonly attempts: number;
  readonly error: string | undefined;
  readonly lease: string;
  /** FHIR instants. */
  readonly created: string;
  readonly finished: string | undefined;
}

interface JobRow {
  tenant_id: number;
  job_id: string;
  kind: string;
  input: string;
  state: JobState;
  cursor: string | null;
  done: string;
  total: string | null;
  attempts: number;
  error: string | null;
  lease: string | null;
  created: string;
  finished: string | null;
}

function jobFromRow(row: JobRow): Job {
  return {
    tenant: row.tenant_id,
    id: row.job_id,
    kind: row.kind,
    input: JSON.parse(row.input) as JsonObject,
    state: row.state,
    cursor: row.cursor === null ? undefined : (JSON.parse(row.cursor) as JsonObject),
    done: Number(row.done),
    total: row.total === null ? undefined : Number(row.total),
    attempts: row.attempts,
    error: row.error ?? undefined,
    lease: row.lease ?? '',
    created: instantText(row.created),
    finished: row.finished === null ? undefined : instantText(row.finished),
  };
}

const columns = sql`j.tenant_id, j.job_id, j.kind, j.input, j.state, j.cursor, j.done, j.total, j.attempts, j.error,
  j.lease, j.created, j.finished`;

/** Asks for a job; where the same one is waiting already, that one is meant, and waits for no hour of the night any more. */
export async function requestJob(session: Session, kind: string, input: JsonObject = {}): Promise<Job> {
  const text = JSON.stringify(input);
  for (;;) {
    const [row] = await session.query<JobRow>(sql`
      with made as (
        insert into job as j (tenant_id, kind, input) values (${session.tenant}::int4, ${kind}, ${text}::jsonb)
        on conflict do nothing
        returning ${columns}
      ), hurried as (
        update job set run_at = clock_timestamp()
        where tenant_id = ${session.tenant} and kind = ${kind} and input = ${text}::jsonb
          and state = 'queued' and cursor is null and run_at > clock_timestamp()
      )
      select * from made union all
      select ${columns} from job j
      where j.tenant_id = ${session.tenant} and j.kind = ${kind} and j.input = ${text}::jsonb
        and j.state = 'queued' and j.cursor is null`);
    // None: the one that stood in the way was begun in this moment.
    if (row !== undefined) return jobFromRow(row);
  }
}

/** Asks for a job at a time (milliseconds since 1970); the same one that waits already is done by then. */
export async function requestJobAt(session: Session, kind: string, at: number): Promise<void> {
  await session.query(sql`
    with made as (
      insert into job (tenant_id, kind, run_at) values (${session.tenant}::int4, ${kind}, to_timestamp(${at / 1_000}))
      on conflict do nothing
    )
    update job set run_at = to_timestamp(${at / 1_000})
    where tenant_id = ${session.tenant} and kind = ${kind} and input = '{}'::jsonb
      and state = 'queued' and cursor is null and run_at > to_timestamp(${at / 1_000})`);
}

export async function readJob(session: Session, id: string): Promise<Job | undefined> {
  const [row] = await session.query<JobRow>(sql`
    select ${columns} from job j where j.tenant_id = ${session.tenant} and j.job_id = ${id}::uuid`);
  return row && jobFromRow(row);
}

/**
 * Takes the job that is due next, of any tenant, for `seconds`.
 *
 * Who is busy and who was served when is worked out once for all tenants: asked for each job of a night in which those of
 * five hundred laboratories are due, it took 7 to 11 s as long as the table had no fresh statistics.
 */
export async function claimJob(
  database: Database,
  kinds: readonly string[],
  seconds: number,
): Promise<Job | undefined> {
  const [row] = await database.operator<JobRow>(sql`
    with busy as materialized (
      select k.tenant_id from job k
      where k.lease is not null and k.state = 'active' and k.run_at > clock_timestamp()
    ), served as materialized (
      select s.tenant_id, max(s.served) as last from job s group by s.tenant_id
    ), due as (
      select distinct on (tenant_id) tenant_id, job_id, run_at
      from job j
      where state in ('queued', 'active') and run_at <= clock_timestamp() and kind = any(${kinds})
        and tenant_id not in (select b.tenant_id from busy b)
      order by tenant_id, state = 'active' desc, created
    ), chosen as (
      select j.tenant_id, j.job_id
      from due join served using (tenant_id) join job j using (tenant_id, job_id)
      order by served.last nulls first, due.run_at
      limit 1 for update of j skip locked
    )
    update job j set state = 'active', lease = ${randomUUID()}::uuid, served = clock_timestamp(),
      run_at = clock_timestamp() + make_interval(secs => ${seconds})
    from chosen c where j.tenant_id = c.tenant_id and j.job_id = c.job_id
      and j.state in ('queued', 'active') and j.run_at <= clock_timestamp()
    returning ${columns}`);
  return row && jobFromRow(row);
}

export async function renewLease(database: Database, job: Job, seconds: number): Promise<void> {
  await database.operator(sql`
    update job set run_at = clock_timestamp() + make_interval(secs => ${seconds})
    where tenant_id = ${job.tenant} and job_id = ${job.id} and lease = ${job.lease}`);
}

export interface Progress {
  readonly cursor: JsonObject | undefined;
  readonly done: number;
  readonly total: number | undefined;
  /** Milliseconds until the next step. */
  readonly pause: number;
}

/** Gives the job back with what it has done. */
export async function keepProgress(database: Database, job: Job, progress: Progress): Promise<void> {
  await database.operator(sql`
    update job set lease = null, cursor = ${progress.cursor === undefined ? null : JSON.stringify(progress.cursor)}::jsonb, done = ${progress.done},
      total = ${progress.total ?? null}, attempts = 0, error = null,
      run_at = clock_timestamp() + make_interval(secs => ${progress.pause / 1000})
    where tenant_id = ${job.tenant} and job_id = ${job.id} and lease = ${job.lease}`);
}

export async function finishJob(database: Database, job: Job, done: number): Promise<void> {
  await database.operator(sql`
    update job set lease = null, state = 'done', done = ${done}, error = null, finished = clock_timestamp()
    where tenant_id = ${job.tenant} and job_id = ${job.id} and lease = ${job.lease}`);
}

/** @param retry milliseconds until the next try; undefined gives up */
export async function failJob(
  database: Database,
  job: Job,
  sentence: string,
  retry: number | undefined,
): Promise<void> {
  const seconds = (retry ?? 0) / 1000;
  await database.operator(sql`
    update job set lease = null, attempts = attempts + 1, error = ${sentence.slice(0, 2_000)},
      state = ${retry === undefined ? 'failed' : 'active'},
      finished = case when ${retry === undefined} then clock_timestamp() end,
      run_at = clock_timestamp() + make_interval(secs => ${seconds})
    where tenant_id = ${job.tenant} and job_id = ${job.id} and lease = ${job.lease}`);
}

/**
 * Asks for a job of a kind in each active tenant that has had none in this time; forgets finished ones of a month ago. What was
 * done before is due in the next quarter of the time, each tenant at a moment of its own: those of all would be due at once.
 */
export async function scheduleJobs(database: Database, kind: string, hours: number): Promise<void> {
  await database.operator(sql`
    with old as (
      delete from job where state in ('done', 'failed') and finished < clock_timestamp() - interval '30 days'
    )
    insert into job (tenant_id, kind, run_at)
    select t.tenant_id, ${kind}, clock_timestamp() + case when exists (
        select from job j where j.tenant_id = t.tenant_id and j.kind = ${kind})
      then make_interval(secs => (hashtext(${kind} || ' ' || t.tenant_id) & 2147483647) % ${Math.max(1, hours * 900)}::int4)
      else interval '0' end
    from tenant t
    where t.status = 'active' and not exists (
      select from job j where j.tenant_id = t.tenant_id and j.kind = ${kind}
        and j.created > clock_timestamp() - make_interval(hours => ${hours}::int4))
    on conflict do nothing`);
}
