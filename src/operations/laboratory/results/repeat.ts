/**
 * Repetitions: a Task waits for the second measurement (`Task?code=urn:makhbar:task|repeat-result&status=requested`); when
 * it is there the first one is kept, cancelled, and what waited for it is closed.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { keptFirst, repetition } from '../../../laboratory/result/follow-up.ts';
import { codeIn } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { changed, type Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import { criticalCode, taskSystem } from './critical.ts';

export interface Repeating {
  /** `Observation/1`, `ServiceRequest/1`, `Patient/1` */
  readonly focus: string;
  readonly order: string;
  readonly subject: string;
  readonly description: string;
}

export function repeatTask({ focus, order, subject, description }: Repeating): JsonObject {
  return {
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    code: { coding: [{ ...repetition }] },
    description,
    basedOn: [{ reference: order }],
    focus: { reference: focus },
    for: { reference: subject },
    authoredOn: new Date().toISOString(),
  };
}

/** First measurements that are kept. */
export function keptFirsts(server: Context, firsts: readonly Known[]): Prepared[] {
  return firsts.map(({ resource, version }) => changed(server, keptFirst(resource), version));
}

/** Repetitions that a person does not want. */
export async function closedRepeats(server: Context, results: readonly Known[]): Promise<Prepared[]> {
  const found = await waiting(
    server,
    results.map(({ resource }) => String(resource['id'])),
  );
  return found
    .filter(({ resource }) => codeIn(resource['code'], taskSystem) === repetition.code)
    .map(({ resource, version }) => changed(server, { ...resource, status: 'cancelled' }, version));
}

/** What waited for them: the repetition was done, and a call is made about the second value where it is critical too. */
export async function closedTasks(server: Context, ids: readonly string[]): Promise<Prepared[]> {
  return (await waiting(server, ids)).map(({ resource, version }) => {
    const status = codeIn(resource['code'], taskSystem) === repetition.code ? 'completed' : 'cancelled';
    return changed(server, { ...resource, status }, version);
  });
}

async function waiting(server: Context, ids: readonly string[]): Promise<Known[]> {
  if (ids.length === 0) return [];
  return knownBy(server, 'Task', [
    ['focus', ids.map((id) => `Observation/${id}`).join()],
    ['code', `${taskSystem}|${repetition.code},${taskSystem}|${criticalCode}`],
    ['status', 'requested'],
  ]);
}
