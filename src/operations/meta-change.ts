/**
 * $meta-add and $meta-delete. https://hl7.org/fhir/R4/resource-operation-meta-add.html
 *
 * Decision: a change of labels makes a new version, as every other change does. Labels of earlier versions cannot be
 * changed: versions are written once (README, decisions).
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { changeCurrent } from '../interactions/change.ts';
import { parseStored } from '../interactions/document.ts';
import { versionHeaders } from '../interactions/answers.ts';
import { existing } from '../interactions/read.ts';
import type { Answer, Context } from '../request.ts';
import { metaParameters } from './meta.ts';
import { operationInput } from './parameters.ts';

export function metaAdd(context: Context, call: Call): Promise<Answer> {
  return changeMeta(context, call, (kept, named) => [...kept.filter((label) => !contains(named, label)), ...named]);
}

export function metaDelete(context: Context, call: Call): Promise<Answer> {
  return changeMeta(context, call, (kept, named) => kept.filter((label) => !contains(named, label)));
}

type Change = (kept: JsonValue[], named: JsonValue[]) => JsonValue[];

async function changeMeta(context: Context, call: Call, change: Change): Promise<Answer> {
  const { type, id } = call.target;
  if (call.target.version !== '') {
    throw outcomeError(
      'not-supported',
      'The labels of an earlier version cannot be changed: versions are written once.',
      {
        status: 405,
      },
    );
  }
  const named = (await operationInput(context, call, ['meta'])).value('meta');
  if (named === undefined) {
    throw outcomeError('required', `${call.target.operation} needs the parameter meta with a Meta.`, { status: 400 });
  }
  // The answer shows all labels: they are for who may read them.
  await existing(context, { type, id });
  const { version, lastUpdated, text } = await changeCurrent(context, {
    type,
    id,
    method: 'PATCH',
    change: (resource) => ({ ...resource, meta: changedMeta((resource['meta'] ?? {}) as JsonObject, named, change) }),
  });
  return {
    status: 200,
    headers: versionHeaders(version, lastUpdated),
    lastUpdated,
    resource: metaParameters(parseStored(text)['meta'] as JsonObject),
  };
}

function changedMeta(meta: JsonObject, named: JsonObject, change: Change): JsonObject {
  const result: JsonObject = { ...meta };
  for (const member of ['profile', 'security', 'tag']) {
    const list = change(listOf(meta[member]), listOf(named[member]));
    if (list.length > 0) {
      result[member] = list;
    } else {
      delete result[member];
    }
  }
  return result;
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function contains(list: readonly JsonValue[], label: JsonValue): boolean {
  return list.some((one) => labelKey(one) === labelKey(label));
}

/** A label is the same where system and code are; its display and version do not matter. */
function labelKey(label: JsonValue): string {
  if (typeof label !== 'object' || label === null || Array.isArray(label)) {
    return JSON.stringify(label);
  }
  return JSON.stringify([label['system'] ?? null, label['code'] ?? null]);
}
