/**
 * A search, parsed: what `parse.ts` makes of a query, `compile.ts` of which makes SQL and the tests' evaluator an answer.
 * Plain data; every value is checked and in canonical form. https://hl7.org/fhir/R4/search.html
 */
import type { ConsentCondition } from './consent-condition.ts';
import type { Decimal } from '../fhir/decimal.ts';
import type { Interval } from './interval.ts';
import type { LabelsCondition } from './labels-sql.ts';
import type { RestrictedCondition } from './restricted-sql.ts';
import type { IndexedPath, Parameter, ParameterPath } from './parameters.ts';

export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

/** `code`, `system|code`, `|code` (system null), `system|` (no code). */
export interface TokenValue {
  readonly system: string | null | undefined;
  readonly code: string | undefined;
}

export interface DateValue {
  readonly prefix: Prefix;
  readonly interval: Interval;
}

/** A number as searched, and the intervals that its digits stand for. All in the unit as written. */
export interface NumberValue {
  readonly prefix: Prefix;
  readonly value: Decimal;
}

export interface QuantityValue extends NumberValue {
  /** Undefined: any unit. `system` undefined: the unit's code or its name is `code`. */
  readonly unit: { readonly system: string | undefined; readonly code: string } | undefined;
}

export interface ReferenceValue {
  /** Undefined: any type that the parameter allows. Null: `id` is a whole URL. */
  readonly type: string | null | undefined;
  readonly id: string;
  readonly version: string | undefined;
}

export type StringMode = 'starts' | 'exact' | 'contains';

interface Leaf {
  readonly paths: readonly ParameterPath[];
}

/** Any of `values` matches any value of the paths. */
export type TokenLeaf = Leaf & { readonly kind: 'token'; readonly values: readonly TokenValue[] };
export type OfTypeLeaf = Leaf & {
  readonly kind: 'of-type';
  readonly values: readonly { system: string; code: string; value: string }[];
};
/** The texts of a token: display, text, type of an identifier. */
export type TextLeaf = Leaf & { readonly kind: 'token-text'; readonly values: readonly string[] };
export type StringLeaf = Leaf & {
  readonly kind: 'string';
  readonly mode: StringMode;
  readonly values: readonly string[];
};
export type UriLeaf = Leaf & {
  readonly kind: 'uri';
  readonly mode: 'equal' | 'above' | 'below';
  readonly values: readonly string[];
};
export type DateLeaf = Leaf & { readonly kind: 'date'; readonly values: readonly DateValue[] };
export type QuantityLeaf = Leaf & { readonly kind: 'quantity'; readonly values: readonly QuantityValue[] };
export type NumberLeaf = Leaf & { readonly kind: 'number'; readonly values: readonly NumberValue[] };
export type ReferenceLeaf = Leaf & { readonly kind: 'reference'; readonly values: readonly ReferenceValue[] };
/** The identifiers inside references. */
export type ReferenceIdentifierLeaf = Leaf & {
  readonly kind: 'reference-identifier';
  readonly values: readonly TokenValue[];
};

/** Conditions on one row of an index table. */
export type RowLeaf =
  | TokenLeaf
  | OfTypeLeaf
  | TextLeaf
  | StringLeaf
  | UriLeaf
  | DateLeaf
  | QuantityLeaf
  | NumberLeaf
  | ReferenceLeaf
  | ReferenceIdentifierLeaf;

/** All components on values of one repetition of `base`. */
export interface CompositeCondition {
  readonly kind: 'composite';
  readonly components: readonly RowLeaf[];
}

export interface ChainCondition {
  readonly kind: 'chain';
  readonly paths: readonly ParameterPath[];
  readonly type: string;
  readonly condition: Condition;
  /** Whether contained resources may be targets; undefined where nobody has looked yet (store/chain-targets.ts). */
  readonly contained?: boolean;
  /** A condition of a role: it finds what the role may see (`Access.ofRole`). */
  readonly byRole?: true;
}

/** Refers by the paths to a live resource of one of the types that `access` lets see, whatever type it is. */
export interface LinkedCondition {
  readonly kind: 'linked';
  readonly paths: readonly ParameterPath[];
  readonly types: readonly string[];
  readonly access: Access;
}

export interface HasCondition {
  readonly kind: 'has';
  /** The type that refers, those it may refer to, and the paths by which it does. */
  readonly type: string;
  readonly targets: readonly string[];
  readonly paths: readonly ParameterPath[];
  readonly condition: Condition;
  readonly byRole?: true;
}

/** A code of value sets that the tenant may hold; the store puts the codes in its place before anything is compiled. */
export interface ValueSetCondition {
  readonly kind: 'value-set';
  readonly paths: readonly ParameterPath[];
  readonly urls: readonly string[];
}

/** A reference to a resource or to one above or below it in the hierarchy that `partOf`, a path of its type, makes. */
export interface HierarchyCondition {
  readonly kind: 'hierarchy';
  readonly paths: readonly ParameterPath[];
  readonly direction: 'above' | 'below';
  readonly type: string;
  readonly id: string;
  readonly partOf: ParameterPath;
}

export interface NearCondition {
  readonly kind: 'near';
  readonly latitude: number;
  readonly longitude: number;
  readonly kilometres: number;
}

/** Of the compartment of `type`/`id`: for each type of resource, the paths by which it belongs to it. */
export interface CompartmentCondition {
  readonly kind: 'compartment';
  readonly type: string;
  readonly id: string;
  readonly members: ReadonlyMap<string, readonly ParameterPath[]>;
}

/** Members of a compartment that satisfy `within` and are of `types`, and what those refer to. */
export interface EverythingCondition {
  readonly kind: 'everything';
  readonly compartment: CompartmentCondition;
  readonly within: Condition;
  readonly types: readonly string[];
}

