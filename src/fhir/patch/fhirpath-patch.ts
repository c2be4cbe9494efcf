/**
 * FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html
 *
 * | type | path must find | does |
 * |---|---|---|
 * | add | one element | adds `name` below it: behind the last repetition, or where there is none yet |
 * | insert | a list | puts the value in front of `index` |
 * | delete | one element, or none | removes it |
 * | replace | one element | puts the value in its place |
 * | move | a list | takes the item at `source` and puts it at `destination` |
 *
 * Invariants
 * 1. The resource given is never changed: operations run on a copy, which is thrown away when one fails.
 * 2. An operation changes an element of the resource itself; what an expression computes, or resolves, is refused.
 * 3. The digits of numbers stay. An operation that does not fit gives 422 and its position in the Parameters.
 */
import { shapeOf, type Property, type Shape } from '../definitions.ts';
import { shortened } from '../json-reader.ts';
import { cloneJson, type JsonObject, type JsonValue } from '../json.ts';
import { OutcomeError, outcomeError } from '../outcome.ts';
import { compilePath } from '../path/compile.ts';
import { locationOf, type Location } from '../path/location.ts';
import { holderOf, rootNode, type Node } from '../path/node.ts';
import { isRepeated, readSlots, writeSlots, type Slot } from './element-slots.ts';
import { propertiesNamed, typedValue } from './element-value.ts';
import { readOperations, type Operation } from './fhirpath-patch-operation.ts';
import { measured, sizeBudget } from './size.ts';

const steps: Readonly<Record<Operation['type'], (root: Node, operation: Operation) => void>> = {
  add,
  insert,
  delete: remove,
  replace,
  move,
};

/** The resource after the patch. */
export function applyFhirPathPatch(resource: JsonObject, document: JsonValue): JsonObject {
  const operations = readOperations(document);
  const result = cloneJson(resource);
  const root = rootNode(result);
  for (const operation of operations) {
    steps[operation.type](root, operation);
  }
  return result;
}

function fail({ type, position, path }: Operation, reason: string): OutcomeError {
  return outcomeError(
    'processing',
    `The operation [${position}] (${type} "${shortened(path)}") of the FHIRPath Patch fails: ${reason}.`,
    { status: 422, expression: `Parameters.parameter[${position}]` },
  );
}

function add(root: Node, operation: Operation): void {
  const node = single(root, operation.path, operation);
  const shape = shapeFor(node, operation);
  const { property, slot } = typedValue(operation.value, operation.name, shape, (reason) => fail(operation, reason));
  const holder = holderFor(node);
  const repeated = isRepeated(property);
  const present = propertiesNamed(shape, property.element.name).some(({ name }) => readSlots(holder, name).length > 0);
  if (present && !repeated) {
    throw fail(operation, `the element "${property.element.name}" is there already and does not repeat`);
  }
  checkDepth(node, slot);
  writeSlots(holder, property.name, [...readSlots(holder, property.name), slot], repeated);
}

function insert(root: Node, operation: Operation): void {
  const { node, holder, shape, property } = listAt(root, operation);
  const slots = readSlots(holder, property.name);
  if (operation.index > slots.length) {
    throw fail(operation, `the index ${operation.index} is beyond the end of a list of ${slots.length}`);
  }
  const { slot } = typedValue(operation.value, property.name, shape, (reason) => fail(operation, reason));
  checkDepth(node, slot);
  writeSlots(holder, property.name, slots.toSpliced(operation.index, 0, slot), true);
}

function remove(root: Node, operation: Operation): void {
  const nodes = evaluate(root, operation.path, operation);
  if (nodes.length > 0) {
    const place = placeOf(root, only(nodes, operation), operation);
    writeSlots(
      place.holder,
      place.name,
      readSlots(place.holder, place.name).toSpliced(place.index ?? 0, 1),
      isList(place),
    );
  }
}

function replace(root: Node, operation: Operation): void {
  const node = single(root, operation.path, operation);
  const place = placeOf(root, node, operation);
  const shape = shapeFor(node.owner as Node, operation);
  const name = shape.properties.get(place.name)?.element.name ?? place.name;
  const { property, slot } = typedValue(operation.value, name, shape, (reason) => fail(operation, reason));
  checkDepth(node.owner as Node, slot);
  if (property.name === place.name) {
    const slots = readSlots(place.holder, place.name).toSpliced(place.index ?? 0, 1, slot);
    return writeSlots(place.holder, place.name, slots, isList(place));
  }
  writeSlots(place.holder, place.name, [], false);
  writeSlots(place.holder, property.name, [slot], false);
}

