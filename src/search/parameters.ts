/**
 * Search parameters, per resource type, as the engine uses them: which element paths they read, where the index rows of
 * those paths are, and which of them stand in a column of the resource's own row.
 *
 * Invariants: (1) a path is one object for all parameters of a type that read it; (2) its number `param` depends on its
 * text only, so stored rows stay valid whatever parameters come and go.
 */
import { shapeOf } from '../fhir/definitions.ts';
import { searchParameterDefinitions, type SearchParameterDefinition } from '../fhir/definitions-search.ts';
import { isResourceType } from '../fhir/definitions.ts';
import { alternatives, parseBranch, rootOf, type Branch } from './branch.ts';
import { resolveTypes } from './element-types.ts';
import { hash32 } from './hash.ts';

export type ParameterType = SearchParameterDefinition['type'];

/** Where the values of a path are, other than in index rows. */
export type Column = 'patient' | 'status' | 'date';

export interface IndexedPath {
  readonly key: string;
  readonly type: ParameterType;
  /** The number of its rows. */
  readonly param: number;
  /** The plain path; undefined where `expression` needs the expression engine. */
  readonly branch: Branch | undefined;
  /** Without the restriction of its target. */
  readonly expression: string;
  /** FHIR types of the values, where the path alone tells. */
  readonly elementTypes: readonly string[];
  readonly column: Column | undefined;
}

/** A path as one parameter reads it. */
export interface ParameterPath {
  readonly path: IndexedPath;
  /** Only references to this type count. */
  readonly target: string | undefined;
}

export interface Component {
  readonly parameter: Parameter;
  /** The first-level element whose repetition the component's values belong to; '' for the whole resource. */
  readonly paths: readonly ParameterPath[];
}

/** One alternative of a composite: all components of one repetition of `base`, or of the resource ('') as a whole. */
export interface CompositeBranch {
  readonly base: string;
  readonly components: readonly Component[];
}

export interface Parameter {
  readonly name: string;
  readonly url: string;
  readonly type: ParameterType;
  readonly resourceType: string;
  readonly paths: readonly ParameterPath[];
  /** Types that a reference may point at; empty = any. */
  readonly targets: readonly string[];
  readonly composite: readonly CompositeBranch[];
}

/** The parameters of one resource type. */
export interface TypeParameters {
  readonly resourceType: string;
  readonly byName: ReadonlyMap<string, Parameter>;
  readonly paths: readonly IndexedPath[];
}

/** What of a tenant decides how its resources are indexed and searched. */
export interface TenantParameters {
  /** IANA zone of dates without one. */
  readonly zone: string;
  /** Our own base addresses, without a slash at the end: references below them are local. */
  readonly bases: readonly string[];
  /** The parameters of a type: those of R4 and the tenant's own. */
  readonly of: (resourceType: string) => TypeParameters;
}

const forAll = new Set(['Resource', 'DomainResource']);

/** Not types of resources with text and extensions. */
const notDomain = new Set(['Bundle', 'Binary', 'Parameters']);

let definitions: Map<string, SearchParameterDefinition[]> | undefined;
let byUrl: Map<string, SearchParameterDefinition> | undefined;

function load(): Map<string, SearchParameterDefinition[]> {
  if (definitions === undefined) {
    const all = searchParameterDefinitions();
    byUrl = new Map(all.map((definition) => [definition.url, definition]));
    definitions = new Map();
    for (const definition of all) {
      for (const base of definition.base) {
        definitions.set(base, [...(definitions.get(base) ?? []), definition]);
      }
    }
  }
  return definitions;
}

/** The definitions of R4 that apply to a type. */
function definitionsOf(resourceType: string): SearchParameterDefinition[] {
  const all = load();
  return [
    ...(all.get('Resource') ?? []),
    ...(notDomain.has(resourceType) ? [] : (all.get('DomainResource') ?? [])),
    ...(all.get(resourceType) ?? []),
  ];
}

const standard = new Map<string, TypeParameters>();

/** The parameters that R4 defines for a type. */
export function standardParameters(resourceType: string): TypeParameters {
  let parameters = standard.get(resourceType);
  if (parameters === undefined) {
    parameters = typeParameters(resourceType, []);
    standard.set(resourceType, parameters);
  }
  return parameters;
}

/** R4's parameters in the zone UTC: what applies where a tenant has set nothing. */
export const defaultParameters: TenantParameters = { zone: 'UTC', bases: [], of: standardParameters };

/** The parameters of a type with further ones of a tenant, which take the place of R4's of the same name. */
export function typeParameters(resourceType: string, own: readonly SearchParameterDefinition[]): TypeParameters {
  const all = new Map([...definitionsOf(resourceType), ...own].map((definition) => [definition.name, definition]));
  const urls = new Map(own.map((definition) => [definition.url, definition]));
  const builder = new Builder(resourceType, urls);
  const byName = new Map<string, Parameter>();
  for (const definition of all.values()) byName.set(definition.name, builder.parameter(definition));
  // Columns are R4's alone: a further parameter must not move the rows of a path that is in use already.
  const names = new Set(own.map(({ name }) => name));
  const columns = new Map([...byName].filter(([name]) => !names.has(name)));
  return { resourceType, byName, paths: builder.withColumns(columns) };
}

/** Makes the parameters of one type so that equal paths become one object. */
class Builder {
  private readonly paths = new Map<string, IndexedPath & { column: Column | undefined }>();
  private readonly resourceType: string;
  private readonly own: ReadonlyMap<string, SearchParameterDefinition>;