/** The newest `most` of each group of equal codes among the Observations that meet `matching`, ties included. */
export interface LatestCondition {
  readonly kind: 'latest';
  readonly matching: Condition;
  readonly code: IndexedPath;
  readonly most: number;
}

/** All these words, folded, in the narrative or in any text of the resource. */
export interface WordsCondition {
  readonly kind: 'words';
  readonly where: 'narrative' | 'content';
  readonly words: readonly string[];
}

export type Condition =
  | RowLeaf
  | CompositeCondition
  | ChainCondition
  | LinkedCondition
  | HasCondition
  | HierarchyCondition
  | ValueSetCondition
  | NearCondition
  | CompartmentCondition
  | EverythingCondition
  | LatestCondition
  | ConsentCondition
  | LabelsCondition
  | RestrictedCondition
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'and'; readonly parts: readonly Condition[] }
  | { readonly kind: 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'missing'; readonly parameter: Parameter }
  | { readonly kind: 'type'; readonly type: string }
  | { readonly kind: 'id'; readonly values: readonly string[] }
  | { readonly kind: 'updated'; readonly values: readonly DateValue[] }
  /** Items of the List with this id. */
  | { readonly kind: 'list'; readonly id: string }
  | WordsCondition;

export const all: Condition = { kind: 'all' };
export const none: Condition = { kind: 'none' };

export function and(parts: readonly Condition[]): Condition {
  const every = parts.flatMap((part) => (part.kind === 'and' ? part.parts : part.kind === 'all' ? [] : [part]));
  const real = [...new Set(every)];
  if (real.some((part) => part.kind === 'none')) return none;
  return real.length === 1 ? (real[0] ?? all) : real.length === 0 ? all : { kind: 'and', parts: real };
}

export function or(parts: readonly Condition[]): Condition {
  const real = parts.filter((part) => part.kind !== 'none');
  if (real.some((part) => part.kind === 'all')) return all;
  return real.length === 1 ? (real[0] ?? none) : real.length === 0 ? none : { kind: 'or', parts: real };
}

const mergeable: ReadonlySet<string> = new Set(['token', 'token-text', 'of-type', 'string', 'uri', 'reference']);

/** What two alternatives must share to be one leaf of several paths; undefined for those that stay apart. */
function mergeKey(part: Condition): string | undefined {
  if (!mergeable.has(part.kind) || !('paths' in part)) return undefined;
  const { paths, ...rest } = part;
  return paths.some(({ path }) => path.column !== undefined) ? undefined : JSON.stringify(rest);
}

/** Alternatives with the same values become one leaf of several paths, which is one look into the index. */
export function mergeLeaves(parts: readonly Condition[]): readonly Condition[] {
  if (parts.length < 2) return parts;
  const merged = new Map<unknown, Condition>();
  for (const part of parts) {
    const key = mergeKey(part) ?? part;
    const before = merged.get(key);
    const paths =
      before !== undefined && 'paths' in before && 'paths' in part ? [...before.paths, ...part.paths] : undefined;
    merged.set(key, paths === undefined ? part : ({ ...before, paths } as Condition));
  }
  return [...merged.values()];
}

export function not(part: Condition): Condition {
  return part.kind === 'all' ? none : part.kind === 'none' ? all : { kind: 'not', part };
}

/**
 * What the caller may see of a type: a condition, or undefined for nothing. It is applied to every resource that takes
 * part in a search: matches, targets of chains, sources of `_has`, included ones.
 */
export interface Access {
  (type: string): Condition | undefined;
  /** What the chains inside these conditions may see; without it, the same. It must not chain any further. */
  readonly within?: Access;
  /** What the chains `byRole` inside these conditions may see; without it, what the others may. Nor must it chain. */
  readonly ofRole?: Access;
}

/** Everything: for work that the server does on its own account. */
export const fullAccess: Access = () => all;

export interface SortKey {
  /** `_id`, `_lastUpdated` or a parameter's name. */
  readonly name: string;
  readonly descending: boolean;
  /** Undefined for _id and _lastUpdated. */
  readonly parameter: Parameter | undefined;
}

export interface Include {
  /** As written, for messages: `Observation:subject`. */
  readonly text: string;
  readonly reverse: boolean;
  readonly iterate: boolean;
  /** The type that holds the reference. */
  readonly source: string;
  /** All references of the source where the parameter is `*`. */
  readonly paths: readonly ParameterPath[];
  readonly target: string | undefined;
}

export type Summary = 'true' | 'text' | 'data' | 'count' | 'false';

/** Contained resources that are searched; the rest of the search is understood of them. */
export interface ContainedSearch {
  /** Besides those that are not contained. */
  readonly both: boolean;
  /** What is answered for a match. */
  readonly as: 'container' | 'contained';
  /** The search's condition and sort keys on the paths of contained resources. */
  readonly condition: Condition;
  readonly sort: readonly SortKey[];
}

export interface Search {
  /** The types that can match, those the caller may see. */
  readonly types: readonly string[];
  readonly condition: Condition;
  readonly access: Access;
  readonly sort: readonly SortKey[];
  /** Resources on a page; 0 asks for the total only. */
  readonly count: number;
  readonly total: 'none' | 'estimate' | 'accurate';
  readonly summary: Summary | undefined;
  readonly elements: readonly string[] | undefined;
  readonly includes: readonly Include[];
  /** Absent where only resources of their own are searched. */
  readonly contained?: ContainedSearch;
  /** What was understood and used, for the link `self`. */
  readonly processed: readonly (readonly [name: string, value: string])[];
  /** What lenient handling left out, a sentence each. */
  readonly ignored: readonly string[];
}
