/**
 * What a message does not say of the resources that it was made of: it is read back, and what does not come back is named
 * by its elements. Pure.
 *
 * Values are compared by what they mean: times as moments, numbers by their digits, references by the type of what they
 * lead to, the notes of a resource as one text (their lines come back as one). What components say counts where a result of
 * its own says it. Ids, versions and a narrative that was generated are nobody's loss.
 */
import { numberText, type JsonObject, type JsonValue } from '../../fhir/json.ts';
import type { Entry } from '../translation.ts';
import { list } from './source.ts';
import { withoutExponent } from './value.ts';

/** A resource of a message, and the elements of it that the message does not say. */
export interface Unsaid {
  readonly resource: JsonObject;
  readonly elements: readonly string[];
}

/** @param told the resources that the message is to say @param read what reading it gives */
export function unsaidOf(told: readonly JsonObject[], read: readonly Entry[]): Unsaid[] {
  const types = new Map(read.map(({ fullUrl, resource }) => [fullUrl, String(resource['resourceType'])]));
  const left = new Map<string, number>();
  for (const { resource } of read) {
    for (const [element, value] of factsOf(resource, types)) count(left, `${element}=${value}`, 1);
  }
  return told.flatMap((resource) => {
    const elements = new Set<string>();
    for (const [element, value] of factsOf(resource, types)) {
      const fact = `${element}=${value}`;
      if ((left.get(fact) ?? 0) > 0) count(left, fact, -1);
      else elements.add(element);
    }
    return elements.size === 0 ? [] : [{ resource, elements: [...elements] }];
  });
}

function count(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

type Fact = readonly [element: string, value: string];

function factsOf(resource: JsonObject, types: ReadonlyMap<string, string>): Fact[] {
  const { resourceType: type, id: _id, meta, text, note, ...rest } = resource;
  const { versionId: _version, lastUpdated: _updated, ...labels } = (meta ?? {}) as JsonObject;
  const narrative = (text as JsonObject | undefined)?.['status'];
  const isGenerated = narrative === undefined || narrative === 'generated' || narrative === 'empty';
  const notes = list(note);
  const shown: JsonObject = {
    ...rest,
    meta: labels,
    ...(!isGenerated && { text: text as JsonValue }),
    ...(notes.length > 0 && { note: [...notes.map(withoutText), { text: notes.map(textOf).join('\n') }] }),
  };
  return leaves(shown, String(type), types);
}

function withoutText({ text: _text, ...rest }: JsonObject): JsonObject {
  return rest;
}

function textOf({ text }: JsonObject): string {
  return typeof text === 'string' ? text : '';
}

function leaves(value: JsonValue, element: string, types: ReadonlyMap<string, string>): Fact[] {
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, element, types));
  if (typeof value !== 'object' || value === null) return [[element, meant(String(value))]];
  const target = targetOf(value, types);
  if (target !== undefined) return [[element, `→${target}`]];
  return Object.entries(value).flatMap(([name, member]) => {
    // What a component says, a result of its own says.
    const inside = element === 'Observation' && name === 'component' ? element : `${element}.${name}`;
    if (typeof member === 'number') return [[inside, withoutExponent(numberText(value, name))] as const];
    return leaves(member, inside, types);
  });
}

function targetOf({ reference, type }: JsonObject, types: ReadonlyMap<string, string>): string | undefined {
  if (typeof reference === 'string') {
    return types.get(reference) ?? /(?:^|\/)([A-Z][A-Za-z]+)\/[^/]+(?:\/_history\/\d+)?$/.exec(reference)?.[1] ?? '';
  }
  return typeof type === 'string' && /^[A-Z][A-Za-z]+$/.test(type) ? type : undefined;
}

/** Times of day as moments. */
function meant(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return text;
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? text : moment.toISOString();
}
