/**
 * Makes the partitions of the audit log for this month and the two that follow, and forgets by what events of other systems
 * would be recognised that nobody sends again any more.
 */
import { makeAuditMonths } from '../store/audit.ts';
import { forgetReceived } from '../store/audit-external.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

const rows = 1_000;

export async function makeMonths({ server }: JobContext, run: Run): Promise<Step> {
  await makeAuditMonths(server.database, Date.now());
  const forgotten = await forgetReceived(run.session, rows);
  const done = run.job.done + forgotten;
  return forgotten >= rows ? more(run, {}, { done }) : { done };
}
