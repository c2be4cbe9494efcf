/**
 * Node: one item of a FHIRPath collection, that is a JSON value with its FHIR type and the place it stands in.
 *
 * Invariants
 * 1. `parent[key]` is the value where it came from a resource, so exact decimals (json.ts) and places (location.ts) are
 *    recoverable; a computed number with digits of its own has a parent made for it.
 * 2. A primitive with extensions but without value is a node with `value` undefined; `extra` is its `_name` object.
 * 3. `shape` is set for elements with members, undefined for primitives and for FHIRPath's own System types.
 * 4. Nodes and collections are never changed once made, so collections may be shared.
 */
import { isPrimitive, isResourceType, propertyShape, shapeOf, type Property, type Shape } from '../definitions.ts';
import { attachTexts } from '../json-exact.ts';
import type { JsonObject, JsonValue } from '../json.ts';

export interface Node {
  readonly value: JsonValue | undefined;
  /** 'Quantity', 'code', 'Patient', 'Observation.component' (a backbone element by its path), 'System.Integer'. */
  readonly type: string;
  readonly shape: Shape | undefined;
  /** The object or array that holds the value. */
  readonly parent: JsonObject | JsonValue[] | undefined;
  readonly key: string | number;
  readonly extra: JsonObject | undefined;
  /** The element that this one is a member of. */
  readonly owner: Node | undefined;
  /** Its JSON name there: 'valueQuantity'. */
  readonly name: string;
}

export type Nodes = readonly Node[];

export const none: Nodes = Object.freeze([]) as Nodes;

/** A value without a place. */
export function valueNode(value: JsonValue | undefined, type: string): Node {
  return { value, type, shape: undefined, parent: undefined, key: '', extra: undefined, owner: undefined, name: '' };
}

const yes: Nodes = Object.freeze([valueNode(true, 'System.Boolean')]);
const no: Nodes = Object.freeze([valueNode(false, 'System.Boolean')]);

export function booleanNodes(value: boolean | undefined): Nodes {
  return value === undefined ? none : value ? yes : no;
}

export function stringNode(text: string): Node {
  return valueNode(text, 'System.String');
}

/** A number by its decimal text: an Integer without decimal point, else a Decimal that keeps its digits. */
export function numberNode(
  text: string,
  type: string = text.includes('.') ? 'System.Decimal' : 'System.Integer',
): Node {
  const value = Number(text);
  if (String(value) === text) {
    return valueNode(value, type);
  }
  const parent: JsonObject = { value };
  attachTexts(parent, { value: text });
  return { value, type, shape: undefined, parent, key: 'value', extra: undefined, owner: undefined, name: 'value' };
}

/** A whole resource, contained or not, or an element whose type is known by name, as the start of a path. */
export function rootNode(value: JsonObject, typeName?: string): Node {
  const type = typeName ?? resourceTypeOf(value) ?? 'Resource';
  return {
    value,
    type,
    shape: shapeOf(type),
    parent: undefined,
    key: '',
    extra: undefined,
    owner: undefined,
    name: '',
  };
}

