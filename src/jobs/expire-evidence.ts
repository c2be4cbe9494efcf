/**
 * Deletes what persons were given of their data when its time has come: the Binary, and its content too, which other deletions
 * keep for the history. The Task and its document stay, and say that there was something and until when.
 */
import { thing } from '../audit/security.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { announceWithin } from '../interactions/announce.ts';
import { deletion } from '../interactions/prepare.ts';
import { listExpired, releaseEvidence } from '../store/evidence.ts';
import { requestJob } from '../store/jobs.ts';
import { writeStatement } from '../store/write.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

const files = 100;
const binaryType = typeNumber('Binary') ?? -1;

export async function expireEvidence({ server }: JobContext, run: Run): Promise<Step> {
  const expired = await server.database.transaction(run.tenant.id, async (session) => {
    const due = await listExpired(session, new Date(), files);
    if (due.length === 0) return 0;
    const ids = due.map(({ id }) => id);
    const live = due.filter((one) => one.live).map(({ id }) => deletion({ type: binaryType, id }, 'any').entry);
    if (live.length > 0) await session.query(writeStatement(run.tenant.id, live));
    await releaseEvidence(session, ids);
    await requestJob(session, 'delete-erased-files');
    const further = ids.map((id) => thing('state', `Binary/${id}`));
    const agent = { subject: 'makhbar', client: 'makhbar' };
    await announceWithin(session, { kind: 'retention-run', deed: 'expire-evidence', agent, further });
    return ids.length;
  });
  const done = run.job.done + expired;
  return expired < files ? { done } : more(run, {}, { done });
}
