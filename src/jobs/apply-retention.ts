/**
 * Removes what has been kept long enough (src/retention/run.ts), once a day: the newest announcement that is at least seven
 * days old, or the one that the data protection officer names (input {run}). Then it announces what would go next. Each
 * has its event in the log, in the same transaction.
 */
import { keptFigures } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { announceWithin } from '../interactions/announce.ts';
import { eraseByRule } from '../operations/erase-by-rule.ts';
import { refused } from '../retention/clinical.ts';
import type { Removing } from '../retention/holding.ts';
import { announceRun, notice, removeNext, type Place } from '../retention/run.ts';
import { door } from '../serve.ts';
import { pruneAgents } from '../store/audit-agents.ts';
import { dropEmptyMonths } from '../store/audit-removals.ts';
import { beginRun, dueRun, finishRun, readRun, type RetentionRun } from '../store/retention-runs.ts';
import { basesOf } from './own-bases.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

interface Cursor {
  readonly run: string;
  readonly place: Place;
}

const agent = { subject: 'makhbar', client: 'makhbar' };

export async function applyRetention(context: JobContext, run: Run): Promise<Step> {
  const { job, session, until } = run;
  const due = await wanted(run);
  if (due === undefined) return announce(context, run);
  await beginRun(session, due.id);
  const removing = removingOf(context, run, due.id);
  let place = (job.cursor as unknown as Cursor | undefined)?.place;
  do {
    place = await removeNext(removing, due, place);
    if (place === undefined) {
      await finish(context, run, due.id);
      return announce(context, run);
    }
  } while (Date.now() < until);
  return more(run, { run: due.id, place } satisfies Cursor as unknown as JsonObject);
}

function removingOf({ server, signingKey }: JobContext, { tenant, session }: Run, run: string): Removing {
  const base = basesOf(server.config, tenant.name)[0] ?? '';
  const erase: Removing['erase'] = (patient, given) =>
    eraseByRule({ server, tenant, session, base, door }, patient, given);
  return { database: server.database, tenant, session, signingKey, run, erase };
}

/** The run to carry out, or to go on with. */
async function wanted({ job, session }: Run): Promise<RetentionRun | undefined> {
  const named = (job.cursor?.['run'] ?? job.input['run']) as string | undefined;
  if (named === undefined) return dueRun(session, Date.now() - notice);
  const run = await readRun(session, named);
  return run?.state === 'announced' || run?.state === 'applying' ? run : undefined;
}

async function announce({ server }: JobContext, { tenant, job }: Run): Promise<Step> {
  await server.database.transaction(tenant.id, async (session) => {
    const { found } = await announceRun(session, { by: agent.client, now: Date.now() });
    const further = Object.entries(found).map(([category, { count }]) => keptFigures(category, count));
    await announceWithin(session, { kind: 'retention-announced', agent, further });
  });
  return { done: job.done };
}

async function finish({ server }: JobContext, { tenant }: Run, id: string): Promise<void> {
  await server.database.transaction(tenant.id, async (session) => {
    if (!(await finishRun(session, id))) return;
    const removed = (await readRun(session, id))?.removed ?? {};
    const reason = reasonOf(removed);
    await announceWithin(session, {
      kind: 'retention-run',
      agent,
      further: Object.entries(removed).map(([category, count]) => keptFigures(category, count)),
      ...(reason !== '' && { outcome: 4, reason }),
    });
  });
  // Tried again by the next run where the log is busy.
  try {
    await dropEmptyMonths(server.database, Date.now() - 62 * 86_400_000);
    await pruneAgents(server.database, tenant.id);
  } catch (error) {
    server.log.warn({ err: error }, 'empty months or unused agents of the audit log not removed');
  }
}

/** What went wrong; '' where nothing did. */
function reasonOf(removed: Readonly<Record<string, number>>): string {
  const altered = 'The log was changed by hand: the events of these seals were kept.';
  const kept = 'Some patients could not be erased and were kept.';
  return [...('altered-seals' in removed ? [altered] : []), ...(refused in removed ? [kept] : [])].join(' ');
}
