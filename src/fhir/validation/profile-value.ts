/**
 * The values of an element inside an object, with their types: what rules of profiles look at.
 */
import { isPrimitive, type Property, propertyShape, type Shape, shapeOf } from '../definitions.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { isObject } from './type.ts';

export interface Held {
  /** Undefined for a primitive that has extensions only. */
  value: JsonValue | undefined;
  /** The object with the members: the value itself, or the `_name` object of a primitive. */
  members: JsonObject | undefined;
  /** The type of the members. */
  shape: Shape | undefined;
  property: Property;
  /** The type of the value: `dateTime`, `Quantity`, `Observation.component`. */
  typeName: string;
  index: number | undefined;
}

const nothing: Held[] = [];

const named = new WeakMap<Shape, Map<string, readonly Property[]>>();

/** `value[x]` and `value` mean all types of a choice; `valueQuantity` one of them. */
function propertiesNamed(shape: Shape, name: string): readonly Property[] {
  const exact = shape.properties.get(name);
  if (exact !== undefined) return [exact];
  const known = named.get(shape) ?? new Map<string, readonly Property[]>();
  named.set(shape, known);
  const found = known.get(name) ?? choicesOf(shape, name.replace(/\[x\]$/, ''));
  // A profile that comes with a request may name anything.
  if (found.length > 0) known.set(name, found);
  return found;
}

function choicesOf(shape: Shape, base: string): Property[] {
  return [...shape.properties.values()].filter(({ element }) => element.choice && element.name === base);
}

function shapeOfValue(property: Property, value: JsonValue | undefined): Shape | undefined {
  if (property.type.code !== 'Resource') return propertyShape(property);
  const type = isObject(value) ? value['resourceType'] : undefined;
  return typeof type === 'string' ? shapeOf(type) : undefined;
}

function held(
  property: Property,
  value: JsonValue | undefined,
  extra: JsonValue | undefined,
  index?: number,
): Held | undefined {
  const primitive = isPrimitive(property.type.code);
  const beside = isObject(extra) ? extra : undefined;
  const present = value === null ? undefined : value;
  if (present === undefined && beside === undefined) return undefined;
  return {
    value: present,
    members: primitive ? beside : isObject(present) ? present : undefined,
    shape: primitive ? shapeOf('Element') : shapeOfValue(property, present),
    property,
    typeName: primitive ? property.type.code : (shapeOfValue(property, present)?.path ?? property.type.code),
    index,
  };
}

function heldOf(owner: JsonObject, property: Property): (Held | undefined)[] {
  const value = owner[property.name];
  const extra = isPrimitive(property.type.code) ? owner[`_${property.name}`] : undefined;
  if (value === undefined && extra === undefined) return nothing;
  if (!Array.isArray(value) && !Array.isArray(extra)) return [held(property, value, extra)];
  const values = Array.isArray(value) ? value : [];
  const extras = Array.isArray(extra) ? extra : [];
  const length = Math.max(values.length, extras.length);
  return Array.from({ length }, (_, index) => held(property, values[index], extras[index], index));
}

/** The name of an element in FHIRPath: `value` for `value[x]` and for `valueQuantity`. */
export function pathName(shape: Shape, name: string): string {
  return shape.properties.get(name)?.element.name ?? name.replace(/\[x\]$/, '');
}

/** All values of an element in an object. */
export function valuesOf(owner: JsonObject, shape: Shape, name: string): Held[] {
  return propertiesNamed(shape, name)
    .flatMap((property) => heldOf(owner, property))
    .filter((item) => item !== undefined);
}
