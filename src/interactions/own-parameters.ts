/**
 * Which search parameters that are not R4's can be used, and what is wrong with one that cannot.
 *
 * A code must mean one thing in every search: one that R4 uses for the type may only be stated again (same expression),
 * and R4's own then answers. An expression must compile, name elements that exist, and find types that rows can be made
 * of. https://hl7.org/fhir/R4/searchparameter.html
 */
import { isResourceType } from '../fhir/definitions.ts';
import { searchParameterDefinitions, type SearchParameterDefinition } from '../fhir/definitions-search.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { compilePath } from '../fhir/path/compile.ts';
import { typesFound, type Types } from '../fhir/path/static-types.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import { emitMakers } from '../search/extract.ts';
import { standardParameters, typeParameters, type IndexedPath, type Parameter } from '../search/parameters.ts';
import type { OwnParameter } from '../store/own-parameter.ts';

type Definition = SearchParameterDefinition;

/** A guess that no honest definition reaches; the longest of R4 has 4,300 characters over dozens of types. */
const longestExpression = 10_000;

const general = new Set(['Resource', 'DomainResource']);
const notDomain = new Set(['Bundle', 'Binary', 'Parameters']);

/** Whether a definition applies to a resource type. */
export function concerns({ base }: Definition, type: string): boolean {
  return base.includes(type) || base.includes('Resource') || (base.includes('DomainResource') && !notDomain.has(type));
}

function typesConcerned(definition: Definition): readonly string[] {
  return resourceTypes.filter((type) => concerns(definition, type));
}

/** Whether R4's own parameter answers for this definition on each type. */
export function isRestatement(definition: Definition): boolean {
  return definition.base.every((base) => {
    const standard = standardNamed(definition, base);
    return standard !== undefined && (standard.url === definition.url || reads(definition, base) === textOf(standard));
  });
}

function standardNamed({ name }: Definition, base: string): Parameter | undefined {
  return standardParameters(general.has(base) ? 'Basic' : base).byName.get(name);
}

/** The element paths that a definition reads, as text that can be compared. */
function reads(definition: Definition, base: string): string {
  try {
    const type = general.has(base) ? 'Basic' : base;
    return textOf(typeParameters(type, [definition]).byName.get(definition.name));
  } catch {
    return '';
  }
}

function textOf(parameter: Parameter | undefined): string {
  return `${parameter?.type}:${parameter?.paths
    .map(({ path }) => path.key)
    .sort()
    .join('|')}`;
}

/**
 * Those that can be used, oldest first: of two that claim one code the older one counts. What R4's own parameters answer
 * for is none of them.
 */
export function usableParameters(own: readonly OwnParameter[]): OwnParameter[] {
  const usable: OwnParameter[] = [];
  // Composites last: their components must be there.
  const ordered = [...own].sort(
    (a, b) => Number(a.definition.type === 'composite') - Number(b.definition.type === 'composite'),
  );
  for (const parameter of ordered) {
    if (!isRestatement(parameter.definition) && faultOf(parameter, usable) === undefined) usable.push(parameter);
  }
  return own.filter((parameter) => usable.includes(parameter));
}

export interface Fault {
  readonly sentence: string;
  readonly expression: string;
}

/** Why a definition cannot be used beside others; undefined where it can. */
export function faultOf(
  { id, definition }: Pick<OwnParameter, 'id' | 'definition'>,
  others: readonly OwnParameter[],
): Fault | undefined {
  const beside = others.filter((other) => other.id === '' || other.id !== id);
  for (const check of checks) {
    const fault = check(definition, beside);
    if (fault !== undefined) return { sentence: fault[1], expression: `SearchParameter.${fault[0]}` };
  }
  return undefined;
}

/** Whether any part of it needs the expression engine. */
export function isCostly(definition: Definition): boolean {
  return definition.base.some((base) => {
    const type = general.has(base) ? 'Basic' : base;
    const parameter = typeParameters(type, [
      { ...definition, type: definition.type === 'composite' ? 'token' : definition.type },
    ]).byName.get(definition.name);
    return parameter?.paths.some(({ path }) => path.branch === undefined) === true;
  });
}

type Found = readonly [element: string, sentence: string] | undefined;
type Check = (definition: Definition, others: readonly OwnParameter[]) => Found;

const checks: readonly Check[] = [
  checkCode,
  checkType,
  checkUrl,
  checkTaken,
  checkClaimed,
  checkExpression,
  checkComponents,
  checkPaths,
];

function checkCode({ name }: Definition): Found {
  return /^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name)
    ? undefined
    : [
        'code',
        `The code "${name.slice(0, 80)}" cannot be used in a search: it must begin with a letter and have letters, digits and hyphens only, at most 64.`,
      ];
}

