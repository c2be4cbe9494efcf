/**
 * How this tenant's resources are indexed and searched: R4's parameters, the product's and the tenant's own.
 *
 * 1. A write makes index rows for all of them; a search takes only those whose rows are complete. Asking for another is
 *    refused with a sentence that says how far its index is, in every place where a parameter can be named.
 * 2. What a tenant defines is compiled once for each process and revision, and for the types it concerns only.
 * 3. A definition that cannot be used (any more) is left out of both; it must never keep the tenant from its data.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import {
  standardParameters,
  typeParameters,
  type Parameter,
  type TenantParameters,
  type TypeParameters,
} from '../search/parameters.ts';
import type { OwnParameter } from '../store/own-parameter.ts';
import { plainState, type IndexProgress, type SearchState } from '../store/search-parameters.ts';
import { concerns, usableParameters } from './own-parameters.ts';

type TenantContext = Pick<Context, 'tenant' | 'base'>;

/** For searches. */
export function searchParametersOf(context: TenantContext): TenantParameters {
  return { ...placeOf(context), of: searchable(stateOf(context)) };
}

/** For writes. */
export function indexParametersOf(context: TenantContext): TenantParameters {
  return { ...placeOf(context), of: indexed(stateOf(context).own) };
}

/** The revision that `indexParametersOf` stands for. */
export function revisionOf(context: TenantContext): number {
  return stateOf(context).revision;
}

export function stateOf({ tenant }: Pick<Context, 'tenant'>): SearchState {
  return tenant.search ?? plainState;
}

function placeOf({ tenant, base }: TenantContext): Omit<TenantParameters, 'of'> {
  return { zone: tenant.settings.timezone ?? 'UTC', bases: [base] };
}

type OfType = (resourceType: string) => TypeParameters;

const indexedOf = new WeakMap<readonly OwnParameter[], OfType>();

/** The parameters that index rows are made by. */
export function indexed(own: readonly OwnParameter[]): OfType {
  let of = indexedOf.get(own);
  if (of === undefined) {
    const product = plainState.own;
    const usable = usableParameters(own);
    const extra = usable.filter((parameter) => !product.includes(parameter));
    of = memoised((type) =>
      own === product || extra.some((parameter) => concerns(parameter.definition, type))
        ? withOwn(type, usable)
        : indexed(product)(type),
    );
    indexedOf.set(own, of);
  }
  return of;
}

function memoised(make: OfType): OfType {
  const made = new Map<string, TypeParameters>();
  return (type) => {
    const known = made.get(type) ?? make(type);
    made.set(type, known);
    return known;
  };
}

function withOwn(type: string, own: readonly OwnParameter[]): TypeParameters {
  const definitions = own.map(({ definition }) => definition).filter((definition) => concerns(definition, type));
  return definitions.length === 0 ? standardParameters(type) : typeParameters(type, definitions);
}

const searchableOf = new WeakMap<SearchState, OfType>();

function searchable(state: SearchState): OfType {
  let of = searchableOf.get(state);
  if (of === undefined) {
    const complete = new Set(state.indexed);
    const waiting = usableParameters(state.own).filter(({ source }) => !complete.has(source));
    const all = indexed(state.own);
    of = memoised((type) => {
      const names = waiting
        .filter(({ definition }) => concerns(definition, type))
        .map(({ definition }) => definition.name);
      return names.length === 0 ? all(type) : without(all(type), new Set(names), state.progress);
    });
    searchableOf.set(state, of);
  }
  return of;
}

function without(all: TypeParameters, names: ReadonlySet<string>, progress: IndexProgress | undefined): TypeParameters {
  const complete = [...all.byName].filter(([name, { composite }]) => !names.has(name) && !dependsOn(composite, names));
  const waiting = [...all.byName.keys()].filter((name) => !complete.some(([known]) => known === name));
  const inUse = new Set(complete.flatMap(([, { paths }]) => paths.map(({ path }) => path)));
  return {
    resourceType: all.resourceType,
    byName: new Complete(complete, new Set(waiting), all.resourceType, progress),
    paths: all.paths.filter((path) => inUse.has(path)),
  };
}

function dependsOn(composite: Parameter['composite'], names: ReadonlySet<string>): boolean {
  return composite.some(({ components }) => components.some(({ parameter }) => names.has(parameter.name)));
}

/** The parameters that may be searched by; asking for one that is being indexed tells how far that is. */
class Complete extends Map<string, Parameter> {
  private readonly waiting: ReadonlySet<string>;
  private readonly resourceType: string;
  private readonly progress: IndexProgress | undefined;

  constructor(
    complete: readonly (readonly [string, Parameter])[],
    waiting: ReadonlySet<string>,
    resourceType: string,
    progress: IndexProgress | undefined,
  ) {
    super(complete);
    this.waiting = waiting;
    this.resourceType = resourceType;
    this.progress = progress;
  }

  override has(name: string): boolean {
    return super.has(name) || this.waiting?.has(name);
  }

  override get(name: string): Parameter | undefined {
    if (this.waiting?.has(name)) {
      throw outcomeError(
        'not-supported',
        `The search parameter "${name}" of ${this.resourceType} cannot answer yet: ${progressText(this.progress)}.`,
        { status: 400 },
      );
    }
    return super.get(name);
  }
}

function progressText(progress: IndexProgress | undefined): string {
  if (progress === undefined || progress.state === 'queued') return 'its index is waiting to be made';
  if (progress.state === 'failed') return `making its index failed: ${progress.error ?? 'for a reason in the log'}`;
  const total = progress.total === undefined ? '' : ` of ${progress.total}`;
  return `it is being indexed, ${progress.done}${total} resources are done`;
}

/** All types a definition concerns. */
export function typesOf(parameters: readonly OwnParameter[]): string[] {
  return resourceTypes.filter((type) => parameters.some(({ definition }) => concerns(definition, type)));
}
