/**
 * Imports by identifier: a resource that is here under another id, known by one of its identifiers, is that one, and references
 * of the import follow. Found for all files before anything is stored, as a reference may stand before what it leads to.
 *
 * Where several are here with the same identifier, or a line has none, it is stored under its own id.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { accessOf } from '../interactions/access.ts';
import { parseStored } from '../interactions/document.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import { parseSearch } from '../search/parse.ts';
import { keepIds, movedIds, type MovedId, type Place } from '../store/imports.ts';
import { findMatches } from '../store/search.ts';
import { batchesOf, type Loading, type Read } from './batches.ts';

/** Identifiers of one search. */
const atOnce = 50;

/** Notes who is who in the lines from a place on; undefined at the end of the file. */
export async function mapSome(loading: Loading, from: Place, until: number): Promise<Place | undefined> {
  for await (const { read, place, end } of batchesOf(loading, from)) {
    await keepIds(loading.context.session, loading.id, await movesOf(loading, read));
    if (end) return undefined;
    if (Date.now() >= until) return place;
  }
  return undefined;
}

async function movesOf({ context }: Loading, read: readonly Read[]): Promise<MovedId[]> {
  const moved: MovedId[] = [];
  const byType = new Map<string, { id: string; keys: string[] }[]>();
  for (const { resource } of read) {
    const keys = identifiersOf(resource);
    if (typeof resource['id'] !== 'string' || keys.length === 0) continue;
    const type = String(resource['resourceType']);
    byType.set(type, [...(byType.get(type) ?? []), { id: resource['id'], keys }]);
  }
  for (const [type, asked] of byType) {
    for (let at = 0; at < asked.length; at += atOnce) {
      const some = asked.slice(at, at + atOnce);
      const there = await ownersOf(
        context,
        type,
        some.flatMap(({ keys }) => keys),
      );
      for (const { id, keys } of some) {
        const owners = new Set(keys.flatMap((key) => there.get(key) ?? []));
        const [owner] = owners;
        if (owners.size === 1 && owner !== undefined && owner !== id)
          moved.push({ type: typeNumber(type) ?? -1, given: id, id: owner });
      }
    }
  }
  return moved;
}

/** `system|value` → the ids of who has it. */
async function ownersOf(
  context: Loading['context'],
  type: string,
  keys: readonly string[],
): Promise<Map<string, string[]>> {
  const query: [string, string][] = [['identifier', [...new Set(keys)].join(',')]];
  const search = parseSearch(type, query, { parameters: searchParametersOf(context), access: accessOf(context) });
  const owners = new Map<string, string[]>();
  for (const { id, text } of await findMatches(context.session, search, keys.length * 2 + 1)) {
    for (const key of identifiersOf(parseStored(text ?? '{}'))) owners.set(key, [...(owners.get(key) ?? []), id]);
  }
  return owners;
}

/** As a search writes them. */
function identifiersOf(resource: JsonObject): string[] {
  const { identifier } = resource;
  if (!Array.isArray(identifier)) return [];
  return (identifier as JsonObject[]).flatMap(({ system, value }) =>
    typeof system === 'string' && typeof value === 'string' && value !== ''
      ? [`${escaped(system)}|${escaped(value)}`]
      : [],
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[\\,|$]/g, (sign) => `\\${sign}`);
}

const referencePattern = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/;

/** A resource of these lines under the id that it has here, its references too. */
export async function movedTo(
  { context, id, request }: Loading,
  read: readonly Read[],
): Promise<(resource: JsonObject) => JsonObject> {
  if (request.match !== 'identifier') return (resource) => resource;
  const asked = new Map<string, { type: number; given: string }>();
  const ask = (type: string, given: string): void => {
    const number = typeNumber(type);
    if (number !== undefined) asked.set(`${number}/${given}`, { type: number, given });
  };
  for (const { resource } of read) {
    if (typeof resource['id'] === 'string') ask(String(resource['resourceType']), resource['id']);
    eachReference(resource, (reference) => {
      const [, type = '', given = ''] = referencePattern.exec(reference) ?? [];
      if (type !== '') ask(type, given);
      return reference;
    });
  }
  const found = await movedIds(context.session, id, [...asked.values()]);
  const idOf = (type: string, given: string): string => found.get(`${typeNumber(type)}/${given}`) ?? given;
  return (resource) => {
    const followed = eachReference(resource, (reference) => {
      const [, type = '', given = ''] = referencePattern.exec(reference) ?? [];
      return type === '' ? reference : `${type}/${idOf(type, given)}`;
    }) as JsonObject;
    const own = followed['id'];
    return typeof own === 'string' ? { ...followed, id: idOf(String(followed['resourceType']), own) } : followed;
  };
}

/** A copy whose references are what `change` makes of them; where it makes the same of all, the value itself. */
function eachReference(value: JsonValue, change: (reference: string) => string): JsonValue {
  if (Array.isArray(value)) {
    const items = value.map((item) => eachReference(item, change));
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  let changed = value;
  for (const [name, member] of Object.entries(value)) {
    const next = name === 'reference' && typeof member === 'string' ? change(member) : eachReference(member, change);
    if (next === member) continue;
    // A copy keeps the digits of its numbers (fhir/json-exact.ts).
    if (changed === value) changed = { ...value };
    changed[name] = next;
  }
  return changed;
}
