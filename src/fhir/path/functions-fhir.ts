/** Functions that FHIR adds. https://hl7.org/fhir/R4/fhirpath.html#functions */
import { outcomeError } from '../outcome.ts';
import { plain, withValues, type Call, type Functions } from './call.ts';
import { single, singleText, type Environment, type Scope } from './evaluation.ts';
import { memberPiece } from './member.ts';
import { isObject, none, rootNode, type Node, type Nodes } from './node.ts';
import { collection, condition, type Piece } from './piece.ts';
import { isResourceType } from '../definitions.ts';

function extensionPiece({ source, arguments: [url], dependence }: Call): Piece {
  const extensions = memberPiece(source, 'extension');
  return collection(dependence, (scope) => {
    const wanted = singleText(url!.run(scope), 'the url of extension()');
    return extensions
      .run(scope)
      .filter((node) => wanted !== undefined && isObject(node.value) && node.value['url'] === wanted);
  });
}

const referencePattern = /(?:^|\/)([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/;

/** The text that names the target: of a Reference, or a canonical or uri itself. */
function targetText({ value }: Node): string | undefined {
  const text = isObject(value) ? value['reference'] : value;
  return typeof text === 'string' ? text : undefined;
}

/** What is known of a target without reading it: its type and id, enough for `resolve() is Patient`. */
function namedTarget(node: Node): Node | undefined {
  const [, type, id] = referencePattern.exec((targetText(node) ?? '').replace(/\|.*$/s, '')) ?? [];
  if (type !== undefined && isResourceType(type)) {
    return rootNode({ resourceType: type, id: id! }, type);
  }
  const stated = isObject(node.value) ? node.value['type'] : undefined;
  return typeof stated === 'string' && isResourceType(stated) ? rootNode({ resourceType: stated }, stated) : undefined;
}

function containedTarget(id: string, env: Environment): Node | undefined {
  const root = env.rootResource ?? env.resource;
  if (id === '') {
    return root;
  }
  const list = isObject(root.value) ? root.value['contained'] : undefined;
  const found = Array.isArray(list) ? list.find((item) => isObject(item) && item['id'] === id) : undefined;
  return isObject(found) ? rootNode(found) : undefined;
}

function resolved(scope: Scope, nodes: Nodes): Nodes {
  const { env } = scope.evaluation;
  return nodes.flatMap((node) => {
    const text = targetText(node);
    const target = text?.startsWith('#')
      ? containedTarget(text.slice(1), env)
      : (env.resolve?.(node) ?? namedTarget(node));
    return target ? [target] : [];
  });
}

function terminology({ source, arguments: [valueSet], dependence }: Call): Piece {
  return condition(dependence, (scope) => {
    const { memberOf } = scope.evaluation.env;
    const node = single(source.run(scope), 'the source of memberOf()');
    const url = singleText(valueSet!.run(scope), 'the value set of memberOf()');
    if (!memberOf) {
      throw outcomeError('not-supported', 'FHIRPath memberOf() needs terminology, which is not at hand here.');
    }
    return node && url !== undefined ? memberOf(node, url) : undefined;
  });
}

function conforms({ source, arguments: [profile], dependence }: Call): Piece {
  return condition(dependence, (scope) => {
    const { conformsTo } = scope.evaluation.env;
    const node = single(source.run(scope), 'the source of conformsTo()');
    const url = singleText(profile!.run(scope), 'the profile of conformsTo()');
    if (!conformsTo) {
      throw outcomeError('not-supported', 'FHIRPath conformsTo() needs profiles, which are not at hand here.');
    }
    return node && url !== undefined ? conformsTo(node, url) : undefined;
  });
}

function narrative({ source, dependence }: Call): Piece {
  return condition(dependence, (scope) => {
    const { htmlChecks } = scope.evaluation.env;
    if (!htmlChecks) {
      throw outcomeError(
        'not-supported',
        'FHIRPath htmlChecks() needs the rules of narratives, which are not at hand here.',
      );
    }
    return source.run(scope).every(({ value }) => typeof value === 'string' && htmlChecks(value));
  });
}

export const fhir: Functions = {
  extension: withValues(1, 1, extensionPiece),
  resolve: plain(({ source, dependence }) =>
    collection(Math.max(dependence, 1), (scope) => {
      const nodes = source.run(scope);
      return nodes.length === 0 ? none : resolved(scope, nodes);
    }),
  ),
  memberOf: withValues(1, 1, terminology),
  conformsTo: withValues(1, 1, conforms),
  htmlChecks: plain(narrative),
};
