/**
 * Repetitions: a Task waits for the second measurement (`Task?code=urn:makhbar:task|repeat-result&status=requested`); when
 * it is there the first one is kept, cancelled, and what waited for it is closed.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { keptFirst, repetition } from '../../../laboratory/result/follow-up.ts';
import type { Context } from '../../../request.ts';
import { changed, type Known } from '../server-rights.ts';

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
