/**
 * Where nodes stand in their resource: for FHIRPath Patch, which changes what an expression found, and for the
 * `expression` of an issue. https://hl7.org/fhir/R4/fhirpatch.html
 */
import type { JsonObject } from '../json.ts';
import { compilePath } from './compile.ts';
import { holderOf, rootNode, type Node } from './node.ts';

/** A node is `holder[name]`, or `holder[name][index]` when it is an item of a list; its `_name` stands beside it. */
export interface Location {
  node: Node;
  holder: JsonObject;
  /** The JSON name: 'valueQuantity'. */
  name: string;
  index: number | undefined;
  /** `Patient.name[0].given[1]` */
  path: string;
}

/** The path of a node, with an index on items of lists. */
export function pathOf(node: Node): string {
  const steps: string[] = [];
  let at: Node | undefined = node;
  for (; at?.owner; at = at.owner) {
    steps.push(typeof at.key === 'number' ? `${at.name}[${at.key}]` : at.name);
  }
  return [at?.type ?? '', ...steps.reverse()].join('.');
}

/** Undefined for the resource itself and for values that were computed. */
export function locationOf(node: Node): Location | undefined {
  const holder = node.owner && holderOf(node.owner);
  if (!holder) {
    return undefined;
  }
  return {
    node,
    holder,
    name: node.name,
    index: typeof node.key === 'number' ? node.key : undefined,
    path: pathOf(node),
  };
}

/** The places in `resource` that an expression finds; undefined where it finds something that has none. */
export function evaluateToLocations(expression: string, resource: JsonObject): (Location | undefined)[] {
  const root = rootNode(resource);
  return compilePath(expression)(root, { resource: root }).map(locationOf);
}