  constructor(resourceType: string, own: ReadonlyMap<string, SearchParameterDefinition>) {
    this.resourceType = resourceType;
    this.own = own;
  }

  parameter(definition: SearchParameterDefinition): Parameter {
    const { name, url, type } = definition;
    const base = {
      name,
      url,
      type,
      resourceType: this.resourceType,
      targets: (definition.target ?? []).filter(isResourceType),
    };
    if (type === 'composite') return { ...base, paths: [], composite: this.composite(definition) };
    return {
      ...base,
      paths: unindexed.has(name) ? [] : this.pathsOf(this.expressions(definition), type),
      composite: [],
    };
  }

  /** The alternatives that concern this type, written from the type itself. */
  private expressions(definition: SearchParameterDefinition): string[] {
    return alternatives(definition.expression ?? '').flatMap((text) => {
      const root = rootOf(text);
      if (root === this.resourceType) return [text];
      if (forAll.has(root)) return [text.replace(root, this.resourceType)];
      // InsurancePlan's `name | alias` names elements without their type.
      return /^[a-z]/.test(root) ? [`${this.resourceType}.${text.replace(/^\(|\)$/g, '')}`] : [];
    });
  }

  private pathsOf(expressions: readonly string[], type: ParameterType): ParameterPath[] {
    return expressions.map((expression) => {
      const branch = parseBranch(expression, this.resourceType);
      const elementTypes = branch === undefined ? [] : resolveTypes(this.resourceType, branch.steps);
      const plain = branch !== undefined && elementTypes.length > 0;
      return {
        path: this.path(plain ? branch : undefined, { expression, type, elementTypes }),
        target: branch?.target,
      };
    });
  }

  private path(
    branch: Branch | undefined,
    given: { expression: string; type: ParameterType; elementTypes: readonly string[] },
  ): IndexedPath {
    const key = branch?.key ?? given.expression;
    const family = `${given.type}:${key}`;
    let path = this.paths.get(family);
    if (path === undefined) {
      path = { ...given, expression: key, key, branch, param: hash32(family), column: undefined };
      this.paths.set(family, path);
    }
    return path;
  }

  private composite(definition: SearchParameterDefinition): CompositeBranch[] {
    return this.expressions(definition).map((text) => {
      const base = text.replace(this.resourceType, '').replace(/^\./, '');
      const components = (definition.component ?? []).map((component) => this.component(text, component));
      return { base, components };
    });
  }

  private component(base: string, component: { definition: string; expression: string }): Component {
    const definition = this.own.get(component.definition) ?? byUrl?.get(component.definition);
    if (definition === undefined) throw new Error(`There is no search parameter ${component.definition}.`);
    const expressions = alternatives(component.expression).map((text) =>
      rootOf(text) === '%resource' ? text.replace('%resource', this.resourceType) : `${base}.${text}`,
    );
    const paths = this.pathsOf(expressions, definition.type);
    return { parameter: { ...this.parameter({ ...definition, expression: '' }), paths }, paths };
  }

  /** Marks the paths whose values stand in the resource's row; all paths. */
  withColumns(byName: ReadonlyMap<string, Parameter>): IndexedPath[] {
    this.mark(byName.get('patient') ?? byName.get('subject'), 'patient');
    this.mark(byName.get('status'), 'status');
    for (const name of principalDates) {
      if (this.mark(byName.get(name), 'date')) break;
    }
    return [...this.paths.values()];
  }

  private mark(parameter: Parameter | undefined, column: Column): boolean {
    const [only, second] = parameter?.paths ?? [];
    const path = second === undefined ? only?.path : undefined;
    const marked = path && this.paths.get(`${path.type}:${path.key}`);
    if (marked === undefined || !fits(marked, column)) return false;
    marked.column = column;
    return true;
  }
}

function fits({ branch, type, elementTypes }: IndexedPath, column: Column): boolean {
  if (branch === undefined || !isSingle(branch)) return false;
  return {
    patient: type === 'reference' && elementTypes.every((code) => code === 'Reference'),
    status: type === 'token' && elementTypes.every((code) => code === 'code'),
    date: type === 'date' && elementTypes.some((code) => dateTypes.has(code)),
  }[column];
}

/** Whether a resource has at most one value there. */
function isSingle({ steps, key }: Branch): boolean {
  let shape = shapeOf(key.split('.')[0] ?? '');
  for (const step of steps) {
    const element = step.kind === 'member' ? shape?.elements.find(({ name }) => name === step.name) : undefined;
    if (element?.max !== 1) return false;
    shape = element.shape;
  }
  return steps.length > 0;
}

const dateTypes = new Set(['date', 'dateTime', 'instant', 'Period', 'Timing']);

/** Columns of the resource itself, not values in it. */
const unindexed = new Set(['_id', '_lastUpdated', '_content', '_query']);

/** The date by which a laboratory lists things of a type: the first of these that the type has with one value. */
const principalDates = [
  'date',
  'authored',
  'authoredon',
  'authored-on',
  'collected',
  'performed',
  'occurrence',
  'effective-time',
  'started',
  'period',
  'recorded-date',
  'created',
  'sent',
  'whenhandedover',
  'issued',
  'recorded',
  'request-date',
  'start',
  'expiry',
  'timing',
  'identified',
  'datewritten',
  'effective',
];
