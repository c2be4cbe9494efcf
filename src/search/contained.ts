/**
 * Contained resources in searches: `_contained=true|both`. https://hl7.org/fhir/R4/search.html#contained
 *
 * 1. A contained resource is indexed and searched by paths of its own: `#Medication.code` beside `Medication.code`. Only
 *    a condition that was turned into one on such paths can meet it; every other condition cannot.
 * 2. A condition that needs what a contained resource has not (a narrative, an address others refer to) is refused when
 *    it is asked for. Where it limits the caller, nothing contained is seen.
 * 3. From a contained resource a chain leads to resources of their own, whose conditions stay as they are. A chain from
 *    a resource that is not contained goes into what it contains as well, one step: R4 evaluates it there.
 */
import { outcomeError, type OutcomeError } from '../fhir/outcome.ts';
import {
  all,
  type Access,
  type ChainCondition,
  type Condition,
  type ContainedSearch,
  type Include,
  type Search,
  type SortKey,
} from './ast.ts';
import { hash32 } from './hash.ts';
import type { IndexedPath, Parameter, ParameterPath, TypeParameters } from './parameters.ts';

const twins = new WeakMap<IndexedPath, IndexedPath>();

/** The path of the same values in a contained resource. */
function twin(path: IndexedPath): IndexedPath {
  let found = twins.get(path);
  if (found === undefined) {
    const key = `#${path.key}`;
    found = { ...path, key, param: hash32(`${path.type}:${key}`) };
    twins.set(path, found);
  }
  return found;
}

const ofContained = new WeakMap<TypeParameters, TypeParameters>();

/** What is indexed of a contained resource of a type. A special value is a position, which is sought on the map only. */
export function containedParameters(parameters: TypeParameters): TypeParameters {
  let found = ofContained.get(parameters);
  if (found === undefined) {
    const paths = parameters.paths.filter(({ type }) => type !== 'special').map(twin);
    found = { ...parameters, paths };
    ofContained.set(parameters, found);
  }
  return found;
}

function containedPaths(paths: readonly ParameterPath[]): ParameterPath[] {
  return paths.map(({ path, target }) => ({ path: twin(path), target }));
}

function containedParameter(parameter: Parameter): Parameter {
  const composite = parameter.composite.map((branch) => ({
    ...branch,
    components: branch.components.map((component) => ({ ...component, paths: containedPaths(component.paths) })),
  }));
  return { ...parameter, paths: containedPaths(parameter.paths), composite };
}

function containedSort(keys: readonly SortKey[]): SortKey[] {
  return keys.map((key) => ({ ...key, parameter: key.parameter && containedParameter(key.parameter) }));
}

const unfit: Readonly<Partial<Record<Condition['kind'], string>>> = {
  words: '_text and _content',
  list: '_list',
  near: 'near',
  has: '_has',
  everything: '$everything',
  latest: '$lastn',
};

/** A condition on a resource as one on contained resources. @throws OutcomeError 400 where it does not apply to them. */
function containedCondition(condition: Condition): Condition {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return { ...condition, parts: condition.parts.map(containedCondition) };
    case 'not':
      return { ...condition, part: containedCondition(condition.part) };
    case 'missing':
      return { ...condition, parameter: containedParameter(condition.parameter) };
    case 'composite':
      return { ...condition, components: condition.components.map((leaf) => containedCondition(leaf) as typeof leaf) };
    case 'compartment':
      return {
        ...condition,
        members: new Map([...condition.members].map(([type, paths]) => [type, containedPaths(paths)])),
      };
    case 'consent':
    case 'labels':
    case 'restricted':
      // Decided about the container, which the caller must be able to see too: what it contains is a part of it, and
      // has no security labels (dom-5).
      return all;
    case 'all':
    case 'none':
    case 'type':
    case 'id':
    case 'updated':
      return condition;
    default:
      if (!('paths' in condition) || condition.kind === 'has') throw refused(condition.kind);
      return { ...condition, paths: containedPaths(condition.paths) };
  }
}

