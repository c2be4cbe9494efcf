/**
 * The value of an operation of a FHIRPath Patch: a `value[x]`, a resource, or `part`s that make up an element which has no
 * data type of its own (backbone elements, extensions). https://hl7.org/fhir/R4/fhirpatch.html
 */
import { propertyShape, shapeOf, type Property, type Shape } from '../definitions.ts';
import { shortened } from '../json-reader.ts';
import type { JsonObject } from '../json.ts';
import { copySlot, isRepeated, readSlots, writeSlots, type Slot } from './element-slots.ts';
import { itemsOf } from './fhirpath-patch-operation.ts';

/** Reports why a value does not fit; returns the error to throw. */
export type Refuse = (reason: string) => Error;

export interface Typed {
  readonly property: Property;
  readonly slot: Slot;
}

const texts = new Set(
  'base64Binary canonical code date dateTime id instant markdown oid string time uri url uuid xhtml'.split(' '),
);
const numbers = new Set(['decimal', 'integer', 'positiveInt', 'unsignedInt']);
const quantities = new Set(['Quantity', 'Age', 'Count', 'Distance', 'Duration', 'SimpleQuantity', 'MoneyQuantity']);
const families = [texts, numbers, quantities];

/** Types whose JSON is alike may stand for one another; validation tells whether the content fits. */
function fits(given: string, wanted: string): boolean {
  return given === wanted || families.some((family) => family.has(given) && family.has(wanted));
}

/** The value of a part as an element `name` of `shape`. */
export function typedValue(part: JsonObject, name: string, shape: Shape, refuse: Refuse): Typed {
  const candidates = propertiesNamed(shape, name);
  if (candidates.length === 0) {
    throw refuse(`${shape.path} has no element "${shortened(name)}"`);
  }
  const given = givenProperty(part);
  if (given) {
    const property =
      candidates.find(({ type }) => type.code === given.type.code) ??
      candidates.find(({ type }) => candidates.length === 1 && fits(given.type.code, type.code));
    if (!property) {
      throw refuse(`the element "${shortened(name)}" cannot be of the type ${given.type.code}`);
    }
    return { property, slot: copySlot(readSlots(part, given.name)[0] as Slot) };
  }
  const [property] = candidates;
  if (!property || candidates.length > 1) {
    throw refuse(`the value of "${shortened(name)}" needs a type: give a value[x]`);
  }
  return { property, slot: { value: objectOf(part, property, refuse) } };
}

/** The properties that a name means: one, or each type of a choice. */
export function propertiesNamed(shape: Shape, name: string): Property[] {
  const plain = name.replace(/\[x\]$/, '');
  const exact = shape.properties.get(plain);
  return exact
    ? [exact]
    : [...shape.properties.values()].filter(({ element }) => element.choice && element.name === plain);
}

/** The `value[x]` of a part, or its `resource`. */
function givenProperty(part: JsonObject): Property | undefined {
  const shape = shapeOf('Parameters.parameter');
  const names = Object.keys(part).map((key) => key.replace(/^_/, ''));
  return names
    .map((name) => shape?.properties.get(name))
    .find((property) => property?.element.name === 'value' || property?.element.name === 'resource');
}

function objectOf(part: JsonObject, property: Property, refuse: Refuse): JsonObject {
  const shape = property.type.code === 'Resource' ? undefined : propertyShape(property);
  const parts = itemsOf(part['part']);
  if (!shape || parts.length === 0) {
    throw refuse(`the value of "${property.name}" must have a value[x]${shape ? ' or parts' : ''}`);
  }
  const object: JsonObject = {};
  for (const item of parts) {
    addPart(object, typedValue(item, String(item['name']), shape, refuse), refuse);
  }
  return object;
}

function addPart(object: JsonObject, { property, slot }: Typed, refuse: Refuse): void {
  const slots = readSlots(object, property.name);
  if (slots.length > 0 && !isRepeated(property)) {
    throw refuse(`the element "${property.name}" is allowed only once`);
  }
  writeSlots(object, property.name, [...slots, slot], isRepeated(property));
}
