/**
 * Calls of critical results that nobody made in time go on to the next who must call. Asked for with each such result for the
 * moment when its call is due, and by the job itself for the next one; once an hour in case a setting changed.
 */
import { escalateCalls } from '../operations/laboratory/results/escalate.ts';
import { door } from '../serve.ts';
import { requestJobAt } from '../store/jobs.ts';
import type { JobContext, Run, Step } from './job.ts';
import { basesOf } from './own-bases.ts';

export async function escalateOverdueCalls({ server }: JobContext, { tenant, session, job }: Run): Promise<Step> {
  const base = basesOf(server.config, tenant.name)[0] ?? '';
  const next = await escalateCalls({ server, tenant, session, base, door }, new Date());
  if (next !== undefined) await requestJobAt(session, 'escalate-calls', Math.max(next, Date.now() + 1_000));
  return { done: job.done + 1 };
}