function refused(kind: Condition['kind']): OutcomeError {
  return outcomeError('not-supported', `${unfit[kind] ?? kind} cannot be asked of contained resources.`, {
    status: 400,
  });
}

/**
 * The search on contained resources too, or on them only.
 * @throws OutcomeError 400 where a condition does not apply to them, or their containers have no such order.
 */
export function searchWithin(search: Search, both: boolean, as: ContainedSearch['as']): Search {
  const sorted = search.sort.find(({ parameter }) => parameter !== undefined);
  if (as === 'container' && sorted !== undefined) {
    throw outcomeError(
      'not-supported',
      `Containers of any type cannot be sorted by "${sorted.name}": sort them by _id or _lastUpdated, or ask for _containedType=contained.`,
      { status: 400 },
    );
  }
  const condition = containedCondition(search.condition);
  const contained = { both, as, condition, sort: containedSort(search.sort) };
  return { ...search, contained, includes: as === 'container' ? search.includes : search.includes.map(fromContained) };
}

/** References of a contained resource are followed, too. */
function fromContained(include: Include): Include {
  return include.reverse ? include : { ...include, paths: [...include.paths, ...containedPaths(include.paths)] };
}

const limits = new WeakMap<Condition, { readonly condition: Condition | undefined }>();

/**
 * What limits a caller, asked of contained resources; undefined where it cannot be: then nothing of them is seen. One
 * condition gives one, so that types with the same stay together (access-groups.ts).
 */
function containedAccess(condition: Condition): Condition | undefined {
  let found = limits.get(condition);
  if (found === undefined) {
    found = { condition: limit(condition) };
    limits.set(condition, found);
  }
  return found.condition;
}

function limit(condition: Condition): Condition | undefined {
  if (names(condition)) return undefined;
  try {
    return containedCondition(condition);
  } catch {
    return undefined;
  }
}

/** What the caller may see of each type, asked of contained resources. Chains lead out of them, to what he sees anyway. */
export function accessWithin(access: Access): Access {
  const contained = (type: string): Condition | undefined => {
    const condition = access(type);
    return condition && containedAccess(condition);
  };
  return Object.assign(contained, { within: access.within ?? access });
}

/** The condition of a chain on contained targets; undefined where none can meet it, or the chain starts in one. */
export function containedTarget({ paths, condition, contained }: ChainCondition): Condition | undefined {
  if (contained !== true || paths.some(({ path }) => path.key.startsWith('#'))) return undefined;
  try {
    return containedCondition(condition);
  } catch {
    return undefined;
  }
}

/** The types of chains' targets of which it is not known yet whether some are contained. */
export function chainTargets(condition: Condition): string[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.parts.flatMap(chainTargets);
    case 'not':
      return chainTargets(condition.part);
    case 'has':
      return chainTargets(condition.condition);
    case 'chain':
      return [...(condition.contained === undefined ? [condition.type] : []), ...chainTargets(condition.condition)];
    default:
      return [];
  }
}

/** The same, with chains that go into contained resources of these types. */
export function throughContained(condition: Condition, types: ReadonlySet<string>): Condition {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return { ...condition, parts: condition.parts.map((part) => throughContained(part, types)) };
    case 'not':
      return { ...condition, part: throughContained(condition.part, types) };
    case 'has':
      return { ...condition, condition: throughContained(condition.condition, types) };
    case 'chain': {
      const contained = condition.contained ?? types.has(condition.type);
      return { ...condition, contained, condition: throughContained(condition.condition, types) };
    }
    default:
      return condition;
  }
}

/** Whether it asks for an id: that of a resource, which no contained one has. */

function names(condition: Condition): boolean {
  switch (condition.kind) {
    case 'id':
      return true;
    case 'and':
    case 'or':
      return condition.parts.some(names);
    case 'not':
      return names(condition.part);
    default:
      return false;
  }
}
