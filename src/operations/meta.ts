/** $meta: the profiles, tags and security labels of a resource, or all that are in use. https://hl7.org/fhir/R4/resource-operation-meta.html */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes, typeNumber } from '../fhir/resource-types.ts';
import { accessOf } from '../interactions/access.ts';
import type { Call } from '../interactions/call.ts';
import { parseStored } from '../interactions/document.ts';
import { existing } from '../interactions/read.ts';
import { showed } from '../interactions/trail.ts';
import { visibleVersion } from '../interactions/visible.ts';
import type { Answer, Context } from '../request.ts';
import { labelsInUse } from '../store/labels.ts';
import { operationInput } from './parameters.ts';

export async function meta(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  const { id } = call.target;
  return {
    status: 200,
    resource: metaParameters(id === '' ? await metaInUse(context, call) : await metaOf(context, call)),
  };
}

export function metaParameters(value: JsonObject): JsonObject {
  return { resourceType: 'Parameters', parameter: [{ name: 'return', valueMeta: value }] };
}

async function metaOf(context: Context, call: Call): Promise<JsonObject> {
  const { type, id, version } = call.target;
  const stored =
    version === ''
      ? await existing(context, { type, id })
      : await visibleVersion(context, { type: typeNumber(type) ?? -1, id, version: Number(version) || 0 });
  if (stored === undefined) {
    throw outcomeError('not-found', `There is no version ${version.slice(0, 64)} of ${type}/${id.slice(0, 64)}.`);
  }
  if (stored.text !== null) showed(context.trail, stored);
  if (stored.text === null) {
    throw outcomeError('deleted', `${type}/${id} was deleted.`);
  }
  return (parseStored(stored.text)['meta'] ?? {}) as JsonObject;
}

async function metaInUse(context: Context, call: Call): Promise<JsonObject> {
  const types = call.target.type === '' ? resourceTypes : [call.target.type];
  const labels = await labelsInUse(context.session, types, accessOf(context, 'r'));
  return Object.fromEntries(Object.entries(labels).filter(([, list]) => list.length > 0)) as JsonObject;
}
