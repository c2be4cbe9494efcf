/**
 * Parts of a resource: `_summary` and `_elements`. https://hl7.org/fhir/R4/search.html#summary, #elements
 *
 * Invariants
 * 1. What is left out is always said: the result carries the tag SUBSETTED, so that nobody writes it back as a whole.
 * 2. Mandatory and modifier elements stay in every form, also below the top: without `status` or a modifierExtension a
 *    resource would say something else. (R4 lets `_summary=text` keep mandatory ones only; a modifier is kept there too.)
 * 3. A contained resource stays exactly when what is left refers to it, so no reference dangles.
 * 4. The given resource is not changed; exact decimals stay.
 */
import {
  isPrimitive,
  isResourceType,
  propertyShape,
  shapeOf,
  type Element,
  type Property,
  type Shape,
} from './definitions.ts';
import { attachTexts, exactTexts, type JsonObject, type JsonValue } from './json-exact.ts';
import { outcomeError } from './outcome.ts';

export interface Subset {
  summary?: 'true' | 'text' | 'data';
  /** Element names by resource type; those under '*' were given without a type. */
  elements?: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface SubsetRequest {
  /** All values given for `_summary` and for `_elements`. */
  summary: readonly string[];
  elements: readonly string[];
  /** The types that the answer is about; none for a search of all types. */
  types: readonly string[];
  /** Whether the answer is a search result: only there `count` has a meaning. */
  search: boolean;
  /** Whether `_include` or `_revinclude` was given. */
  includes?: boolean;
}

export const subsettedTag = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
} as const;

const everyType = '*';
const maximumElements = 200;

/** What the parameters ask for: 'count', a part, or (undefined) the whole. */
export function parseSubset(request: SubsetRequest): Subset | 'count' | undefined {
  const summary = parseSummary(request);
  const elements = parseElements(request);
  if (elements === undefined) {
    return summary === 'false' || summary === undefined ? undefined : summary === 'count' ? summary : { summary };
  }
  if (summary !== undefined && summary !== 'false') {
    throw outcomeError('invalid', `_summary=${summary} and _elements contradict each other: give one of them.`);
  }
  return { elements };
}

type Summary = 'true' | 'text' | 'data' | 'count' | 'false';

function parseSummary({ summary, search, includes }: SubsetRequest): Summary | undefined {
  const [value, ...others] = new Set(summary);
  if (value === undefined) {
    return undefined;
  }
  if (others.length > 0) {
    throw outcomeError(
      'invalid',
      `_summary is given with different values: ${[value, ...others].join(', ').slice(0, 80)}.`,
    );
  }
  if (!['true', 'text', 'data', 'count', 'false'].includes(value)) {
    throw outcomeError('invalid', `_summary is true, text, data, count or false, not "${value.slice(0, 80)}".`);
  }
  if (value === 'count' && !search) {
    throw outcomeError('invalid', '_summary=count is for searches only.');
  }
  if (value === 'text' && includes) {
    throw outcomeError('invalid', '_summary=text cannot be combined with _include or _revinclude.');
  }
  return value as Summary;
}

function parseElements({ elements, types }: SubsetRequest): Map<string, Set<string>> | undefined {
  const names = elements.flatMap((value) => value.split(',')).map((name) => name.trim());
  if (names.length === 0) {
    return undefined;
  }
  if (names.length > maximumElements) {
    throw outcomeError('too-costly', `_elements takes up to ${maximumElements} names; ${names.length} are given.`);
  }
  const found = new Map<string, Set<string>>();
  for (const name of names) {
    const { type, element } = parseElement(name, types);
    found.set(type, (found.get(type) ?? new Set()).add(element));
  }
  return found;
}

/** `name`, `Patient.name`; a choice as `value`, `value[x]` or `valueQuantity`. */
function parseElement(name: string, types: readonly string[]): { type: string; element: string } {
  const [first = '', second, ...rest] = name.split('.');
  const type = second === undefined ? everyType : first;
  const element = (second ?? first).replace(/\[x\]$/, '');
  if (rest.length > 0 || (second !== undefined && !isResourceType(first))) {
    throw outcomeError(
      'invalid',
      `_elements takes names of elements at the top of a resource (name or Patient.name), not "${name.slice(0, 80)}".`,
    );
  }
  const candidates = type === everyType ? types : [type];
  if (element === '' || (candidates.length > 0 && !candidates.some((candidate) => hasElement(candidate, element)))) {
    throw outcomeError(
      'invalid',
      `_elements names "${name.slice(0, 80)}", which is not an element of ${candidates.slice(0, 5).join(', ') || 'a resource'}.`,
    );
  }
  return { type, element };
}

function hasElement(type: string, name: string): boolean {
  const shape = shapeOf(type);
  return shape !== undefined && (shape.properties.has(name) || shape.elements.some((element) => element.name === name));
}

