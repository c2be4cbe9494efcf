/** Which FHIR types the values at the end of a plain path can have, from the definitions. */
import { propertyShape, shapeOf, type Property, type Shape } from '../fhir/definitions.ts';
import type { Step } from './branch.ts';

/** A place in the definitions: a type with its members, where it has some. */
export interface Place {
  readonly type: string;
  readonly shape: Shape | undefined;
}

/** `ofType` lets the types derived from a type through too: http://hl7.org/fhirpath/N1/#oftypetype-type-specifier--collection */
const derived: Readonly<Record<string, readonly string[]>> = {
  uri: ['canonical', 'url', 'oid', 'uuid'],
  string: ['code', 'id', 'markdown'],
  integer: ['positiveInt', 'unsignedInt'],
  Quantity: ['Age', 'Count', 'Distance', 'Duration'],
};

export function isA(type: string, base: string): boolean {
  return type === base || derived[base]?.includes(type) === true;
}

function placeOf(property: Property): Place {
  return { type: property.element.shape?.path ?? property.type.code, shape: propertyShape(property) };
}

/** The JSON members that a FHIRPath name stands for: `value` is valueQuantity, valueString, … */
export function membersOf(shape: Shape, name: string): Property[] {
  return [...shape.properties.values()].filter(
    (property) => property.element.name === name || (!property.element.choice && property.name === name),
  );
}

function follow(places: readonly Place[], step: Step): Place[] {
  switch (step.kind) {
    case 'member':
      return places.flatMap(({ shape }) => (shape ? membersOf(shape, step.name).map(placeOf) : []));
    case 'type':
      return places.filter(({ type }) => isA(type, step.code));
    case 'equal':
    case 'first':
      return [...places];
  }
}

/** The types of the values; empty where the definitions do not know the path. */
export function resolveTypes(resourceType: string, steps: readonly Step[]): string[] {
  let places: Place[] = [{ type: resourceType, shape: shapeOf(resourceType) }];
  for (const step of steps) places = follow(places, step);
  return [...new Set(places.map(({ type }) => type))];
}
