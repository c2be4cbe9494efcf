/**
 * Critical results are told at once: a Task waits for the call, `$call-back` records it, and what nobody called in time
 * is found by `Task?code=urn:makhbar:task|critical-result&status=requested&period=eb[now]`: somebody else must be called.
 */
import type { JsonObject } from '../../../fhir/json.ts';

export const taskSystem = 'urn:makhbar:task';
export const criticalCode = 'critical-result';

/** Minutes until somebody else must be called: a guess that most guidelines share. */
const escalation = 30;

export function callTask(focus: string, subject: string, analyte: string): JsonObject {
  const now = new Date();
  return {
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    priority: 'stat',
    code: { coding: [{ system: taskSystem, code: criticalCode }] },
    description: `Call: ${analyte} is critical`,
    focus: { reference: focus },
    for: { reference: subject },
    authoredOn: now.toISOString(),
    executionPeriod: {
      start: now.toISOString(),
      end: new Date(now.getTime() + escalation * 60_000).toISOString(),
    },
  };
}