function resourceTypeOf(value: JsonValue): string | undefined {
  const name = isObject(value) ? value['resourceType'] : undefined;
  return typeof name === 'string' && isResourceType(name) ? name : undefined;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON member that a name in a path can mean; `value` of an Observation means eleven of them. */
export interface Member {
  name: string;
  type: string;
  primitive: boolean;
  resource: boolean;
  /** Of the values; undefined for primitives and resources. Read late, so that types are built only when met. */
  shape: Shape | undefined | null;
  property: Property;
}

type Plan = readonly Member[];

const plans = new WeakMap<Shape, Map<string, Plan>>();
const noPlan: Plan = [];

function memberOf(property: Property): Member {
  const { code } = property.type;
  return {
    name: property.name,
    type: property.element.shape?.path ?? code,
    primitive: isPrimitive(code),
    resource: code === 'Resource',
    shape: null,
    property,
  };
}

function makePlan(shape: Shape, name: string): Plan {
  const exact = shape.properties.get(name);
  if (exact) {
    return [memberOf(exact)];
  }
  return [...shape.properties.values()].filter(({ element }) => element.choice && element.name === name).map(memberOf);
}

/** The members of a shape that a path name means: one, or all the types of a choice, or none. */
export function planOf(shape: Shape, name: string): Plan {
  let known = plans.get(shape);
  if (!known) {
    known = new Map();
    plans.set(shape, known);
  }
  let plan = known.get(name);
  if (!plan) {
    plan = makePlan(shape, name);
    // Names come from expressions, which clients may send: only those that exist are remembered.
    if (plan.length > 0) {
      known.set(name, plan);
    }
  }
  return plan;
}

/** The types of the members that a name means. */
export function memberTypes(shape: Shape, name: string): string[] {
  return planOf(shape, name).map((member) => member.type);
}

let element: Shape | undefined;

/** The members that any element has (id, extension): what a primitive has. */
function elementShape(): Shape | undefined {
  return (element ??= shapeOf('Element'));
}

/** The object that has a node's members: of a primitive, its `_name` object. */
export function holderOf(node: Node): JsonObject | undefined {
  return isObject(node.value) ? node.value : node.extra;
}

export function holderPlan(node: Node, name: string): Plan {
  const shape = node.shape ?? (isObject(node.value) ? undefined : elementShape());
  return shape
    ? planOf(shape, name)
    : isObject(node.value) && Object.hasOwn(node.value, name)
      ? [untyped(node.value, name)]
      : noPlan;
}

/** A member of an object whose type is unknown: its type is guessed from the JSON. */
function untyped(object: JsonObject, name: string): Member {
  const sample = Array.isArray(object[name]) ? object[name][0] : object[name];
  const type =
    typeof sample === 'boolean'
      ? 'boolean'
      : typeof sample === 'number'
        ? 'decimal'
        : typeof sample === 'string'
          ? 'string'
          : '';
  return {
    name,
    type,
    primitive: type !== '',
    resource: isObject(sample) && 'resourceType' in sample,
    shape: undefined,
    property: undefined as never,
  };
}

function shapeFor(member: Member): Shape | undefined {
  if (member.shape === null) {
    member.shape = member.primitive || member.resource ? undefined : propertyShape(member.property);
  }
  return member.shape;
}

/** Appends the values of one member of `owner` to `found`. */
export function collect(owner: Node, holder: JsonObject, member: Member, found: Node[]): void {
  const value = holder[member.name];
  const extra = member.primitive ? holder[`_${member.name}`] : undefined;
  if (value === undefined && extra === undefined) {
    return;
  }
  if (Array.isArray(value) || Array.isArray(extra)) {
    collectList(owner, member, { value, extra }, found);
  } else if (value !== null || isObject(extra)) {
    found.push(makeNode(owner, member, { value, extra, parent: holder, key: member.name }));
  }
}

function collectList(
  owner: Node,
  member: Member,
  holds: { value: JsonValue | undefined; extra: JsonValue | undefined },
  found: Node[],
): void {
  const values = Array.isArray(holds.value) ? holds.value : [];
  const extras = Array.isArray(holds.extra) ? holds.extra : [];
  const length = Math.max(values.length, extras.length);
  for (let index = 0; index < length; index++) {
    const value = values[index];
    const extra = extras[index];
    if ((value !== undefined && value !== null) || isObject(extra)) {
      found.push(makeNode(owner, member, { value, extra, parent: values, key: index }));
    }
  }
}

interface Place {
  value: JsonValue | undefined;
  extra: JsonValue | undefined;
  parent: JsonObject | JsonValue[];
  key: string | number;
}

function makeNode(owner: Node, member: Member, place: Place): Node {
  const { value, parent, key } = place;
  const resource = member.resource ? ((value !== undefined && resourceTypeOf(value)) ?? 'Resource') : undefined;
  return {
    value: value === null ? undefined : value,
    type: resource || member.type,
    shape: resource ? shapeOf(resource) : shapeFor(member),
    parent,
    key,
    extra: isObject(place.extra) ? place.extra : undefined,
    owner,
    name: member.name,
  };
}

/** Whether a member of `holder` has any value; as `collect`, without making nodes. */
export function has(holder: JsonObject, member: Member): boolean {
  return hasAny(holder[member.name]) || (member.primitive && hasAny(holder[`_${member.name}`]));
}

function hasAny(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && (!Array.isArray(value) || value.some((item) => item !== null));
}

/** All members of a node, in the order of the JSON. */
export function childrenOf(node: Node, found: Node[] = []): Node[] {
  const holder = holderOf(node);
  if (!holder) {
    return found;
  }
  const seen = new Set<string>();
  for (const key in holder) {
    const name = key.startsWith('_') ? key.slice(1) : key;
    if (seen.has(name) || (name === 'resourceType' && node.shape !== undefined)) {
      continue;
    }
    seen.add(name);
    for (const member of holderPlan(node, name)) {
      collect(node, holder, member, found);
    }
  }
  return found;
}

/** Children, their children, and so on, without recursion; `spend` is told how many there are, and may object. */
export function descendantsOf(nodes: Nodes, spend: (count: number) => void): Node[] {
  const found: Node[] = [];
  for (const node of nodes) {
    childrenOf(node, found);
  }
  for (let index = 0, counted = 0; index < found.length; index++) {
    childrenOf(found[index]!, found);
    spend(found.length - counted);
    counted = found.length;
  }
  return found;
}
