/** Makes the partitions of the audit log for this month and the two that follow. */
import { makeAuditMonths } from '../store/audit.ts';
import type { JobContext, Run, Step } from './job.ts';

export async function makeMonths({ server }: JobContext, _run: Run): Promise<Step> {
  await makeAuditMonths(server.database, Date.now());
  return { done: 0 };
}
