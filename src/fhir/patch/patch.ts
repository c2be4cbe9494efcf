/**
 * Applies a patch to a resource. https://hl7.org/fhir/R4/http.html#patch
 *
 * Invariant: neither the resource nor the patch document is changed, and the result shares nothing with them that can be
 * changed. Whether the result is valid, and still the same resource, is for the caller to check.
 */
import type { JsonObject, JsonValue } from '../json.ts';
import { outcomeError } from '../outcome.ts';
import { applyFhirPathPatch } from './fhirpath-patch.ts';
import { applyJsonPatch } from './json-patch.ts';

/** `json`: application/json-patch+json; `fhirpath`: a Parameters resource. */
export type PatchKind = 'json' | 'fhirpath';

const kinds: Readonly<Record<PatchKind, (resource: JsonObject, document: JsonValue) => JsonValue>> = {
  json: applyJsonPatch,
  fhirpath: applyFhirPathPatch,
};

/** @throws OutcomeError 400 for a malformed patch, 422 for one that does not fit the resource. */
export function applyPatch(resource: JsonObject, document: JsonValue, kind: PatchKind): JsonObject {
  const result = kinds[kind](resource, document);
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    throw outcomeError('processing', 'After the patch there is no resource left, but another JSON value.', {
      status: 422,
    });
  }
  return result;
}
