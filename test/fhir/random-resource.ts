/**
 * Resources made from the definitions alone, every element as likely as any other, the same for the same seed. They need
 * not make sense; they reach the elements that no example has.
 */
import {
  isPrimitive,
  propertyShape,
  shapeOf,
  type Element,
  type Property,
  type Shape,
} from '../../src/fhir/definitions.ts';
import type { JsonObject, JsonValue } from '../../src/fhir/json.ts';

export type Random = () => number;

/** A small generator of numbers in [0, 1): mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!;
}

const texts: Record<string, readonly string[]> = {
  date: ['2020', '2020-05', '2020-05-06', '1970-01-01'],
  dateTime: ['2020', '2020-05-06', '2020-05-06T07:08:09Z', '2020-05-06T07:08:09.123+03:00'],
  instant: ['2020-05-06T07:08:09Z', '2020-05-06T07:08:09.123+03:00'],
  time: ['07:08:09', '23:59:59'],
  id: ['a1', 'b-2'],
  uri: ['http://example.org/a', 'urn:oid:1.2.3'],
  url: ['http://example.org/b', '#a1'],
  canonical: ['http://example.org/c|1', '#b-2'],
  oid: ['urn:oid:1.2.3'],
  uuid: ['urn:uuid:2c1c0e1e-0d3a-4f8e-9a83-6a5c0a4c1c11'],
  base64Binary: ['AAAA'],
  code: ['active', 'final', 'transaction', 'email', 'root', 'display', '%'],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml">text</div>'],
};

function primitive(random: Random, type: string): JsonValue {
  switch (type) {
    case 'boolean':
      return random() < 0.5;
    case 'integer':
    case 'positiveInt':
    case 'unsignedInt':
      return 1 + Math.floor(random() * 5);
    case 'decimal':
      return Math.floor(random() * 1000) / 100;
    default:
      return pick(random, texts[type] ?? ['text', 'Another text', 'مختبر']);
  }
}

function reference(random: Random, { type }: Property): JsonObject {
  const targets = (type.targets ?? [])
    .map((url) => url.slice(url.lastIndexOf('/') + 1))
    .filter((name) => name !== 'Resource');
  return { reference: `${pick(random, targets.length > 0 ? targets : ['Patient', 'Organization'])}/a1` };
}

interface Limits {
  random: Random;
  depth: number;
  chance: number;
}

function value(property: Property, limits: Limits): JsonValue | undefined {
  const { random, depth } = limits;
  const { code } = property.type;
  if (isPrimitive(code)) {
    return primitive(random, code);
  }
  if (code === 'Reference') {
    return reference(random, property);
  }
  const shape = code === 'Resource' ? shapeOf(pick(random, ['Patient', 'Basic'])) : propertyShape(property);
  if (!shape || depth > 4) {
    return undefined;
  }
  const members = membersOf(shape, { random, depth: depth + 1, chance: limits.chance * 0.6 });
  return code === 'Resource' ? { resourceType: shape.path, ...members } : members;
}

function wanted(element: Element, { random, chance }: Limits): boolean {
  return element.name !== 'extension' && element.name !== 'modifierExtension'
    ? element.min > 0 || random() < chance
    : random() < 0.02;
}

function membersOf(shape: Shape, limits: Limits): JsonObject {
  const made: JsonObject = {};
  for (const element of shape.elements) {
    const choices = [...shape.properties.values()].filter((property) => property.element === element);
    if (choices.length === 0 || !wanted(element, limits)) {
      continue;
    }
    const property = pick(limits.random, choices);
    const count = element.max > 1 ? 1 + Math.floor(limits.random() * 2) : 1;
    const values = Array.from({ length: count }, () => value(property, limits)).filter((item) => item !== undefined);
    if (values.length > 0) {
      made[property.name] = element.max > 1 ? values : values[0]!;
    }
  }
  return made;
}

/** A resource of a type; `chance` is how likely an optional element at the top is. */
export function randomResource(type: string, random: Random, chance = 0.7): JsonObject {
  const shape = shapeOf(type);
  if (!shape) {
    throw new Error(`No shape of ${type}.`);
  }
  return { resourceType: type, ...membersOf(shape, { random, depth: 0, chance }) };
}
