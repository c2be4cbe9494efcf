/**
 * What compiled pieces of an expression run on: the environment of a resource, and the scope of one evaluation.
 *
 * Invariant: a piece never keeps `scope` or `scope.focus` after it returns, since loops reuse them for each item.
 */
import { outcomeError } from '../outcome.ts';
import type { Node, Nodes } from './node.ts';

/** One for each resource (not for each expression): it also remembers what was worked out for the resource as a whole. */
export interface Environment {
  /** %resource: the resource that holds the element; a contained resource for what is inside it. */
  readonly resource: Node;
  /** %rootResource: the container of a contained resource; %resource otherwise. */
  readonly rootResource?: Node;
  /** Further %variables. */
  readonly variables?: Readonly<Record<string, Nodes>>;
  /** For now() and today(). */
  readonly now?: Date;
  /** The target of a Reference, canonical or uri. Without it, resolve() knows the type and id that the text names. */
  readonly resolve?: (reference: Node) => Node | undefined;
  readonly memberOf?: (coded: Node, valueSet: string) => boolean | undefined;
  /** Whether a text is a proper narrative. https://hl7.org/fhir/R4/narrative.html#rules */
  readonly htmlChecks?: (text: string) => boolean;
  readonly conformsTo?: (node: Node, profile: string) => boolean;
  /** How many items one expression may look at, where that is less than `mostItems`. */
  readonly mostItems?: number;
  /** Results of pieces that depend on the resource only; kept by compile.ts. */
  memory?: Map<object, unknown>;
}

/** One run of one expression. */
export interface Evaluation {
  readonly env: Environment;
  /** %context: what the expression was evaluated on. */
  readonly context: Nodes;
  /** Results of pieces that depend on %context and the resource only. */
  memory?: Map<object, unknown>;
  /** Items that were looked at so far. */
  spent: number;
  /** How many it may look at. */
  readonly most: number;
}

/** A guess that leaves room for the largest documents; so many items take a second or two. */
export const mostItems = 10_000_000;

/** Counts what grows beyond the size of the resource: nested loops and repeated descendants would take for ever. */
export function spend({ evaluation }: Scope, items: number): void {
  evaluation.spent += items;
  if (evaluation.spent > evaluation.most) {
    throw outcomeError(
      'too-costly',
      `The FHIRPath expression looks at more than ${evaluation.most} items of this resource.`,
    );
  }
}

export interface Scope {
  readonly evaluation: Evaluation;
  /** $this, or what a path without a source starts at. */
  focus: Nodes;
  index: number;
  total: Nodes;
}

/** Singleton evaluation of collections (http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections) as a truth value. */
export function truthOf(nodes: Nodes): boolean | undefined {
  if (nodes.length === 0) {
    return undefined;
  }
  const { value, type } = single(nodes, 'a condition')!;
  return typeof value === 'boolean' ? value : value !== undefined || type !== 'boolean';
}

/** The one item, or none; more than one is an error. */
export function single(nodes: Nodes, what: string): Node | undefined {
  if (nodes.length > 1) {
    throw outcomeError('processing', `FHIRPath expects one item as ${what}, not ${nodes.length}.`);
  }
  return nodes[0];
}

export function singleText(nodes: Nodes, what: string): string | undefined {
  const value = single(nodes, what)?.value;
  if (value !== undefined && typeof value !== 'string') {
    throw outcomeError('processing', `FHIRPath expects a text as ${what}, not ${typeof value}.`);
  }
  return value;
}

export function singleInteger(nodes: Nodes, what: string): number | undefined {
  const value = single(nodes, what)?.value;
  if (value !== undefined && !Number.isSafeInteger(value)) {
    throw outcomeError('processing', `FHIRPath expects a whole number as ${what}.`);
  }
  return value as number | undefined;
}

/** Runs `step` with each item in turn as $this, until it says false. */
export function eachItem(scope: Scope, items: Nodes, step: (inner: Scope, item: Node) => boolean | void): void {
  const focus: Node[] = [items[0]!];
  const inner: Scope = { evaluation: scope.evaluation, focus, index: 0, total: scope.total };
  for (let index = 0; index < items.length; index++) {
    spend(scope, 1);
    const item = items[index]!;
    focus[0] = item;
    inner.index = index;
    if (step(inner, item) === false) {
      return;
    }
  }
}
