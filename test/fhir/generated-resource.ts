/**
 * Generated resources for property tests: any type, drawn from the definitions, with every kind of element (choices,
 * repetitions, primitive extensions, contained resources, narratives, exact decimals). They follow the structure of FHIR,
 * not its invariants or bindings.
 */
import fc from 'fast-check';
import {
  isPrimitive,
  propertyShape,
  resourceTypes,
  shapeOf,
  type Property,
  type Shape,
} from '../../src/fhir/definitions.ts';
import { setMember, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';

const decimals = ['0', '1.00', '-0.0', '12345678901234567890.12345678901234567890', '1e2', '1.50E-3', '7'];
const texts = ['a', ' spaced  text ', '<&">\'', 'line\nbreak\ttab\r', 'مختبر', '😀', 'é\u00a0'];
const divs = [
  '<div xmlns="http://www.w3.org/1999/xhtml">text</div>',
  '<div xmlns="http://www.w3.org/1999/xhtml" lang="ar"><p>a &amp; b<br/>\n  <a href=\'x\'>y</a></p><!-- kept --></div>',
];

/** A source of choices: fast-check gives one number after the other. */
export type Draw = (below: number) => number;

function pick<T>(draw: Draw, items: readonly T[]): T {
  return items[draw(items.length)] as T;
}

function setPrimitive(draw: Draw, target: JsonObject | JsonValue[], key: string | number, code: string): void {
  const kinds: Record<string, () => JsonValue> = {
    boolean: () => draw(2) === 0,
    integer: () => draw(2000) - 1000,
    unsignedInt: () => draw(1000),
    positiveInt: () => 1 + draw(1000),
    xhtml: () => pick(draw, divs),
  };
  if (code === 'decimal') {
    const text = pick(draw, decimals);
    setMember(target, key, Number(text), text);
  } else {
    setMember(target, key, kinds[code]?.() ?? pick(draw, texts));
  }
}

function addPrimitive(draw: Draw, object: JsonObject, property: Property, depth: number): void {
  const { name, element } = property;
  const beside = (): JsonObject => ({
    ...(draw(2) === 0 && { id: 'i' }),
    extension: [extension(draw, depth)],
  });
  if (element.max > 1) {
    const values: JsonValue[] = [];
    const others: JsonValue[] = [];
    for (let index = 0; index <= draw(3); index++) {
      setPrimitive(draw, values, index, property.type.code);
      others.push(draw(4) === 0 ? beside() : null);
    }
    if (others[0] !== null && draw(2) === 0) {
      values[0] = null;
    }
    if (values.some((value) => value !== null)) object[name] = values;
    if (others.some((other) => other !== null)) object[`_${name}`] = others;
    return;
  }
  const kind = element.isXmlAttribute || property.type.code === 'xhtml' ? 0 : draw(6);
  if (kind < 5) setPrimitive(draw, object, name, property.type.code);
  if (kind > 3) object[`_${name}`] = beside();
}

function extension(draw: Draw, depth: number): JsonObject {
  return depth > 3 || draw(2) === 0
    ? { url: 'http://example.org/x', valueString: pick(draw, texts) }
    : { url: 'http://example.org/y', extension: [extension(draw, depth + 1)] };
}

function fill(draw: Draw, object: JsonObject, shape: Shape, depth: number): void {
  const chosen = new Set<string>();
  for (const property of shape.properties.values()) {
    const { element, name, type } = property;
    const wanted = element.min > 0 || draw(depth === 0 ? 4 : 12) === 0;
    if (!wanted || chosen.has(element.name) || (element.choice && draw(3) > 0)) continue;
    if (isPrimitive(type.code)) {
      chosen.add(element.name);
      addPrimitive(draw, object, property, depth);
    } else if (depth < 3) {
      chosen.add(element.name);
      const values = Array.from({ length: element.max > 1 ? 1 + draw(2) : 1 }, () =>
        complex(draw, property, depth + 1),
      );
      object[name] = element.max > 1 ? values : (values[0] as JsonValue);
    }
  }
}

function complex(draw: Draw, property: Property, depth: number): JsonObject {
  if (property.type.code === 'Resource') return resource(draw, pick(draw, resourceTypes), depth);
  if (property.type.code === 'Extension') return extension(draw, depth);
  const object: JsonObject = {};
  const shape = propertyShape(property);
  if (shape) fill(draw, object, shape, depth);
  return Object.keys(object).length > 0 ? object : { id: 'e' };
}

function resource(draw: Draw, type: string, depth: number): JsonObject {
  const object: JsonObject = { resourceType: type };
  fill(draw, object, shapeOf(type) as Shape, depth);
  return object;
}

/** Resources of the given types, of any when none are given. */
export function generatedResource(types: readonly string[] = resourceTypes): fc.Arbitrary<JsonObject> {
  return fc.infiniteStream(fc.nat({ max: 0x7fffffff })).map((numbers) => {
    const draw: Draw = (below) => (numbers.next().value as number) % below;
    return resource(draw, pick(draw, types), 0);
  });
}
