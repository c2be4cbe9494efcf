/**
 * Data-subject requests are written by their operations alone ($data-subject-request, $data-subject-step): an update, patch or
 * deletion by hand could skip a step, forge the evidence or put a person's words where they would outlast his erasure.
 *
 * A request's id begins with `data-subject-request-` exactly where its code says that it is one (src/privacy/request-task.ts), so
 * that both what is written and what is there are known here. `$erase` leaves requests as they are.
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { idPrefix, isRequest } from '../privacy/request-task.ts';
import type { Context } from '../request.ts';
import type { Key } from '../store/read.ts';

const taskType = typeNumber('Task');

/** What is about to be written. @throws OutcomeError `business-rule` */
export function checkRequestTask({ ofRequest }: Context, resource: JsonObject): void {
  if (ofRequest !== true && isRequest(resource)) throw refusal();
}

/** Where it is about to be written. @throws OutcomeError `business-rule` */
export function checkRequestKey({ ofRequest }: Context, { type, id }: Pick<Key, 'type' | 'id'>): void {
  if (ofRequest !== true && type === taskType && id.startsWith(idPrefix)) throw refusal();
}

function refusal(): Error {
  return outcomeError(
    'business-rule',
    'A data-subject request is filed by $data-subject-request and led on by $data-subject-step; it is not written otherwise.',
  );
}