function move(root: Node, operation: Operation): void {
  const { holder, property } = listAt(root, operation);
  const slots = readSlots(holder, property.name);
  for (const index of [operation.source, operation.destination]) {
    if (index >= slots.length) {
      throw fail(operation, `there is no item ${index} in a list of ${slots.length}`);
    }
  }
  const [slot] = slots.splice(operation.source, 1);
  writeSlots(holder, property.name, slots.toSpliced(operation.destination, 0, slot as Slot), true);
}

function evaluate(root: Node, path: string, operation: Operation): readonly Node[] {
  try {
    return compilePath(path)(root, { resource: root });
  } catch (error) {
    throw error instanceof OutcomeError ? fail(operation, error.message.replace(/\.$/, '')) : error;
  }
}

function only(nodes: readonly Node[], operation: Operation): Node {
  const [node] = nodes;
  if (!node || nodes.length > 1) {
    throw fail(operation, node ? `the path finds ${nodes.length} elements, not one` : 'the path finds nothing');
  }
  return node;
}

/** The one element that a path finds; it belongs to the resource. */
function single(root: Node, path: string, operation: Operation): Node {
  const node = only(evaluate(root, path, operation), operation);
  if (node.value !== root.value) {
    placeOf(root, node, operation);
  }
  return node;
}

function placeOf(root: Node, node: Node, operation: Operation): Location {
  const place = locationOf(node);
  let top = node;
  while (top.owner) {
    top = top.owner;
  }
  if (!place || top.value !== root.value) {
    const reason =
      node.value === root.value ? 'the path finds the whole resource' : 'the path finds no element of the resource';
    throw fail(operation, reason);
  }
  return place;
}

function isList({ index }: Location): boolean {
  return index !== undefined;
}

/** The definition of what an element may hold; primitives hold ids and extensions. */
function shapeFor(node: Node, operation: Operation): Shape {
  const primitive = typeof node.value !== 'object' || node.value === null;
  const shape = node.shape ?? (primitive ? shapeOf('Element') : undefined);
  if (!shape) {
    throw fail(operation, 'the type of the element is not known');
  }
  return shape;
}

/** The object that holds the children of an element; for a primitive without any, a new one beside its value. */
function holderFor(node: Node): JsonObject {
  const holder = holderOf(node);
  const place = locationOf(node);
  if (holder || !place) {
    return holder ?? {};
  }
  const beside: JsonObject = {};
  const slots = readSlots(place.holder, place.name);
  const index = place.index ?? 0;
  writeSlots(place.holder, place.name, slots.with(index, { ...(slots[index] as Slot), beside }), isList(place));
  return beside;
}

interface List {
  readonly node: Node;
  readonly holder: JsonObject;
  readonly shape: Shape;
  readonly property: Property;
}

/** The list that a path names; it need not have items yet, so the path is taken apart before its last name. */
function listAt(root: Node, operation: Operation): List {
  const [, path, name] = /^(?:(.*)\.)?\s*`?([A-Za-z][A-Za-z0-9]*)`?\s*$/s.exec(operation.path) ?? [];
  if (name === undefined) {
    throw fail(operation, 'the path must end with the name of a list');
  }
  const node = path === undefined ? root : single(root, path, operation);
  const shape = shapeFor(node, operation);
  const property = shape.properties.get(name);
  if (!property || !isRepeated(property)) {
    throw fail(operation, `${shape.path} has no list "${shortened(name)}"`);
  }
  return { node, holder: holderFor(node), shape, property };
}

/** A value may not nest deeper than what the server can read; `node` is the element that holds it. */
function checkDepth(node: Node, slot: Slot): void {
  let depth = 2;
  for (let at: Node | undefined = node; at?.owner; at = at.owner) {
    depth += typeof at.key === 'number' ? 2 : 1;
  }
  const budget = sizeBudget();
  measured({ value: slot.value ?? null, text: undefined }, depth, budget);
  measured({ value: slot.beside ?? null, text: undefined }, depth, budget);
}
