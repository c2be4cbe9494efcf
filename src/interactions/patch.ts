/**
 * patch (JSON Patch, FHIRPath Patch) and conditional patch. https://hl7.org/fhir/R4/http.html#patch
 */
import { decodeUtf8, parseJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { validateResource } from '../fhir/validation/validate.ts';
import { applyPatch, type PatchKind } from '../fhir/patch/patch.ts';
import { parseXml } from '../fhir/xml.ts';
import type { Answer, Context } from '../request.ts';
import { writeAnswer, type WriteResult } from './answers.ts';
import { bodyFormat, mediaType } from './body.ts';
import type { Call } from './call.ts';
import { storing } from './processing-restriction.ts';
import { changeCurrent } from './change.ts';
import { inTransaction } from './commit.ts';
import { atMostOne, lockAndFind } from './conditional.ts';
import { allowParameters, ifMatch } from './headers.ts';
import { demandedVersion } from './update.ts';

export interface Patch {
  readonly kind: PatchKind;
  readonly document: JsonValue;
}

export async function patch(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const expected = demandedVersion(context, call);
  const { type, id } = call.target;
  const document = await readPatch(context, call);
  return writeAnswer(context, call, await patchOne(context, { type, id, expected, patch: document }));
}

/** PATCH Type?criteria: patches the one match. */
export async function conditionalPatch(context: Context, call: Call): Promise<Answer> {
  const { type } = call.target;
  const document = await readPatch(context, call);
  const expected = ifMatch(call);
  return inTransaction(context, async (inside) => {
    const match = atMostOne(type, await lockAndFind(storing(inside), type, call.query));
    if (match === undefined) {
      throw outcomeError('not-found', `The criteria match no ${type}; there is nothing to patch.`);
    }
    return writeAnswer(inside, call, await patchOne(inside, { type, id: match.id, expected, patch: document }));
  });
}

function patchOne(
  context: Context,
  what: { type: string; id: string; expected: number | undefined; patch: Patch },
): Promise<WriteResult> {
  const { type, id, expected } = what;
  return changeCurrent(context, {
    type,
    id,
    expected,
    method: 'PATCH',
    change: (resource) => patched(resource, what.patch),
  });
}

/** The resource after the patch. @throws OutcomeError where the patch would change what it is. */
export function patched(resource: JsonObject, change: Patch): JsonObject {
  const result = applyPatch(resource, change.document, change.kind);
  for (const fixed of ['resourceType', 'id']) {
    if (result[fixed] !== resource[fixed]) {
      throw outcomeError('business-rule', `A patch must not change ${fixed}.`, {
        expression: `${String(resource['resourceType'])}.${fixed}`,
      });
    }
  }
  return result;
}

/** The patch in the body, its kind told by the content type. @throws OutcomeError 415 for other content types. */
export async function readPatch(context: Context, call: Call): Promise<Patch> {
  const { body } = call;
  if (body?.resource) {
    return patchOfResource(body.resource);
  }
  const text = decodeUtf8((await body?.read(context.server.config.bodyLimit)) ?? Buffer.alloc(0));
  const { type } = mediaType(body?.contentType ?? '');
  if (type === 'application/json-patch+json') {
    return { kind: 'json', document: parseJson(text) };
  }
  if (/patch\+/.test(type)) {
    throw outcomeError(
      'not-supported',
      `A patch in "${type}" is not supported; send application/json-patch+json or a FHIRPath Patch as FHIR Parameters.`,
      {
        status: 415,
        headers: { 'accept-patch': 'application/json-patch+json, application/fhir+json, application/fhir+xml' },
      },
    );
  }
  return patchOfResource(bodyFormat(body?.contentType ?? '') === 'xml' ? parseXml(text) : parseJson(text));
}

/** Inside a Bundle: Parameters are a FHIRPath Patch, a Binary carries a JSON Patch. */
function patchOfResource(value: JsonValue): Patch {
  const resource = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  if (resource['resourceType'] === 'Binary') {
    if (mediaType(String(resource['contentType'])).type !== 'application/json-patch+json') {
      throw outcomeError(
        'not-supported',
        'A Binary as a patch must have the content type application/json-patch+json.',
        {
          status: 415,
        },
      );
    }
    return { kind: 'json', document: parseJson(decodeUtf8(Buffer.from(String(resource['data']), 'base64'))) };
  }
  if (resource['resourceType'] !== 'Parameters') {
    throw outcomeError('structure', 'A FHIRPath Patch must be a Parameters resource.', { status: 400 });
  }
  const errors = validateResource(resource, { conditionalReferences: true }).filter(
    ({ severity }) => severity === 'error',
  );
  if (errors.length > 0) {
    throw new OutcomeError(errors, { status: 400 });
  }
  return { kind: 'fhirpath', document: resource };
}
