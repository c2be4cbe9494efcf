/**
 * The constraints of Bundle as functions: a transaction of 10,000 entries is checked in linear time.
 * https://hl7.org/fhir/R4/bundle.html#invs
 */
import type { JsonObject } from '../json.ts';
import { has, list, objectOf, type ObjectPredicate } from './invariant-members.ts';

const requested = new Set(['batch', 'transaction', 'history']);
const responded = new Set(['batch-response', 'transaction-response', 'history']);

/** A type that is missing has been reported; then the constraints that depend on it hold. */
function whenTyped(predicate: (bundle: JsonObject, type: string) => boolean): ObjectPredicate {
  return (bundle) => typeof bundle['type'] !== 'string' || predicate(bundle, bundle['type']);
}

/** bdl-7: versions of resources are distinct, where they have a full URL. */
function distinctVersions(bundle: JsonObject): boolean {
  const seen = new Set<string>();
  for (const entry of list(bundle['entry'])) {
    if (!has(objectOf(entry), 'fullUrl')) continue;
    const version = objectOf(objectOf(entry['resource'])['meta'])['versionId'];
    const identity = `${String(entry['fullUrl'] ?? '')}${typeof version === 'string' ? version : ''}`;
    if (seen.has(identity)) return false;
    seen.add(identity);
  }
  return true;
}

function startsWith(bundle: JsonObject, type: string): boolean {
  const resource = objectOf(list(bundle['entry'])[0])['resource'];
  return objectOf(resource)['resourceType'] === type;
}

export const bundleConstraints: Readonly<Record<string, ObjectPredicate>> = {
  "total.empty() or (type = 'searchset') or (type = 'history')": whenTyped(
    (bundle, type) => !has(bundle, 'total') || type === 'searchset' || type === 'history',
  ),
  "entry.search.empty() or (type = 'searchset')": whenTyped(
    (bundle, type) => type === 'searchset' || !list(bundle['entry']).some((entry) => has(objectOf(entry), 'search')),
  ),
  "entry.all(request.exists() = (%resource.type = 'batch' or %resource.type = 'transaction' or %resource.type = 'history'))":
    whenTyped((bundle, type) =>
      list(bundle['entry']).every((entry) => has(objectOf(entry), 'request') === requested.has(type)),
    ),
  "entry.all(response.exists() = (%resource.type = 'batch-response' or %resource.type = 'transaction-response' or %resource.type = 'history'))":
    whenTyped((bundle, type) =>
      list(bundle['entry']).every((entry) => has(objectOf(entry), 'response') === responded.has(type)),
    ),
  "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()": whenTyped(
    (bundle, type) => type === 'history' || distinctVersions(bundle),
  ),
  "type = 'document' implies (identifier.system.exists() and identifier.value.exists())": whenTyped(
    (bundle, type) =>
      type !== 'document' ||
      (has(objectOf(bundle['identifier']), 'system') && has(objectOf(bundle['identifier']), 'value')),
  ),
  "type = 'document' implies (timestamp.hasValue())": whenTyped(
    (bundle, type) => type !== 'document' || bundle['timestamp'] !== undefined,
  ),
  "type = 'document' implies entry.first().resource.is(Composition)": whenTyped(
    (bundle, type) => type !== 'document' || startsWith(bundle, 'Composition'),
  ),
  "type = 'message' implies entry.first().resource.is(MessageHeader)": whenTyped(
    (bundle, type) => type !== 'message' || startsWith(bundle, 'MessageHeader'),
  ),
  'resource.exists() or request.exists() or response.exists()': (entry) =>
    has(entry, 'resource') || has(entry, 'request') || has(entry, 'response'),
  "fullUrl.exists() implies fullUrl.contains('/_history/').not()": (entry) =>
    typeof entry['fullUrl'] !== 'string' || !entry['fullUrl'].includes('/_history/'),
  '(part.exists() and value.empty() and resource.empty()) or (part.empty() and (value.exists() xor resource.exists()))':
    parameterHasOneContent,
};

/** inv-1 of Parameters. */
function parameterHasOneContent(parameter: JsonObject): boolean {
  const hasValue = Object.keys(parameter).some((key) => /^_?value[A-Z]/.test(key));
  const parts = has(parameter, 'part');
  const resource = has(parameter, 'resource');
  return parts ? !hasValue && !resource : hasValue !== resource;
}
