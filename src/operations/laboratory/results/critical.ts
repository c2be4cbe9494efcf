/**
 * Critical results are told at once: a Task waits for the call, and `$call-back` records it. Who was to call and did not within
 * `criticalCallMinutes` is followed by the next of `criticalCallEscalation` (escalate.ts), each for as long.
 *
 * | Task              | is                                                                                    |
 * |-------------------|---------------------------------------------------------------------------------------|
 * | executionPeriod   | until when the call is expected of whoever it is with now                              |
 * | owner, performerType | the person (a reference) or the role that it went to                                |
 * | input[escalation] | how many times it went on                                                              |
 * | businessStatus    | `not-called`: the last of them did not call either; it waits all the same              |
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { codeIn, object, objects, text } from '../../../laboratory/terms.ts';
import type { TenantSettings } from '../../../store/tenants.ts';

export const taskSystem = 'urn:makhbar:task';
export const criticalCode = 'critical-result';
export const notCalled = 'not-called';
const escalationCode = 'escalation';

/** A guess that most guidelines share. */
const defaultMinutes = 30;
const defaultEscalation: readonly string[] = ['pathologist'];

export interface Calling {
  readonly minutes: number;
  /** Names of roles and references, one after the other. */
  readonly escalation: readonly string[];
}

export function callingOf(settings: TenantSettings): Calling {
  const { criticalCallMinutes = defaultMinutes, criticalCallEscalation = defaultEscalation } = settings;
  return { minutes: criticalCallMinutes, escalation: criticalCallEscalation };
}

export interface Critical {
  readonly focus: string;
  readonly subject: string;
  readonly analyte: string;
}

export function callTask({ focus, subject, analyte }: Critical, { minutes }: Calling): JsonObject {
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
    executionPeriod: periodFrom(now, minutes),
  };
}

function periodFrom(from: Date, minutes: number): JsonObject {
  return { start: from.toISOString(), end: new Date(from.getTime() + minutes * 60_000).toISOString() };
}

/** Until when the call is expected; milliseconds since 1970. */
export function expectedUntil(task: JsonObject): number {
  return Date.parse(text(object(task['executionPeriod'])['end']) ?? '') || 0;
}

/** The Task with the next who must call; with nobody where all had their turn. Pure. */
export function escalated(task: JsonObject, { minutes, escalation }: Calling, now: Date): JsonObject {
  const inputs = objects(task['input']);
  const isCount = (one: JsonObject): boolean => codeIn(one['type'], taskSystem) === escalationCode;
  const times = Number(inputs.find(isCount)?.['valuePositiveInt'] ?? 0);
  const next = escalation[times];
  const late = `Nobody called by ${text(object(task['executionPeriod'])['end']) ?? 'the time'}`;
  const note = (words: string): JsonObject[] => [
    ...objects(task['note']),
    { time: now.toISOString(), text: `${late}: ${words}` },
  ];
  const { owner: _owner, performerType: _type, ...rest } = task;
  if (next === undefined) {
    const businessStatus = { coding: [{ system: taskSystem, code: notCalled }] };
    return { ...task, businessStatus, lastModified: now.toISOString(), note: note('it went to all who are named.') };
  }
  const type = { coding: [{ system: taskSystem, code: escalationCode }] };
  return {
    ...rest,
    ...(next.includes('/') ? { owner: { reference: next } } : { performerType: [{ text: next }] }),
    executionPeriod: periodFrom(now, minutes),
    lastModified: now.toISOString(),
    note: note(`it goes to ${next} (${times + 1} of ${escalation.length}).`),
    input: [...inputs.filter((one) => !isCount(one)), { type, valuePositiveInt: times + 1 }],
  };
}
