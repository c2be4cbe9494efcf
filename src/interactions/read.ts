/** read and conditional read, also as HEAD. https://hl7.org/fhir/R4/http.html#read */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Context } from '../request.ts';
import type { Stored } from '../store/read.ts';
import { storedAnswer } from './answers.ts';
import type { Call } from './call.ts';
import { allowParameters } from './headers.ts';
import { visibleCurrent } from './visible.ts';

export async function read(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['_summary', '_elements']);
  return storedAnswer(context, call, await existing(context, call.target));
}

/** The current version, deletions included. @throws OutcomeError `not-found`, also for what the caller may not see. */
export async function existing(context: Context, key: { type: string; id: string }): Promise<Stored> {
  const stored = await visibleCurrent(context, { type: typeNumber(key.type) ?? -1, id: key.id });
  if (stored === undefined) {
    throw outcomeError('not-found', `There is no ${key.type}/${key.id.slice(0, 64)}.`);
  }
  return stored;
}