/** The part of a resource; `included`: it was added by _include, to which `_elements` without a type does not apply. */
export function subsetOf(resource: JsonObject, subset: Subset, included = false): JsonObject {
  const type = resource['resourceType'];
  const shape = typeof type === 'string' ? shapeOf(type) : undefined;
  const keeps = shape && keeper(shape, subset, included);
  if (!shape || !keeps) {
    return resource;
  }
  const kept = keepMembers(resource, shape, { keeps, below: subset.summary === 'true' });
  return withTag(withContained(resource, kept));
}

type Keeps = (element: Element, property: Property) => boolean;

function isNeeded({ min, modifier }: Element): boolean {
  return min > 0 || modifier;
}

/** Which elements at the top stay; undefined when all do. */
function keeper(shape: Shape, { summary, elements }: Subset, included: boolean): Keeps | undefined {
  switch (summary) {
    case 'true':
      return (element) => isSummary(element);
    case 'text':
      return (element) =>
        element.name === 'text' || element.name === 'id' || element.name === 'meta' || isNeeded(element);
    case 'data':
      return (element) => element.name !== 'text';
    default:
      return elementKeeper(shape.path, elements, included);
  }
}

function isSummary(element: Element): boolean {
  return element.summary || isNeeded(element) || element.name === 'id' || element.name === 'meta';
}

function elementKeeper(type: string, elements: Subset['elements'], included: boolean): Keeps | undefined {
  const own = elements?.get(type);
  const general = included ? undefined : elements?.get(everyType);
  if (!own && !general) {
    return undefined;
  }
  const wanted = (name: string): boolean => own?.has(name) === true || general?.has(name) === true;
  return (element, { name }) =>
    wanted(element.name) || wanted(name) || isNeeded(element) || element.name === 'id' || element.name === 'meta';
}

interface Filter {
  keeps: Keeps;
  /** Whether it goes on below the top. */
  below: boolean;
}

/** A copy with the members that stay, in their order; `_name` goes with `name`. `contained` is for withContained. */
function keepMembers(object: JsonObject, shape: Shape, filter: Filter): JsonObject {
  const kept: JsonObject = {};
  const texts = exactTexts(object);
  if (texts) {
    attachTexts(kept, texts);
  }
  for (const [key, value] of Object.entries(object)) {
    const property = shape.properties.get(key.startsWith('_') ? key.slice(1) : key);
    if (key === 'resourceType' || (property && key !== 'contained' && filter.keeps(property.element, property))) {
      kept[key] = filter.below && property ? keepBelow(value, property, filter) : value;
    }
  }
  return kept;
}

/** In a summary the elements below are filtered too (Attachment.data is none), resources in a Bundle are not. */
function keepBelow(value: JsonValue, property: Property, filter: Filter): JsonValue {
  if (isPrimitive(property.type.code) || typeof value !== 'object' || value === null) {
    return value;
  }
  const shape = property.element.name === 'meta' ? undefined : propertyShape(property);
  if (!shape) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item) => keepBelow(item, property, filter));
  }
  return keepMembers(value, shape, filter);
}

/** `#id` of every reference, and of canonicals and uris, which may point at contained resources as well. */
function localReferences(value: JsonValue, found: Set<string>): void {
  if (typeof value === 'string') {
    if (value.startsWith('#')) {
      found.add(value.slice(1));
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) {
      localReferences(member, found);
    }
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Adds the contained resources that what is left refers to, those that they refer to, and so on. */
function withContained(resource: JsonObject, kept: JsonObject): JsonObject {
  const contained = resource['contained'];
  if (!Array.isArray(contained)) {
    return kept;
  }
  const wanted = new Set<string>();
  localReferences(kept, wanted);
  const items = contained.filter(isObject);
  const needed = new Set<JsonObject>();
  for (let before = -1; before !== needed.size;) {
    before = needed.size;
    for (const item of items) {
      if (!needed.has(item) && wanted.has(String(item['id']))) {
        needed.add(item);
        localReferences(item, wanted);
      }
    }
  }
  return needed.size === 0 ? kept : { ...kept, contained: items.filter((item) => needed.has(item)) };
}

function isSubsettedTag(tag: JsonValue): boolean {
  return isObject(tag) && tag['code'] === subsettedTag.code && tag['system'] === subsettedTag.system;
}

/** Puts `meta` where it was, or after the id. */
function withTag(resource: JsonObject): JsonObject {
  const meta = isObject(resource['meta'] ?? null) ? (resource['meta'] as JsonObject) : {};
  const tags = Array.isArray(meta['tag']) ? meta['tag'] : [];
  if (tags.some(isSubsettedTag)) {
    return resource;
  }
  const marked = { ...meta, tag: [...tags, { ...subsettedTag }] };
  if ('meta' in resource) {
    return { ...resource, meta: marked };
  }
  const { resourceType, id, ...rest } = resource;
  return { resourceType: resourceType!, ...(id === undefined ? {} : { id }), meta: marked, ...rest };
}
