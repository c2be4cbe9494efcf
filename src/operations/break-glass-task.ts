/** The Task by which a data protection officer learns of an override: to review whether there was an emergency. */
import { emergency, purposeSystem } from '../access/purpose.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Override } from '../store/break-glass.ts';

/** The code of such Tasks, in the system urn:makhbar:task. */
export const reviewCode = 'break-glass-review';

export function reviewTask(
  { id, patient, reason, opened, until }: Override,
  { owner, requester }: { owner: string | undefined; requester: string | undefined },
): JsonObject {
  return {
    resourceType: 'Task',
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id}` }],
    status: 'requested',
    intent: 'order',
    priority: 'urgent',
    code: { coding: [{ system: 'urn:makhbar:task', code: reviewCode }], text: 'Review of an emergency override' },
    description: reason,
    for: { reference: `Patient/${patient}` },
    executionPeriod: { start: opened, end: until },
    authoredOn: opened,
    ...(requester !== undefined && { requester: { reference: requester } }),
    performerType: [{ coding: [{ system: 'urn:makhbar:role', code: 'data-protection-officer' }] }],
    ...(owner !== undefined && { owner: { reference: owner } }),
    reasonCode: { coding: [{ system: purposeSystem, code: emergency }] },
  };
}
