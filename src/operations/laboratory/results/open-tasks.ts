/**
 * Tasks that wait for something about a result: a call, because it is critical (critical.ts), or a second measurement (repeat.ts).
 * They end when there is nothing to wait for: the value is another, or the result is taken back.
 */
import type { Prepared } from '../../../interactions/prepare.ts';
import { repetition } from '../../../laboratory/result/follow-up.ts';
import { codeIn, object, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { changed, type Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import { criticalCode, taskSystem } from './critical.ts';

/** Repetitions that a person does not want. @param results their ids */
export async function cancelledRepeats(server: Context, results: readonly string[]): Promise<Prepared[]> {
  return cancelled(server, await waiting(server, results, [repetition.code]));
}

/** The repetition was done, and a call is made about the second value where it is critical too. */
export async function repeatedTasks(server: Context, results: readonly string[]): Promise<Prepared[]> {
  return (await waiting(server, results, [repetition.code, criticalCode])).map(({ resource, version }) => {
    const status = codeIn(resource['code'], taskSystem) === repetition.code ? 'completed' : 'cancelled';
    return changed(server, { ...resource, status }, version);
  });
}

/** All that waited for results that are withdrawn or cancelled. */
export async function cancelledTasks(server: Context, results: readonly string[]): Promise<Prepared[]> {
  return cancelled(server, await waiting(server, results, [repetition.code, criticalCode]));
}

/** Results that somebody is to call already; and the end of calls about those that are not critical any more. */
export async function callsAfter(
  server: Context,
  { replaced, critical }: { readonly replaced: readonly string[]; readonly critical: readonly string[] },
): Promise<{ readonly awaited: ReadonlySet<string>; readonly ended: readonly Prepared[] }> {
  const calls = await waiting(server, replaced, [criticalCode]);
  const isAwaited = (one: Known): boolean => critical.includes(focusOf(one));
  return {
    awaited: new Set(calls.filter(isAwaited).map(focusOf)),
    ended: cancelled(
      server,
      calls.filter((one) => !isAwaited(one)),
    ),
  };
}

function cancelled(server: Context, tasks: readonly Known[]): Prepared[] {
  return tasks.map(({ resource, version }) => changed(server, { ...resource, status: 'cancelled' }, version));
}

function focusOf({ resource }: Known): string {
  return (text(object(resource['focus'])['reference']) ?? '').slice('Observation/'.length);
}

async function waiting(server: Context, results: readonly string[], codes: readonly string[]): Promise<Known[]> {
  if (results.length === 0) return [];
  return knownBy(server, 'Task', [
    ['focus', results.map((id) => `Observation/${id}`).join()],
    ['code', codes.map((code) => `${taskSystem}|${code}`).join()],
    ['status', 'requested'],
  ]);
}
