/**
 * What xml-read.ts keeps for each open element, and how a closed one becomes members of its parent.
 * https://hl7.org/fhir/R4/json.html#primitive (values and `_name` members side by side)
 */
import { isPrimitive, type Property, type Shape } from './definitions.ts';
import { setMember, type JsonObject, type JsonValue } from './json.ts';

export interface Frame {
  /** Undefined for an element that holds a resource (`contained`): its only child becomes its object. */
  readonly shape: Shape | undefined;
  /** The element of the parent; undefined for a resource. */
  readonly property: Property | undefined;
  readonly parent: Frame | undefined;
  /** FHIRPath of the element. */
  readonly path: string;
  /** How deep the JSON of this element is nested. */
  readonly depth: number;
  readonly object: JsonObject;
  /** The `value` attribute, and as JSON. */
  value: JsonValue | undefined;
  text: string | undefined;
  /** Position in the definition of the last child seen. */
  order: number;
}

export function isRepeated(property: Property): boolean {
  return property.element.max > 1;
}

/** Does the parent hold an element of this name already? */
export function isPresent(parent: JsonObject, name: string): boolean {
  return Object.hasOwn(parent, name) || Object.hasOwn(parent, `_${name}`);
}

/** How many repetitions of an element the parent has. */
export function repetitions(parent: JsonObject, name: string): number {
  const values = parent[name];
  return Array.isArray(values) ? values.length : 0;
}

/** Adds a closed element to its parent. */
export function addMember(parent: JsonObject, property: Property, frame: Frame): void {
  const primitive = isPrimitive(property.type.code);
  const value = primitive ? frame.value : frame.object;
  const beside = primitive && Object.keys(frame.object).length > 0 ? frame.object : undefined;
  if (isRepeated(property)) {
    return addItem(parent, property.name, { value, beside, text: frame.text });
  }
  if (value !== undefined) {
    setMember(parent, property.name, value, frame.text);
  }
  if (beside) {
    parent[`_${property.name}`] = beside;
  }
}

interface Item {
  value: JsonValue | undefined;
  beside: JsonObject | undefined;
  text: string | undefined;
}

function addItem(parent: JsonObject, name: string, { value, beside, text }: Item): void {
  const values = (parent[name] ??= []) as JsonValue[];
  setMember(values, values.length, value ?? null, text);
  if (beside) {
    const others = (parent[`_${name}`] ??= []) as JsonValue[];
    fill(others, values.length - 1);
    others.push(beside);
  }
}

function fill(array: JsonValue[], length: number): void {
  while (array.length < length) {
    array.push(null);
  }
}

/** Gives `name` and `_name` the same length; a `name` without any value goes. */
export function alignPrimitives(object: JsonObject): void {
  for (const key of Object.keys(object)) {
    const others = object[key];
    const values = object[key.slice(1)];
    if (key.startsWith('_') && Array.isArray(others) && Array.isArray(values)) {
      fill(others, values.length);
      if (values.every((value) => value === null)) {
        delete object[key.slice(1)];
      }
    }
  }
}
