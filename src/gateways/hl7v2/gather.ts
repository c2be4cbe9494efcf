/**
 * What a version refers to, as far as the interface may see it: references are followed, a few steps far, to what stands in
 * messages. Access, Consent and restrictions of processing are those of the interface as a caller.
 */
import type { JsonObject, JsonValue } from '../../fhir/json.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import type { Context } from '../../request.ts';
import { withDocuments } from './document.ts';
import type { Source } from '../../translation/out/source.ts';

const followed = new Set([
  ...['Patient', 'Encounter', 'ServiceRequest', 'Specimen', 'Observation', 'Location'],
  ...['Practitioner', 'PractitionerRole', 'Organization', 'Device'],
]);

/** Steps: report → panel → result → specimen → … */
const steps = 5;
/** Resources of one message. */
const most = 2_000;
const atOnce = 100;

export async function gather(context: Context, given: JsonObject, created: boolean): Promise<Source> {
  const root = await withDocuments(context, given);
  const found = new Map<string, JsonObject>();
  let next = referencesOf(root);
  for (let step = 0; step < steps && next.size > 0; step++) {
    const wanted = [...next].filter((name) => !found.has(name)).slice(0, Math.max(0, most - found.size));
    next = new Set();
    for (const resource of await read(context, wanted)) {
      found.set(`${String(resource['resourceType'])}/${String(resource['id'])}`, resource);
      for (const name of referencesOf(resource)) next.add(name);
    }
  }
  return {
    root,
    created,
    find: (reference) => {
      const name = reference?.['reference'];
      return typeof name === 'string' ? found.get(literal(name) ?? '') : undefined;
    },
  };
}

function literal(reference: string): string | undefined {
  return /^([A-Z]\w+\/[A-Za-z0-9.-]{1,64})(?:\/_history\/\d+)?$/.exec(reference)?.[1];
}

function referencesOf(value: JsonValue, into = new Set<string>()): Set<string> {
  if (Array.isArray(value)) {
    for (const item of value) referencesOf(item, into);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'reference' && typeof member === 'string') {
        const found = literal(member);
        if (found !== undefined && followed.has(found.split('/')[0] ?? '')) into.add(found);
      } else if (typeof member === 'object') {
        referencesOf(member, into);
      }
    }
  }
  return into;
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
