/** Filtering and projection, subsetting, combining. http://hl7.org/fhirpath/N1/#filtering-and-projection */
import { plain, withEach, withValues, type Call, type Functions, type PathFunction } from './call.ts';
import { distinct, keyOf } from './equality.ts';
import { eachItem, single, singleInteger, spend, type Scope } from './evaluation.ts';
import { none, type Node, type Nodes } from './node.ts';
import { both, union } from './operators.ts';
import { collection, type Piece } from './piece.ts';

function matching(scope: Scope, source: Piece, criterion: Piece, enough: number): Nodes {
  const items = source.run(scope);
  if (items.length === 0) {
    return none;
  }
  const found: Node[] = [];
  eachItem(scope, items, (inner, item) => {
    if (criterion.test(inner) === true) {
      found.push(item);
    }
    return found.length < enough;
  });
  return found;
}

function where({ source, arguments: [criterion], dependence }: Call): Piece {
  return collection(
    dependence,
    (scope) => matching(scope, source, criterion!, Infinity),
    (scope) => matching(scope, source, criterion!, 1).length > 0,
  );
}

function projected(scope: Scope, items: Nodes, projection: Piece): Node[] {
  const found: Node[] = [];
  if (items.length > 0) {
    eachItem(scope, items, (inner) => {
      const nodes = projection.run(inner);
      spend(scope, nodes.length);
      for (const node of nodes) {
        found.push(node);
      }
    });
  }
  return found;
}

/** New items only, so a projection that leads back ends; the number of rounds is bounded by the number of items. */
function repeat({ source, arguments: [projection], dependence }: Call): Piece {
  return collection(dependence, (scope) => {
    const seen = new Set<unknown>();
    const found: Node[] = [];
    for (let round = source.run(scope); round.length > 0;) {
      round = projected(scope, round, projection!).filter((node) => isNew(seen, node));
      for (const node of round) {
        found.push(node);
      }
    }
    return found;
  });
}

/** Objects are told apart as such, not by their content: that is linear, and a tree has none twice. */
function isNew(seen: Set<unknown>, node: Node): boolean {
  const identity = typeof node.value === 'object' && node.value !== null ? node.value : keyOf(node);
  return !seen.has(identity) && Boolean(seen.add(identity));
}

function aggregate({ source, arguments: [step, start], dependence }: Call): Piece {
  return collection(dependence, (scope) => {
    const items = source.run(scope);
    let total = start ? start.run(scope) : none;
    if (items.length > 0) {
      eachItem(scope, items, (inner) => {
        inner.total = total;
        total = [...step!.run(inner)];
      });
    }
    return total;
  });
}

/** A choice between the branches by the criterion; the branch not taken is not evaluated. */
function iif({ source, arguments: [criterion, then, otherwise], dependence }: Call): Piece {
  return collection(dependence, (scope) => {
    const inner: Scope = { ...scope, focus: source.run(scope) };
    const branch = criterion!.test(inner) === true ? then : otherwise;
    return branch ? branch.run(inner) : none;
  });
}

function part(choose: (nodes: Nodes) => Nodes): PathFunction {
  return plain(({ source, dependence }) => collection(dependence, (scope) => choose(source.run(scope))));
}

function counted(choose: (nodes: Nodes, count: number) => Nodes): PathFunction {
  return withValues(1, 1, ({ source, arguments: [count], dependence }) =>
    collection(dependence, (scope) => {
      const number = singleInteger(count!.run(scope), 'a count of items');
      return number === undefined ? none : choose(source.run(scope), Math.max(number, 0));
    }),
  );
}

function combined(combine: (nodes: [Nodes, Nodes]) => Nodes): PathFunction {
  return withValues(1, 1, ({ source, arguments: [other], dependence }) =>
    collection(dependence, (scope) => combine(both(scope, source, other!))),
  );
}

function common([left, right]: [Nodes, Nodes]): Nodes {
  const keys = new Set(right.map(keyOf));
  return distinct(left.filter((node) => keys.has(keyOf(node))));
}

function without([left, right]: [Nodes, Nodes]): Nodes {
  const keys = new Set(right.map(keyOf));
  return left.filter((node) => !keys.has(keyOf(node)));
}

export const selection: Functions = {
  where: withEach(1, 1, where),
  select: withEach(1, 1, ({ source, arguments: [projection], dependence }) =>
    collection(dependence, (scope) => projected(scope, source.run(scope), projection!)),
  ),
  repeat: withEach(1, 1, repeat),
  aggregate: withEach(1, 2, aggregate),
  iif: { minimum: 2, maximum: 3, arguments: 'source', compile: iif },
  single: part((nodes) => (single(nodes, 'the source of single()') ? nodes : none)),
  first: part((nodes) => (nodes.length > 1 ? nodes.slice(0, 1) : nodes)),
  last: part((nodes) => (nodes.length > 1 ? nodes.slice(-1) : nodes)),
  tail: part((nodes) => nodes.slice(1)),
  skip: counted((nodes, count) => nodes.slice(count)),
  take: counted((nodes, count) => nodes.slice(0, count)),
  union: combined(union),
  combine: combined(([left, right]) => [...left, ...right]),
  intersect: combined(common),
  exclude: combined(without),
  /** The specification lets trace() write to a log; texts of patients are not written anywhere. */
  trace: withEach(1, 2, ({ source }) => source),
};
