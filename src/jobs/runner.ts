/**
 * Runs background jobs: claims what is due, does one step, gives it back, and again.
 *
 * 1. A step is bounded, so that tenants take turns and a stop waits for little.
 * 2. What fails for a passing reason is tried again, each time later; what would fail again is given up at once, with
 *    the sentence in the job's row.
 * 3. A lease is renewed while the step is under way; a process that dies is followed by another within LEASE_TIME.
 *
 * Waiting jobs are looked for by a query on a small partial index (0.2 ms), not announced by NOTIFY: a lost connection
 * would be a lost announcement, and the query would be needed all the same.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { OutcomeError, outcomeError, type IssueCode } from '../fhir/outcome.ts';
import { claimJob, failJob, finishJob, keepProgress, renewLease, scheduleJobs, type Job } from '../store/jobs.ts';
import type { Session } from '../store/pool.ts';
import { findTenantById } from '../store/tenants.ts';
import { jobs } from './catalog.ts';
import type { JobContext, Step } from './job.ts';

/** Milliseconds of a step. */
const stepLength = 1_000;
/** Milliseconds between two looks when nothing is due. */
const idle = 300;
/** Jobs of different tenants at work in one process; the rest of the processor is for requests. */
const slots = 2;
const mostAttempts = 8;
const mostPause = 300_000;
const scheduleEvery = 3_600_000;

export interface Runner {
  /** Lets the steps under way end. */
  stop(): Promise<void>;
}

export function startRunner(context: JobContext): Runner {
  const stopping = new AbortController();
  const loops = [
    ...Array.from({ length: slots }, () => work(context, stopping.signal)),
    schedule(context, stopping.signal),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}

async function work(context: JobContext, signal: AbortSignal): Promise<void> {
  const { database, log, config } = context.server;
  while (!signal.aborted) {
    try {
      const job = await claimJob(database, Object.keys(jobs), config.leaseTime / 1_000);
      if (job === undefined) await rest(idle * (0.5 + Math.random()), signal);
      else await runStep(context, job);
    } catch (error) {
      // The database cannot be reached: the job, if there was one, comes back when its lease has run out.
      log.warn({ err: error }, 'jobs wait for the database');
      await rest(5_000, signal);
    }
  }
}

async function runStep(context: JobContext, job: Job): Promise<void> {
  const { database, log, config } = context.server;
  const { leaseTime } = config;
  const renewing = setInterval(
    () => void renewLease(database, job, leaseTime / 1_000).catch(() => undefined),
    leaseTime / 4,
  );
  try {
    const step = await stepOf(context, job);
    if ('more' in step) {
      await keepProgress(database, job, step.more);
    } else {
      await finishJob(database, job, step.done);
      log.info({ job: job.kind, tenant: job.tenant }, 'job done');
    }
  } catch (error) {
    await noteFailure(context, job, error);
  } finally {
    clearInterval(renewing);
  }
}

async function stepOf(context: JobContext, job: Job): Promise<Step> {
  const { database } = context.server;
  const kind = jobs[job.kind];
  const tenant = await findTenantById(database, job.tenant);
  if (kind === undefined || tenant === undefined)
    throw outcomeError('not-found', 'The laboratory of this job is no longer there.');
  if (tenant.status === 'suspended') {
    return { more: { cursor: job.cursor, done: job.done, total: job.total, pause: mostPause } };
  }
  const run = { job, tenant, until: Date.now() + stepLength };
  if (kind.apart === true && context.apart !== undefined) return context.apart(run);
  const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
  return kind.step(context, { ...run, session });
}

/** What another try may overcome. */
const passing: ReadonlySet<IssueCode> = new Set([
  'transient',
  'lock-error',
  'timeout',
  'no-store',
  'exception',
  'throttled',
]);

async function noteFailure({ server: { database, log } }: JobContext, job: Job, error: unknown): Promise<void> {
  const known = error instanceof OutcomeError;
  const hopeless = known && !passing.has(error.issues[0]?.code ?? 'exception');
  const last = hopeless || job.attempts + 1 >= mostAttempts;
  const sentence = known ? error.message : 'The server failed in a way it does not know; its log has the rest.';
  log[last ? 'error' : 'warn']({ job: job.kind, tenant: job.tenant, ...(!known && { err: error }) }, 'job failed');
  await failJob(database, job, sentence, last ? undefined : Math.min(mostPause, 1_000 * 2 ** job.attempts));
}

async function schedule({ server }: JobContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const [name, { everyHours }] of Object.entries(jobs)) {
      if (everyHours === undefined) continue;
      await scheduleJobs(server.database, name, everyHours).catch((error: unknown) =>
        server.log.warn({ err: error }, 'jobs not scheduled'),
      );
    }
    await rest(scheduleEvery, signal);
  }
}
