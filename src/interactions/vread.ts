/** vread: one version by its number. https://hl7.org/fhir/R4/http.html#vread */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Context } from '../request.ts';
import { storedAnswer } from './answers.ts';
import type { Call } from './call.ts';
import { allowParameters } from './headers.ts';
import { visibleVersion } from './visible.ts';

export async function vread(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['_summary', '_elements']);
  const { type, id, version } = call.target;
  const number = /^[1-9]\d{0,8}$/.test(version) ? Number(version) : undefined;
  const stored =
    number === undefined
      ? undefined
      : await visibleVersion(context, { type: typeNumber(type) ?? -1, id, version: number });
  if (stored === undefined) {
    throw outcomeError('not-found', `There is no version ${version.slice(0, 64)} of ${type}/${id.slice(0, 64)}.`);
  }
  return storedAnswer(context, call, stored);
}
