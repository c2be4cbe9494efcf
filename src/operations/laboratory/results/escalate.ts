/**
 * Calls of critical results that nobody made in time go on to the next who must call (critical.ts), with the server itself as
 * agent and an event for each. A call that was recorded meanwhile is left alone: whoever is second finds another version.
 */
import { operatorCaller } from '../../../access/caller.ts';
import { parseScopes } from '../../../access/scopes.ts';
import { OutcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import { newId } from '../../../interactions/new-id.ts';
import { newTrail } from '../../../interactions/trail.ts';
import { object, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { changed, writeAll, type Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import { callingOf, criticalCode, escalated, expectedUntil, notCalled, taskSystem } from './critical.ts';

export type Place = Pick<Context, 'server' | 'tenant' | 'session' | 'base' | 'door'>;

const agent = operatorCaller({ subject: 'makhbar', client: 'makhbar', scopes: parseScopes('system/*.cruds') });

/** When the next call is due (milliseconds since 1970); undefined where no call waits. */
export async function escalateCalls(place: Place, now: Date): Promise<number | undefined> {
  const waiting = await openCalls(place);
  const due = waiting.filter(({ resource }) => expectedUntil(resource) <= now.getTime());
  for (const task of due) await escalate(place, task, now);
  const open = due.length === 0 ? waiting : await openCalls(place);
  const ends = open.map(({ resource }) => expectedUntil(resource));
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** Those that somebody may still be told of. */
function openCalls(place: Place): Promise<Known[]> {
  return knownBy(contextOf(place), 'Task', [
    ['code', `${taskSystem}|${criticalCode}`],
    ['status', 'requested'],
    ['business-status:not', `${taskSystem}|${notCalled}`],
  ]);
}

async function escalate(place: Place, { resource, version }: Known, now: Date): Promise<void> {
  const context = contextOf(place, resource['id'] as string, text(object(resource['for'])['reference']));
  try {
    await inTransaction(context, (inside) =>
      writeAll(inside, [changed(inside, escalated(resource, callingOf(place.tenant.settings), now), version)]),
    );
  } catch (error) {
    // Somebody recorded the call in this moment, or it is looked at again.
    if (!(error instanceof OutcomeError) || error.issues[0]?.code !== 'conflict') throw error;
  }
}

function contextOf(place: Place, task?: string, subject = ''): Context {
  const patient = /^Patient\/(.+)$/.exec(subject)?.[1];
  const trail = newTrail({
    kind: 'operation',
    deed: 'escalate-calls',
    ...(task !== undefined && { about: { type: 'Task', id: task } }),
    ...(patient !== undefined && { patient }),
  });
  return { ...place, caller: agent, requestId: newId(Date.now()), address: '', trail, inTransaction: false };
}
