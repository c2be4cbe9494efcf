/**
 * Piece: a compiled part of an expression. Parts that do not depend on the item at hand are worked out once and
 * remembered: dom-3 asks for all descendants of the resource for each contained resource, which would be quadratic.
 */
import { booleanNodes, type Node, type Nodes } from './node.ts';
import { truthOf, type Scope } from './evaluation.ts';

export type Run = (scope: Scope) => Nodes;

/** A truth value: true, false, or unknown. */
export type Test = (scope: Scope) => boolean | undefined;

/** On what a result depends; each includes those before it. */
export const Dependence = { nothing: 0, resource: 1, context: 2, focus: 3, total: 4 } as const;

export interface Piece {
  readonly run: Run;
  /** Faster than `run` where only the truth is wanted. */
  readonly test: Test;
  /** Whether there is any item; may be faster than `run`. */
  readonly exists: (scope: Scope) => boolean;
  readonly dependence: number;
  /** The same path, but reading the members of matching types only: `value.ofType(Quantity)` looks at one of eleven. */
  readonly narrow?: (matches: (node: Node) => boolean) => Piece;
  /** The literal's value, where the piece is one. */
  readonly literal?: Node;
}

/** A piece that yields items. */
export function collection(dependence: number, run: Run, exists?: (scope: Scope) => boolean): Piece {
  return {
    run,
    test: (scope) => truthOf(run(scope)),
    exists: exists ?? ((scope) => run(scope).length > 0),
    dependence,
  };
}

/** A piece that yields a truth value. */
export function condition(dependence: number, test: Test): Piece {
  return {
    run: (scope) => booleanNodes(test(scope)),
    test,
    exists: (scope) => test(scope) !== undefined,
    dependence,
  };
}

export function literal(node: Node): Piece {
  const nodes: Nodes = Object.freeze([node]);
  return { ...collection(Dependence.nothing, () => nodes), literal: node };
}

export function dependenceOf(pieces: readonly Piece[]): number {
  return pieces.reduce((most, piece) => Math.max(most, piece.dependence), 0);
}

/** What is remembered for the resource or for this evaluation under a key; made when it is first asked for. */
export function remembered<T>(scope: Scope, dependence: number, key: object, make: () => T): T {
  const holder = dependence === Dependence.context ? scope.evaluation : scope.evaluation.env;
  const memory = (holder.memory ??= new Map());
  let known = memory.get(key) as T | undefined;
  if (known === undefined) {
    known = make();
    memory.set(key, known);
  }
  return known;
}

/** The same piece, but worked out once where it does not depend on the item at hand. */
export function settled(piece: Piece): Piece {
  if (piece.literal || piece.dependence >= Dependence.focus) {
    return piece;
  }
  const key = {};
  if (piece.dependence === Dependence.nothing) {
    let known: Nodes | undefined;
    return collection(Dependence.nothing, (scope) => (known ??= piece.run(scope)));
  }
  return collection(piece.dependence, (scope) => remembered(scope, piece.dependence, key, () => piece.run(scope)));
}
