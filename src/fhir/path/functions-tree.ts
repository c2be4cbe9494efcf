/** Tree navigation and types. http://hl7.org/fhirpath/N1/#tree-navigation, #types-1 */
import { plain, withType, type Call, type Functions } from './call.ts';
import { childrenOf, descendantsOf, holderOf, none, valueNode, type Node } from './node.ts';
import { collection, condition, type Piece } from './piece.ts';
import { single, spend } from './evaluation.ts';
import { typeTest } from './types.ts';

function typeNode({ type }: Node): Node {
  const system = type.startsWith('System.');
  return valueNode(
    {
      namespace: system ? 'System' : 'FHIR',
      name: system ? type.slice(7) : type.includes('.') ? 'BackboneElement' : type,
    },
    'System.ClassInfo',
  );
}

function ofType({ source, type, dependence, settings }: Call): Piece {
  const matches = typeTest(type, settings.trusted);
  const { run } = source.narrow?.(matches) ?? source;
  return collection(
    dependence,
    (scope) => {
      const nodes = run(scope);
      return nodes.length === 1 ? (matches(nodes[0]!) ? nodes : none) : nodes.filter(matches);
    },
    (scope) => run(scope).some(matches),
  );
}

export const tree: Functions = {
  children: plain(({ source, dependence }) =>
    collection(
      dependence,
      (scope) => {
        const found: Node[] = [];
        for (const node of source.run(scope)) {
          childrenOf(node, found);
        }
        return found;
      },
      (scope) => source.run(scope).some((node) => holderOf(node) !== undefined && childrenOf(node).length > 0),
    ),
  ),
  descendants: plain(({ source, dependence }) =>
    collection(dependence, (scope) => descendantsOf(source.run(scope), (count) => spend(scope, count))),
  ),
  is: withType(({ source, type, dependence, settings }) => {
    const matches = typeTest(type, settings.trusted);
    return condition(dependence, (scope) => {
      const node = single(source.run(scope), 'the source of is()');
      return node && matches(node);
    });
  }),
  /** Of many items as well: R4 writes `descendants().as(canonical)`, which N1 would refuse. */
  as: withType(ofType),
  ofType: withType(ofType),
  type: plain(({ source, dependence }) => collection(dependence, (scope) => source.run(scope).map(typeNode))),
};
