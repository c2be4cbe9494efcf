/**
 * What a message says of a resource that is there already, put together with what is there. HL7 v2.5.1 §2.10.4: an empty
 * field says nothing, `""` removes, a value replaces.
 *
 * 1. Identifiers and lists of references (results, specimens, members, links) grow; everything else is replaced.
 * 2. Of value[x], effective[x] and their like only one is left: the one that was sent.
 */
import { numberText, type JsonObject, type JsonValue } from '../fhir/json.ts';

const growing: ReadonlySet<string> = new Set([
  'identifier',
  'result',
  'specimen',
  'hasMember',
  'derivedFrom',
  'link',
  'basedOn',
  'presentedForm',
]);

const choices = ['value', 'effective', 'occurrence', 'deceased', 'multipleBirth'];

/** The resource as it becomes; the same object where nothing changes. */
export function merge(current: JsonObject, sent: JsonObject): JsonObject {
  const merged: JsonObject = { ...current };
  for (const [name, value] of Object.entries(sent)) {
    if (value === null) {
      delete merged[name];
      continue;
    }
    removeOtherChoices(merged, name);
    const before = merged[name];
    merged[name] =
      growing.has(name) && Array.isArray(before) && Array.isArray(value) ? joined(name, before, value) : value;
  }
  // A result that was missing is there now, or the other way round.
  if (Object.keys(sent).some((name) => name.startsWith('value'))) delete merged['dataAbsentReason'];
  else if (sent['dataAbsentReason'] !== undefined) removeOtherChoices(merged, 'value');
  return isSame(current, merged) ? current : merged;
}

function removeOtherChoices(resource: JsonObject, name: string): void {
  const choice = choices.find(
    (prefix) => name === prefix || (name.startsWith(prefix) && /^[A-Z]/.test(name.slice(prefix.length))),
  );
  if (choice === undefined) return;
  for (const other of Object.keys(resource)) {
    if (other !== name && other.startsWith(choice) && /^[A-Z]/.test(other.slice(choice.length))) delete resource[other];
  }
}

/** An identifier is known by system and value, another thing by all that it says. */
function joined(name: string, before: JsonValue[], sent: JsonValue[]): JsonValue[] {
  const key = (item: JsonValue): string => {
    const { system, value } = item as JsonObject;
    return name === 'identifier' ? JSON.stringify([system, value]) : keyOf(item);
  };
  const known = new Set(before.map(key));
  return [...before, ...sent.filter((item) => !known.has(key(item)))];
}

/** The same text for what means the same: members come back from the database in another order. */
export function keyOf(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).toSorted();
  const members = names.map((name) => {
    const member = value[name] ?? null;
    return `${JSON.stringify(name)}:${typeof member === 'number' ? numberText(value, name) : keyOf(member)}`;
  });
  return `{${members.join()}}`;
}

/** By meaning: the order of members counts for nothing, the digits of a number count. */
function isSame(one: JsonValue, other: JsonValue): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  if (Array.isArray(one) || Array.isArray(other)) {
    return (
      Array.isArray(one) &&
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, i) => isSame(item, other[i] as JsonValue))
    );
  }
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => {
      const [a, b] = [one[name], other[name]];
      if (typeof a === 'number' && typeof b === 'number') return numberText(one, name) === numberText(other, name);
      return a !== undefined && b !== undefined && isSame(a, b);
    })
  );
}
