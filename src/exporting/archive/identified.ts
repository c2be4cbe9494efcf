/**
 * Resources with a number by which messages can name them: where they have none, their id here becomes one, so that what
 * several messages tell of the same stays the same.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { list, member, string, type Source } from '../../translation/out/source.ts';

export function identifiedBy(base: string, find: Source['find']): Source['find'] {
  const made = new Map<JsonObject, JsonObject>();
  // One object each: who follows references tells resources apart by it.
  return (reference) => {
    const found = find(reference);
    if (found === undefined) return undefined;
    const known = made.get(found) ?? identified(base, found);
    made.set(found, known);
    return known;
  };
}

export function identified(base: string, resource: JsonObject): JsonObject {
  const { resourceType, id, identifier } = resource;
  if (isNamed[string(resourceType)]?.(resource) ?? true) return resource;
  const own = { system: `${base}/${string(resourceType)}`, value: string(id) };
  return { ...resource, identifier: [...list(identifier), resourceType === 'ServiceRequest' ? placer(own) : own] };
}

/** Whether its messages can name it already (translation/out). */
const isNamed: Readonly<Record<string, ((resource: JsonObject) => boolean) | undefined>> = {
  Patient: ({ identifier }) => list(identifier).some((one) => hasValue(one) && typeOf(one) !== 'SB'),
  ServiceRequest: ({ identifier }) => list(identifier).some((one, i) => isPlacer(one, i)),
  DiagnosticReport: ({ identifier }) =>
    list(identifier).some((one) => hasValue(one) && (typeOf(one) === 'FILL' || one['type'] === undefined)),
  Specimen: ({ identifier, accessionIdentifier }) =>
    list(identifier)
      .concat(list(accessionIdentifier))
      .some((one) => hasValue(one)),
};

function isPlacer(one: JsonObject, place: number): boolean {
  return hasValue(one) && (typeOf(one) === 'PLAC' || (place === 0 && typeOf(one) !== 'FILL'));
}

function hasValue({ value }: JsonObject): boolean {
  return string(value) !== '';
}

function typeOf(one: JsonObject): string {
  return string(list(member(one, 'type', 'coding'))[0]?.['code']);
}

function placer(own: JsonObject): JsonObject {
  const type = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'PLAC' }] };
  return { type, ...own };
}
