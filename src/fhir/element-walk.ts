/**
 * Walks through the elements of a resource by its definition, with contained resources, extensions and the extensions of
 * primitives. What the definition does not know (validation reports it) is passed over.
 */
import { isPrimitive, propertyShape, shapeOf, type Property, type Shape } from './definitions.ts';
import type { JsonObject, JsonValue } from './json.ts';

export interface ElementVisit {
  /** The object or, for repetitions, the array that holds the value. */
  parent: JsonObject | JsonValue[];
  key: string | number;
  value: JsonValue;
  property: Property;
  /** FHIRPath of the value: `Observation.performer[0]`. */
  path: string;
}

export type ElementVisitor = (visit: ElementVisit) => void;

/** Calls `visitor` for every element that has a value, parents first. */
export function walkElements(resource: JsonObject, visitor: ElementVisitor): void {
  walkResource(resource, String(resource['resourceType']), visitor);
}

function walkResource(resource: JsonObject, path: string, visitor: ElementVisitor): void {
  const type = resource['resourceType'];
  const shape = typeof type === 'string' ? shapeOf(type) : undefined;
  if (shape) {
    walkObject(resource, shape, path, visitor);
  }
}

function walkObject(object: JsonObject, shape: Shape, path: string, visitor: ElementVisitor): void {
  for (const name in object) {
    const value = object[name];
    const property = shape.properties.get(name);
    if (property && value !== undefined && value !== null) {
      walkMember(object, name, { property, path: `${path}.${property.element.name}`, visitor });
    } else if (name.startsWith('_') && typeof value === 'object' && value !== null) {
      walkExtensions(value, `${path}.${name.slice(1)}`, visitor);
    }
  }
}

interface Step {
  property: Property;
  path: string;
  visitor: ElementVisitor;
}

function walkMember(parent: JsonObject, name: string, step: Step): void {
  const value = parent[name] as JsonValue;
  if (!Array.isArray(value)) {
    return walkValue(parent, name, step);
  }
  for (let index = 0; index < value.length; index++) {
    walkValue(value, index, { ...step, path: `${step.path}[${index}]` });
  }
}

function walkValue(parent: JsonObject | JsonValue[], key: string | number, step: Step): void {
  const { property, path, visitor } = step;
  const value = (parent as Record<string | number, JsonValue>)[key] as JsonValue;
  if (value === null) {
    return;
  }
  visitor({ parent, key, value, property, path });
  if (typeof value !== 'object' || Array.isArray(value) || isPrimitive(property.type.code)) {
    return;
  }
  if (property.type.code === 'Resource') {
    return walkResource(value, path, visitor);
  }
  const shape = propertyShape(property);
  if (shape) {
    walkObject(value, shape, path, visitor);
  }
}

/** The `_name` member beside a primitive, or beside an array of primitives. */
function walkExtensions(beside: JsonObject | JsonValue[], path: string, visitor: ElementVisitor): void {
  const shape = shapeOf('Element');
  if (!shape) {
    return;
  }
  if (!Array.isArray(beside)) {
    return walkObject(beside, shape, path, visitor);
  }
  beside.forEach((item, index) => {
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
      walkObject(item, shape, `${path}[${index}]`, visitor);
    }
  });
}
