/**
 * JSON → FHIR XML, in the order of the definitions. See xml.ts for the invariants.
 */
import { isPrimitive, isResourceType, propertyShape, shapeOf, type Property, type Shape } from './definitions.ts';
import { shortened } from './json-reader.ts';
import { numberText, type JsonObject, type JsonValue } from './json.ts';
import { outcomeError, type OutcomeError } from './outcome.ts';
import { escapeAttribute } from './xml-escape.ts';
import { fhirNamespace } from './xml-names.ts';
import { embeddedNarrative } from './xml-narrative.ts';

/** Where the writer is. */
interface Place {
  readonly path: string;
  readonly level: number;
  readonly pretty: boolean;
}

/** The XML document of a resource; OutcomeError (422) when it has members that FHIR does not know. */
export function serializeXml(resource: JsonObject, pretty = false): string {
  const place = { path: String(resource['resourceType']), level: 0, pretty };
  const root = resourceElement(resource, place, ` xmlns="${fhirNamespace}"`);
  return `<?xml version="1.0" encoding="UTF-8"?>${pretty ? `\n${root.trimStart()}\n` : root}`;
}

function refusal(sentence: string, path: string): OutcomeError {
  return outcomeError('structure', `${sentence}, so it cannot be written as XML.`, { expression: path, status: 422 });
}

function resourceElement(resource: JsonObject, place: Place, attributes = ''): string {
  const type = resource['resourceType'];
  const shape = typeof type === 'string' && isResourceType(type) ? shapeOf(type) : undefined;
  if (!shape) {
    throw refusal('The resource has no known resourceType', place.path);
  }
  return element(String(type), attributes, members(resource, shape, place), place);
}

function element(name: string, attributes: string, content: string, place: Place): string {
  const start = `${lineBreak(place)}<${name}${attributes}`;
  return content === '' ? `${start}/>` : `${start}>${content}${lineBreak(place)}</${name}>`;
}

function lineBreak({ pretty, level }: Place): string {
  return pretty ? `\n${'  '.repeat(level)}` : '';
}

/** The child elements of an object; the definition gives their order. */
function members(object: JsonObject, shape: Shape, place: Place): string {
  let content = '';
  // ExampleScenario.instance has an element of its own that is called resourceType.
  let known = object['resourceType'] === undefined || shape.properties.has('resourceType') ? 0 : 1;
  for (const property of shape.properties.values()) {
    const value = object[property.name];
    const beside = isPrimitive(property.type.code) ? object[`_${property.name}`] : undefined;
    known += (value === undefined ? 0 : 1) + (beside === undefined ? 0 : 1);
    if ((value !== undefined || beside !== undefined) && !property.element.isXmlAttribute) {
      content += member(object, property, place);
    }
  }
  if (known !== Object.keys(object).length) {
    throw unknownMember(object, shape, place);
  }
  return content;
}

function unknownMember(object: JsonObject, shape: Shape, place: Place): OutcomeError {
  const unknown = Object.keys(object).find((key) => key !== 'resourceType' && !shape.properties.has(key)) ?? '_';
  return refusal(`The property "${shortened(unknown)}" is not known here`, `${place.path}.${shortened(unknown)}`);
}

/** An element, or all of its repetitions. */
function member(object: JsonObject, property: Property, place: Place): string {
  const { name } = property;
  const below = { ...place, path: `${place.path}.${property.element.name}`, level: place.level + 1 };
  const values = object[name];
  const others = object[`_${name}`];
  if (!Array.isArray(values) && !Array.isArray(others)) {
    return value({ parent: object, key: name, beside: others }, property, below);
  }
  let content = '';
  const parent = Array.isArray(values) ? values : [];
  const beside = Array.isArray(others) ? others : [];
  for (let index = 0; index < Math.max(parent.length, beside.length); index++) {
    const path = `${below.path}[${index}]`;
    content += value({ parent, key: index, beside: beside[index] }, property, { ...below, path });
  }
  return content;
}

interface Slot {
  readonly parent: JsonObject | JsonValue[];
  readonly key: string | number;
  /** What stands in the `_name` member. */
  readonly beside: JsonValue | undefined;
}

function value(slot: Slot, property: Property, place: Place): string {
  const { parent, key } = slot;
  const content = (parent as Record<string | number, JsonValue>)[key];
  const { code } = property.type;
  if (code === 'xhtml') {
    return `${lineBreak(place)}${embeddedNarrative(String(content), place.path)}`;
  }
  if (isPrimitive(code)) {
    return primitive(slot, property, place);
  }
  if (!isObject(content)) {
    throw refusal('The element is not an object', place.path);
  }
  if (code === 'Resource') {
    const inner = resourceElement(content, { ...place, level: place.level + 1 });
    return element(property.name, '', inner, place);
  }
  const shape = propertyShape(property);
  if (!shape) {
    throw refusal(`The type ${code} has no definition`, place.path);
  }
  return element(property.name, attributesOf(content, shape, place), members(content, shape, place), place);
}

function primitive({ parent, key, beside }: Slot, property: Property, place: Place): string {
  const content = (parent as Record<string | number, JsonValue>)[key];
  const shape = shapeOf('Element');
  const others = isObject(beside) ? beside : undefined;
  if (typeof content === 'object' && content !== null) {
    throw refusal('The element is not a primitive value', place.path);
  }
  const text = typeof content === 'number' ? numberText(parent, key) : content;
  const attribute = text === undefined || text === null ? '' : ` value="${escapeAttribute(String(text), place.path)}"`;
  if (!others || !shape) {
    return element(property.name, attribute, '', place);
  }
  const attributes = attributesOf(others, shape, place) + attribute;
  return element(property.name, attributes, members(others, shape, place), place);
}

/** `id` of any element and `url` of an extension. */
function attributesOf(object: JsonObject, shape: Shape, place: Place): string {
  const names = ['id', 'url'].filter((name) => shape.properties.get(name)?.element.isXmlAttribute);
  const present = names.filter((name) => object[name] !== undefined);
  return present.map((name) => ` ${name}="${escapeAttribute(String(object[name]), place.path)}"`).join('');
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