function checkType({ type, base }: Definition): Found {
  const unknown = base.find((name) => !isResourceType(name) && !general.has(name));
  if (unknown !== undefined) return ['base', `"${unknown.slice(0, 80)}" is no resource type of FHIR R4.`];
  return type === 'special'
    ? ['type', 'A search parameter of type special has a meaning of its own, which only the server can give it.']
    : undefined;
}

let standardUrls: ReadonlySet<string> | undefined;

/** Components of composites are named by URL: one URL must stay one definition. */
function checkUrl({ url }: Definition, others: readonly OwnParameter[]): Found {
  standardUrls ??= new Set(searchParameterDefinitions().map((definition) => definition.url));
  if (standardUrls.has(url)) return ['url', `${url} is a search parameter of R4, but of another code or type.`];
  return others.some(({ definition }) => definition.url === url)
    ? ['url', `Another active SearchParameter has the URL ${url.slice(0, 200)} already.`]
    : undefined;
}

function checkTaken(definition: Definition): Found {
  const taken = typesConcerned(definition).find((type) => standardParameters(type).byName.has(definition.name));
  return taken === undefined
    ? undefined
    : ['code', `R4 defines "${definition.name}" for ${taken}, and not by this expression: choose another code.`];
}

function checkClaimed(definition: Definition, others: readonly OwnParameter[]): Found {
  const other = others.find(
    (one) =>
      one.definition.name === definition.name &&
      resourceTypes.some((type) => concerns(one.definition, type) && concerns(definition, type)),
  );
  return other && ['code', `${other.definition.url} has the code "${definition.name}" for the same type already.`];
}

function checkExpression({ expression }: Definition): Found {
  if (expression === undefined || expression.trim() === '') {
    return ['expression', 'Without an expression there is nothing to search by.'];
  }
  return expression.length <= longestExpression
    ? undefined
    : ['expression', `The expression is longer than ${longestExpression} characters.`];
}

function checkComponents({ type, component }: Definition, others: readonly OwnParameter[]): Found {
  if (type !== 'composite') return undefined;
  if (component === undefined || component.length < 2)
    return ['component', 'A composite needs at least two components.'];
  const nested = component.findIndex((one) =>
    others.some(({ definition }) => definition.url === one.definition && definition.type === 'composite'),
  );
  return nested < 0 ? undefined : [`component[${nested}]`, 'A component of a composite cannot be a composite itself.'];
}

/** On each type: something must be found there, and rows can be made of it. */
function checkPaths(definition: Definition, others: readonly OwnParameter[]): Found {
  try {
    compilePath(definition.expression ?? '');
    for (const base of definition.base) {
      const found = checkBase(definition, general.has(base) ? 'Basic' : base, others);
      if (found !== undefined) return found;
    }
    return undefined;
  } catch (error) {
    if (error instanceof OutcomeError) return ['expression', error.message];
    // The parameters of a type are made without OutcomeErrors: a component that is not there.
    return ['component', `${(error as Error).message} It must be one of R4's or an active one of this laboratory.`];
  }
}

function checkBase(definition: Definition, type: string, others: readonly OwnParameter[]): Found {
  typesFound(definition.expression ?? '', [type]);
  const own = others.map((other) => other.definition).filter((other) => concerns(other, type));
  const parameter = typeParameters(type, [...own, definition]).byName.get(definition.name);
  if (parameter === undefined || (parameter.paths.length === 0 && parameter.composite.length === 0)) {
    return ['expression', `No part of the expression begins with ${type}, for which the parameter is.`];
  }
  const components = parameter.composite.flatMap((branch) => branch.components.map((component) => component));
  const barren = [parameter, ...components].flatMap(({ paths }) => paths).find(({ path }) => !bearsRows(path, type));
  return (
    barren && [
      'expression',
      `${barren.path.expression} finds ${foundText(barren.path, type)}, which a search parameter of type ${barren.path.type} cannot take.`,
    ]
  );
}

function foundIn(path: IndexedPath, type: string): Types {
  if (path.branch !== undefined) return path.elementTypes;
  compilePath(path.expression);
  return typesFound(path.expression, [type]);
}

/** The types that can be told beforehand; where none can, those of the values decide. */
function bearsRows(path: IndexedPath, type: string): boolean {
  const maker = emitMakers[path.type];
  const types = foundIn(path, type);
  return (
    types === undefined ||
    types.some(
      (code) =>
        maker?.(
          path,
          code.replace(/^System\.(.)/, (_, first: string) => first.toLowerCase()),
        ) !== undefined,
    )
  );
}

function foundText(path: IndexedPath, type: string): string {
  const types = foundIn(path, type) ?? [];
  return types.length === 0 ? 'nothing' : types.map((code) => code.replace('System.', '')).join(' or ');
}
