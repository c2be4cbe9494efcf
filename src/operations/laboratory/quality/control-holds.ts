/**
 * Analytes whose control failed on an analyzer, until an authorised person completes the Task with a reason; and those whose
 * control is due after a calibration or another reagent lot, until one passes.
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { codeIn, object, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import type { Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';

const taskSystem = 'urn:makhbar:task';
const failed = 'control-failed';
const due = 'control-due';

export interface Hold {
  /** Code in the catalogue. */
  readonly analyte: string;
  /** `Device/1` */
  readonly device: string;
}

export function holdTask(hold: Hold, focus: string, rules: readonly string[], authoredOn: string): JsonObject {
  const description = `The control of ${hold.analyte} failed: ${rules.join(', ')}`;
  return task(hold, { code: failed, description, focus, authoredOn });
}

export function controlDueTask(hold: Hold, focus: string, after: string, authoredOn: string): JsonObject {
  const description = `A control of ${hold.analyte} is due after ${after}`;
  return task(hold, { code: due, description, focus, authoredOn });
}

interface Why {
  readonly code: string;
  readonly description: string;
  readonly focus: string;
  readonly authoredOn: string;
}

function task(hold: Hold, { code, description, focus, authoredOn }: Why): JsonObject {
  return {
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: taskSystem, code }] },
    description,
    focus: { reference: focus },
    authoredOn,
    input: [
      { type: { text: 'analyte' }, valueString: hold.analyte },
      { type: { text: 'device' }, valueReference: { reference: hold.device } },
    ],
  };
}

function inputOf(task: JsonObject, name: string): JsonObject {
  return objects(task['input']).find(({ type }) => object(type)['text'] === name) ?? {};
}

export function holdOf(task: JsonObject): Hold {
  return {
    analyte: text(inputOf(task, 'analyte')['valueString']) ?? '',
    device: text(object(inputOf(task, 'device')['valueReference'])['reference']) ?? '',
  };
}

export async function openHolds(server: Context): Promise<Known[]> {
  return knownBy(server, 'Task', [
    ['code', `${taskSystem}|${failed},${taskSystem}|${due}`],
    ['status', 'requested'],
  ]);
}

/** Waits for a control, not for a person. */
export function isControlDue({ resource }: Known): boolean {
  return codeIn(resource['code'], taskSystem) === due;
}

export function isHeld(holds: readonly Known[], analyte: string, device: string | undefined): boolean {
  return holds.some(({ resource }) => {
    const hold = holdOf(resource);
    return hold.analyte === analyte && hold.device === device;
  });
}
