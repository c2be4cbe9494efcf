/**
 * What resources refer to, as far as the caller may see it: references are followed, a few steps far, to what stands in
 * messages. Access, Consent and restrictions of processing are those of the caller.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import type { Context } from '../request.ts';
import { parseStored } from './document.ts';
import { findMatches } from './matches.ts';

/** Types that messages tell of, or name. */
export const toldTypes: ReadonlySet<string> = new Set([
  ...['Patient', 'Encounter', 'ServiceRequest', 'Specimen', 'Observation', 'Location'],
  ...['Practitioner', 'PractitionerRole', 'Organization', 'Device'],
]);

/** Steps: report → panel → result → specimen → … */
const steps = 5;
const atOnce = 100;

/** What a reference leads to. */
export type Find = (reference: JsonObject | undefined) => JsonObject | undefined;

/** @param most resources in all */
export async function referenced(context: Context, roots: readonly JsonObject[], most: number): Promise<Find> {
  const found = new Map<string, JsonObject>();
  let next = new Set<string>();
  for (const root of roots) referencesOf(root, next);
  for (let step = 0; step < steps && next.size > 0; step++) {
    const wanted = [...next].filter((name) => !found.has(name)).slice(0, Math.max(0, most - found.size));
    next = new Set();
    for (const resource of await read(context, wanted)) {
      found.set(`${String(resource['resourceType'])}/${String(resource['id'])}`, resource);
      referencesOf(resource, next);
    }
  }
  return (reference) => {
    const name = reference?.['reference'];
    return typeof name === 'string' ? found.get(literal(name) ?? '') : undefined;
  };
}

/** `Type/id` of a reference that names one here. */
export function literal(reference: string): string | undefined {
  return /^([A-Z]\w+\/[A-Za-z0-9.-]{1,64})(?:\/_history\/\d+)?$/.exec(reference)?.[1];
}

/** What messages tell of, or name, and is referred to. */
export function referencesOf(value: JsonValue, into: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) referencesOf(item, into);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'reference' && typeof member === 'string') {
        const found = literal(member);
        if (found !== undefined && toldTypes.has(found.split('/')[0] ?? '')) into.add(found);
      } else if (typeof member === 'object') {
        referencesOf(member, into);
      }
    }
  }
}

async function read(context: Context, names: readonly string[]): Promise<JsonObject[]> {
  const types = Map.groupBy(names, (name) => name.split('/')[0] ?? '');
  const resources: JsonObject[] = [];
  for (const [type, ofType] of types) {
    const ids = ofType.map((name) => name.slice(type.length + 1));
    for (let at = 0; at < ids.length; at += atOnce) {
      const some = ids.slice(at, at + atOnce).join(',');
      const matches = await findMatches(context, type, [['_id', some]], atOnce);
      resources.push(...matches.map(({ text }) => parseStored(text)));
    }
  }
  return resources;
}
