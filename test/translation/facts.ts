/**
 * What FHIR resources say, as a list of facts (`Patient.name.family=DOE`), so that translations of different projects can
 * be compared by meaning.
 *
 * Left out, as they are each project's own: ids, meta, extensions, narratives, systems of identifiers. A reference says the
 * type of what it refers to; times are compared as moments.
 */
import type { JsonObject, JsonValue } from '../../src/fhir/json.ts';

const compared = new Set([
  'Patient',
  'Encounter',
  'ServiceRequest',
  'Specimen',
  'Observation',
  'DiagnosticReport',
  'RelatedPerson',
  'DocumentReference',
]);

const own = new Set(['id', 'meta', 'extension', 'modifierExtension', 'contained', 'resourceType', 'implicitRules']);

export function factsOf(entries: readonly { readonly fullUrl: string; readonly resource: JsonObject }[]): string[] {
  const types = new Map<string, string>();
  for (const { fullUrl, resource } of entries) {
    const type = String(resource['resourceType']);
    types.set(fullUrl, type);
    if (typeof resource['id'] === 'string') types.set(`${type}/${resource['id']}`, type);
  }
  return entries.flatMap(({ resource }) => {
    const type = String(resource['resourceType']);
    if (!compared.has(type)) return [];
    return [type, ...leaves(withoutNarrative(resource), [type], types)];
  });
}

function withoutNarrative(resource: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(resource).filter(([name]) => name !== 'text')) as JsonObject;
}

function leaves(value: JsonValue, path: readonly string[], types: ReadonlyMap<string, string>): string[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, path, types));
  if (typeof value !== 'object') return [`${path.join('.')}=${normal(String(value), path.at(-1) ?? '')}`];
  const { reference } = value;
  if (typeof reference === 'string') {
    return [`${path.join('.')}→${types.get(reference) ?? reference.split('/')[0] ?? ''}`];
  }
  return Object.entries(value).flatMap(([name, member]) => {
    if (own.has(name) || name.startsWith('_')) return [];
    if (name === 'system' && path.at(-1) === 'identifier') return [];
    return leaves(member, [...path, name], types);
  });
}

function normal(text: string, name: string): string {
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return new Date(text).toISOString();
  if (/^-?\d+\.\d+$/.test(text)) return String(Number(text));
  // Words of people are compared without regard to case and spaces.
  return name === 'code' ? text : text.trim().replaceAll(/\s+/g, ' ').toLowerCase();
}

/** How many of the facts expected are among those found, each as often as it is expected. */
export function missing(expected: readonly string[], found: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const fact of found) left.set(fact, (left.get(fact) ?? 0) + 1);
  return expected.filter((fact) => {
    const count = left.get(fact) ?? 0;
    left.set(fact, count - 1);
    return count <= 0;
  });
}
