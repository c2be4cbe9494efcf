/** The queue of jobs: turns of tenants, leases, failures, isolation. The kinds used here are none that the server runs. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Session } from '../../src/store/pool.ts';
import {
  claimJob,
  failJob,
  finishJob,
  keepProgress,
  readJob,
  renewLease,
  requestJob,
  scheduleJobs,
  type Job,
} from '../../src/store/jobs.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase } from '../server.ts';

let kind: string;
let sessions: Session[];

beforeEach(async () => {
  kind = `test-${randomUUID()}`;
  sessions = (await Promise.all([1, 2, 3].map(() => makeLaboratory()))).map(({ tenant }) => ({
    tenant: tenant.id,
    query: (statement) => testDatabase().query(tenant.id, statement),
  }));
});

const session = (n: number): Session => sessions[n] as Session;
const claim = (seconds = 60): Promise<Job | undefined> => claimJob(testDatabase(), [kind], seconds);

test('tenants take turns, however many jobs one of them has', async () => {
  for (let n = 0; n < 20; n++) await requestJob(session(0), kind, { n });
  await requestJob(session(1), kind);
  await requestJob(session(2), kind);
  const served: number[] = [];
  for (let n = 0; n < 6; n++) {
    const job = (await claim()) as Job;
    served.push(job.tenant);
    await keepProgress(testDatabase(), job, { cursor: { n }, done: n, total: undefined, pause: 0 });
  }
  expect(new Set(served.slice(0, 3)).size).toBe(3);
  expect(new Set(served.slice(3)).size).toBe(3);
});

test('one job of a tenant runs at a time', async () => {
  await requestJob(session(0), kind, { n: 1 });
  await requestJob(session(0), kind, { n: 2 });
  expect(await claim()).toBeDefined();
  expect(await claim()).toBeUndefined();
});

test('many who claim at once never get the same job', async () => {
  for (const one of sessions) await requestJob(one, kind);
  const claimed = (await Promise.all(Array.from({ length: 12 }, () => claim()))).flatMap((job) => job?.id ?? []);
  expect(claimed.length).toBe(new Set(claimed).size);
});

test('the same work is asked for once while it waits, and again once it has begun', async () => {
  const first = await requestJob(session(0), kind);
  expect((await requestJob(session(0), kind)).id).toBe(first.id);
  await claim();
  expect((await requestJob(session(0), kind)).id).not.toBe(first.id);
});

describe('a lease', () => {
  test('that ran out lets another go on where the last step ended, and the first changes nothing more', async () => {
    await requestJob(session(0), kind);
    const first = (await claim()) as Job;
    await keepProgress(testDatabase(), first, { cursor: { at: 7 }, done: 7, total: 9, pause: 0 });
    const dead = (await claim(0)) as Job;
    const next = (await claim()) as Job;
    expect([next.id, next.cursor, next.done, next.total]).toEqual([dead.id, { at: 7 }, 7, 9]);
    await finishJob(testDatabase(), dead, 9);
    expect((await readJob(session(0), dead.id))?.state).toBe('active');
    await finishJob(testDatabase(), next, 9);
    expect(await readJob(session(0), dead.id)).toMatchObject({ state: 'done', done: 9 });
  });

  test('is renewed by its holder only', async () => {
    await requestJob(session(0), kind);
    const job = (await claim(0)) as Job;
    await renewLease(testDatabase(), { ...job, lease: randomUUID() }, 60);
    const next = (await claim(0)) as Job;
    expect(next.id).toBe(job.id);
    await renewLease(testDatabase(), next, 60);
    expect(await claim()).toBeUndefined();
  });
});

test('a failure is tried again later, and given up with its sentence', async () => {
  const { id } = await requestJob(session(0), kind);
  await failJob(testDatabase(), (await claim()) as Job, 'The disk is full.', 60_000);
  expect(await readJob(session(0), id)).toMatchObject({ state: 'active', attempts: 1, error: 'The disk is full.' });
  expect(await claim()).toBeUndefined();
  await testDatabase().query(session(0).tenant, sql`update job set run_at = now() where job_id = ${id}`);
  await failJob(testDatabase(), (await claim()) as Job, 'The disk is full.', undefined);
  expect(await readJob(session(0), id)).toMatchObject({ state: 'failed', attempts: 2 });
});

test('a job is seen by its tenant only', async () => {
  const { id } = await requestJob(session(0), kind);
  expect(await readJob(session(1), id)).toBeUndefined();
  const policyAlone: Session = { tenant: session(0).tenant, query: session(1).query };
  expect(await readJob(policyAlone, id)).toBeUndefined();
  await expect(requestJob(policyAlone, kind, { planted: true })).rejects.toMatchObject({ code: '42501' });
});

test('what each laboratory needs every day is due at a moment of its own, but for the first time and where it is asked for', async () => {
  const own = sessions.map(({ tenant }) => tenant);
  const due = async (): Promise<number[]> => {
    const rows = await testDatabase().operator<{ seconds: number }>(sql`
      select extract(epoch from run_at - clock_timestamp())::float8 as seconds from job
      where kind = ${kind} and state = 'queued' and tenant_id = any(${own}::int4[]) order by tenant_id`);
    return rows.map(({ seconds }) => seconds);
  };
  await scheduleJobs(testDatabase(), kind, 24);
  expect((await due()).map((seconds) => seconds <= 0)).toEqual([true, true, true]);
  await testDatabase().operator(sql`update job set state = 'done', created = created - interval '25 hours',
    finished = clock_timestamp() where kind = ${kind}`);
  await scheduleJobs(testDatabase(), kind, 24);
  await scheduleJobs(testDatabase(), kind, 24);
  const later = await due();
  expect(later.length).toBe(3);
  expect(later.every((seconds) => seconds <= 6 * 3_600)).toBe(true);
  expect(Math.max(...later) - Math.min(...later)).toBeGreaterThan(0.5);
  const asked = await requestJob(session(0), kind);
  expect(asked.state).toBe('queued');
  const place = own.toSorted((a, b) => a - b).indexOf(session(0).tenant);
  expect((await due())[place]).toBeLessThanOrEqual(0);
});
