/** Existence. http://hl7.org/fhirpath/N1/#existence */
import { plain, withEach, withValues, type Call, type Functions } from './call.ts';
import { distinct, keyOf } from './equality.ts';
import { eachItem, type Scope } from './evaluation.ts';
import { valueNode, type Nodes } from './node.ts';
import { collection, condition, type Piece } from './piece.ts';

/** Whether `wanted` (true or false) is the answer for some item; items without answer do not count. */
function someItem(scope: Scope, items: Nodes, matches: (inner: Scope) => boolean): boolean {
  let found = false;
  if (items.length > 0) {
    eachItem(scope, items, (inner) => {
      found = matches(inner);
      return !found;
    });
  }
  return found;
}

function exists({ source, arguments: [criterion], dependence }: Call): Piece {
  if (!criterion) {
    return condition(dependence, source.exists);
  }
  return condition(dependence, (scope) =>
    someItem(scope, source.run(scope), (inner) => criterion.test(inner) === true),
  );
}

function all({ source, arguments: [criterion], dependence }: Call): Piece {
  return condition(
    dependence,
    (scope) => !someItem(scope, source.run(scope), (inner) => criterion!.test(inner) !== true),
  );
}

/** allTrue and its kin: whether all or any of the source's truth values are the one named. */
function truths(holds: (values: unknown[]) => boolean): (call: Call) => Piece {
  return ({ source, dependence }) =>
    condition(dependence, (scope) => holds(source.run(scope).map((node) => node.value)));
}

function isSubset(part: Nodes, whole: Nodes): boolean {
  const keys = new Set(whole.map(keyOf));
  return part.every((node) => keys.has(keyOf(node)));
}

export const existence: Functions = {
  empty: plain(({ source, dependence }) => condition(dependence, (scope) => !source.exists(scope))),
  exists: withEach(0, 1, exists),
  all: withEach(1, 1, all),
  not: plain(({ source, dependence }) =>
    condition(dependence, (scope) => {
      const answer = source.test(scope);
      return answer === undefined ? undefined : !answer;
    }),
  ),
  allTrue: plain(truths((values) => values.every((value) => value === true))),
  anyTrue: plain(truths((values) => values.includes(true))),
  allFalse: plain(truths((values) => values.every((value) => value === false))),
  anyFalse: plain(truths((values) => values.includes(false))),
  subsetOf: withValues(1, 1, ({ source, arguments: [other], dependence }) =>
    condition(dependence, (scope) => isSubset(source.run(scope), other!.run(scope))),
  ),
  supersetOf: withValues(1, 1, ({ source, arguments: [other], dependence }) =>
    condition(dependence, (scope) => isSubset(other!.run(scope), source.run(scope))),
  ),
  count: plain(({ source, dependence }) =>
    collection(dependence, (scope) => [valueNode(source.run(scope).length, 'System.Integer')]),
  ),
  distinct: plain(({ source, dependence }) => collection(dependence, (scope) => distinct(source.run(scope)))),
  isDistinct: plain(({ source, dependence }) =>
    condition(dependence, (scope) => {
      const nodes = source.run(scope);
      return distinct(nodes).length === nodes.length;
    }),
  ),
};
