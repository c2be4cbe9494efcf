/**
 * The operators of FHIRPath. http://hl7.org/fhirpath/N1/#operations
 */
import { outcomeError } from '../outcome.ts';
import { arithmetic, concatenate } from './arithmetic.ts';
import { distinct, equalCollections, equalNodes, equivalentCollections, keyOf, orderNodes } from './equality.ts';
import { single, spend, type Scope } from './evaluation.ts';
import type { Node, Nodes } from './node.ts';
import { collection, condition, Dependence, remembered, type Piece, type Test } from './piece.ts';
import { kindOf } from './types.ts';

export interface Operands {
  left: Piece;
  right: Piece;
  dependence: number;
  /** See Settings: an unknown order counts as kept. */
  rule: boolean;
}

type Build = (operands: Operands) => Piece;

const logic: Record<string, (left: Test, right: Test) => Test> = {
  and: (left, right) => (scope) => {
    const first = left(scope);
    if (first === false) {
      return false;
    }
    const second = right(scope);
    return second === false ? false : first && second;
  },
  or: (left, right) => (scope) => {
    const first = left(scope);
    if (first === true) {
      return true;
    }
    const second = right(scope);
    return second === true ? true : first === undefined ? undefined : second;
  },
  xor: (left, right) => (scope) => {
    const first = left(scope);
    const second = right(scope);
    return first === undefined || second === undefined ? undefined : first !== second;
  },
  implies: (left, right) => (scope) => {
    const first = left(scope);
    if (first === false) {
      return true;
    }
    const second = right(scope);
    return second === true ? true : first === undefined ? undefined : second;
  },
};

/** `path = 'text'`, the commonest condition, without the general comparison of collections. */
function equalsText(path: Piece, literal: Node): Test {
  const text = literal.value;
  return (scope) => {
    const nodes = path.run(scope);
    if (nodes.length === 1 && typeof nodes[0]!.value === 'string' && kindOf(nodes[0]!) === 'string') {
      return nodes[0]!.value === text;
    }
    return equalCollections(nodes, [literal]);
  };
}

function equals({ left, right }: Operands): Test {
  if (right.literal?.type === 'System.String') {
    return equalsText(left, right.literal);
  }
  return (scope) => equalCollections(left.run(scope), right.run(scope));
}

function not(test: Test): Test {
  return (scope) => {
    const answer = test(scope);
    return answer === undefined ? undefined : !answer;
  };
}

function equivalent({ left, right }: Operands): Test {
  return (scope) => equivalentCollections(left.run(scope), right.run(scope));
}

const orders: Record<string, (order: number) => boolean> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function ordered(holds: (order: number) => boolean): Build {
  return ({ left, right, dependence, rule }) =>
    condition(dependence, (scope) => {
      const a = single(left.run(scope), 'an operand of a comparison');
      const b = single(right.run(scope), 'an operand of a comparison');
      if (a?.value === undefined || b?.value === undefined) {
        return undefined;
      }
      const order = orderNodes(a, b);
      return order === undefined ? rule || undefined : holds(order);
    });
}

/** `item in list`: unknown without item, false in an empty list. */
function membership(item: Piece, list: Piece): Test {
  const key = {};
  const fixed = list.dependence < Dependence.focus;
  return (scope) => {
    const node = single(item.run(scope), 'what may be in a list');
    if (node === undefined) {
      return undefined;
    }
    if (!fixed) {
      const others = list.run(scope);
      spend(scope, others.length);
      return others.some((other) => equalNodes(node, other) === true);
    }
    return remembered(scope, list.dependence, key, () => keysOf(list, scope)).has(keyOf(node));
  };
}

function keysOf(list: Piece, scope: Scope): Set<string> {
  return new Set(list.run(scope).map(keyOf));
}

/** Items that are compared cost as much as so many that are only looked at. */
const comparison = 20;

/** Counts the items of two collections that are put together. */
export function both(scope: Scope, left: Piece, right: Piece): [Nodes, Nodes] {
  const nodes: [Nodes, Nodes] = [left.run(scope), right.run(scope)];
  spend(scope, comparison * (nodes[0].length + nodes[1].length));
  return nodes;
}

export function union([left, right]: [Nodes, Nodes]): Nodes {
  if (left.length === 0) {
    return distinct(right);
  }
  return distinct(right.length === 0 ? left : [...left, ...right]);
}

function numeric(operator: string): Build {
  return ({ left, right, dependence }) =>
    collection(dependence, (scope) => {
      const a = single(left.run(scope), `an operand of ${operator}`);
      const b = single(right.run(scope), `an operand of ${operator}`);
      return arithmetic(operator, a, b);
    });
}

const builders: Record<string, Build> = {
  '=': (operands) => condition(operands.dependence, equals(operands)),
  '!=': (operands) => condition(operands.dependence, not(equals(operands))),
  '~': (operands) => condition(operands.dependence, equivalent(operands)),
  '!~': (operands) => condition(operands.dependence, not(equivalent(operands))),
  in: ({ left, right, dependence }) => condition(dependence, membership(left, right)),
  contains: ({ left, right, dependence }) => condition(dependence, membership(right, left)),
  '|': ({ left, right, dependence }) =>
    collection(
      dependence,
      (scope) => union(both(scope, left, right)),
      (scope) => left.exists(scope) || right.exists(scope),
    ),
  '&': ({ left, right, dependence }) =>
    collection(dependence, (scope) => concatenate(left.run(scope), right.run(scope))),
};

for (const [operator, build] of Object.entries(logic)) {
  builders[operator] = ({ left, right, dependence }) => condition(dependence, build(left.test, right.test));
}
for (const [operator, holds] of Object.entries(orders)) {
  builders[operator] = ordered(holds);
}
for (const operator of ['+', '-', '*', '/', 'div', 'mod']) {
  builders[operator] = numeric(operator);
}

export function operationPiece(operator: string, operands: Operands): Piece {
  const build = builders[operator];
  if (!build) {
    throw outcomeError('not-supported', `The FHIRPath operator "${operator}" is not supported.`);
  }
  return build(operands);
}
