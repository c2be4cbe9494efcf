/** The Endpoint that an operation is asked of. */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { parseStored } from '../interactions/document.ts';
import { visibleCurrent } from '../interactions/visible.ts';
import type { Context } from '../request.ts';

/** @throws OutcomeError `not-found` also for one that the caller may not see. */
export async function endpointOf(context: Context, id: string): Promise<JsonObject> {
  if (!isId(id)) throw outcomeError('invalid', `"${id.slice(0, 64)}" is no id of an Endpoint.`, { status: 400 });
  const stored = await visibleCurrent(context, { type: typeNumber('Endpoint') ?? -1, id });
  if (typeof stored?.text !== 'string') throw outcomeError('not-found', `There is no Endpoint/${id}.`);
  return parseStored(stored.text);
}
