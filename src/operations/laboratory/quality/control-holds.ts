/** Analytes whose control failed on an analyzer: a Task for each, until an authorised person completes it with a reason. */
import type { JsonObject } from '../../../fhir/json.ts';
import { object, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import type { Known } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';

const taskSystem = 'urn:makhbar:task';
const failed = 'control-failed';

export interface Hold {
  /** Code in the catalogue. */
  readonly analyte: string;
  /** `Device/1` */
  readonly device: string;
}

export function holdTask(hold: Hold, focus: string, rules: readonly string[], authoredOn: string): JsonObject {
  return {
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: taskSystem, code: failed }] },
    description: `The control of ${hold.analyte} failed: ${rules.join(', ')}`,
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
    ['code', `${taskSystem}|${failed}`],
    ['status', 'requested'],
  ]);
}

export function isHeld(holds: readonly Known[], analyte: string, device: string | undefined): boolean {
  return holds.some(({ resource }) => {
    const hold = holdOf(resource);
    return hold.analyte === analyte && hold.device === device;
  });
}
