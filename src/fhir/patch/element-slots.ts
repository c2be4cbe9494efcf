/**
 * The repetitions of an element as one list, although JSON spreads those of a primitive over `name` and `_name`.
 * https://hl7.org/fhir/R4/json.html#primitive
 */
import type { Property } from '../definitions.ts';
import { cloneJson, setMember, type JsonObject, type JsonValue } from '../json.ts';
import { isObject } from './fhirpath-patch-operation.ts';
import { memberOf } from './json-member.ts';

export interface Slot {
  /** Undefined for a primitive that has extensions only. */
  readonly value: JsonValue | undefined;
  readonly text?: string | undefined;
  readonly beside?: JsonObject | undefined;
}

export function isRepeated(property: Property): boolean {
  return property.element.max > 1;
}

/** What an object has under a name: one slot for each repetition, at most one for an element that does not repeat. */
export function readSlots(holder: JsonObject, name: string): Slot[] {
  const values = holder[name];
  const others = holder[`_${name}`];
  if (!Array.isArray(values) && !Array.isArray(others)) {
    return values === undefined && others === undefined ? [] : [slotOf(holder, name, others)];
  }
  const list = Array.isArray(values) ? values : [];
  const beside = Array.isArray(others) ? others : [];
  return Array.from({ length: Math.max(list.length, beside.length) }, (_, index) => slotOf(list, index, beside[index]));
}

function slotOf(parent: JsonObject | JsonValue[], key: string | number, beside: JsonValue | undefined): Slot {
  const { value, text } = memberOf(parent, key);
  return { value: value ?? undefined, text, beside: isObject(beside) ? beside : undefined };
}

/** Puts slots in the place of what the object had under the name. */
export function writeSlots(holder: JsonObject, name: string, slots: readonly Slot[], repeated: boolean): void {
  clear(holder, name);
  clear(holder, `_${name}`);
  if (repeated) {
    writeLists(holder, name, slots);
  } else if (slots[0]) {
    const { value, text, beside } = slots[0];
    if (value !== undefined) {
      setMember(holder, name, value, text);
    }
    if (beside) {
      holder[`_${name}`] = beside;
    }
  }
}

function clear(holder: JsonObject, name: string): void {
  if (Object.hasOwn(holder, name)) {
    setMember(holder, name, null);
    delete holder[name];
  }
}

function writeLists(holder: JsonObject, name: string, slots: readonly Slot[]): void {
  if (slots.some(({ value }) => value !== undefined)) {
    const values: JsonValue[] = [];
    slots.forEach(({ value, text }, index) => setMember(values, index, value ?? null, text));
    holder[name] = values;
  }
  if (slots.some(({ beside }) => beside !== undefined)) {
    holder[`_${name}`] = slots.map(({ beside }) => beside ?? null);
  }
}

/** A slot that shares nothing with the object it was read from. */
export function copySlot({ value, text, beside }: Slot): Slot {
  return { value: value === undefined ? undefined : cloneJson(value), text, beside: beside && cloneJson(beside) };
}
