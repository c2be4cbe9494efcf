/**
 * How a page is found, decided before SQL is made, so that its cost does not hang on the planner's luck (a generic plan
 * knows no frequencies, a custom one costs 0.3 ms, and both misjudge what LIMIT saves).
 *
 * 1. stream: the rows of one token or reference, in the order of the page, read from the index until the page is full;
 *    every other condition is checked on each.
 * 2. set: the conditions that name sets of resources are counted first, each no further than `smallSet`; a small one
 *    becomes the list of rids that the page starts from.
 * 3. scan: the rows of the type in the order of the page, every condition checked on each. A condition that is met by
 *    more than `smallSet` resources is met soon.
 * 4. sort: orders that no index has.
 *
 * Measured on 100 k patients and 1.2 M observations, and on a twentieth of it (p50, ms, planner alone → this → small):
 * rare code + frequent category 1,608 → 3.7 → 3.8; list of three codes 1,934 → 0.9 → 0.8; `:in` of 17 codes 9,893 → 1.3 →
 * 1.2; oldest first 742 → 1.6 → 1.7; code + value 1.6 → 1.6 → 2.2; component composite 312 → 1.7 → 1.6; `_has` rare 0.6 →
 * 1.0 → 1.1, frequent 1,741 → 47 → 33 (before `stepsOf`); frequent code newest first 0.5 → 1.0 → 1.0; `status:not` 11.7 → 6.6 → 7.3.
 *
 * Which of them is found out by `stepsOf`, cheapest first. Against counting every set to `smallSet` at once (p50 over HTTP
 * in ms, 10 k | 100 k patients): `_has` by a code of one patient in seven 18.8 | 51 → 8.2 | 9.7 (6,471 | 6,206 blocks read);
 * a frequent code with a value that one row in twenty has 11.6 | 19.2 → 4.9 | 11.5 (4,869 | 4,750 blocks; 2,565 since what
 * is checked by number alone is checked before the row is fetched, scope.ts).
 */
import { accessGroups } from './access-groups.ts';
import type { Condition, ReferenceLeaf, RowLeaf, Search, TokenLeaf } from './ast.ts';
import { isIndexOrder } from './order.ts';

/** Bounds of what is looked at before a page is made, which tests set low: results must not depend on them. */
export interface Effort {
  /** A set of so many is found for less than a look costs. */
  readonly fewResources: number;
  /** Rows of a stream or scan that are looked at: a page that one row in twenty-five fills is full by then. */
  readonly triedRows: number;
  /**
   * A set of s resources costs 8 µs each, a scan through n resources 21 · n / s probes of 10–25 µs: among a million the
   * two are equal at some thousands.
   */
  readonly smallSet: number;
}

export const effort: Effort = { fewResources: 300, triedRows: 600, smallSet: 4_000 };

/** What is done before a page is made: a bounded look that may fill it, or a count of the sets it could start from. */
export type Step = { readonly tried: number } | { readonly counted: number };

/**
 * Each step costs a few times what the one before did, so that the one which succeeds is never far from the best. A
 * stream is looked into first, as most pages of a frequent code are full at once. Sets that come from one range of an
 * index are counted at once for 1 µs a row; those of a chain or `_has` cost three joins a row, so a scan is looked into
 * before they are counted far.
 */
export function stepsOf(search: Search, { fewResources, triedRows, smallSet }: Effort): Step[] {
  const look = { tried: triedRows };
  const few = { counted: fewResources };
  const small = { counted: smallSet };
  const sets = candidates(search);
  if (sets.length === 0) return [];
  if (!isIndexOrder(search)) return [small];
  if (driverOf(partsOf(search.condition)) !== undefined) return [look, few, small];
  return search.types.length === 1 && sets.some(isJoined) ? [few, look, small] : [small];
}

function isJoined({ kind }: Condition): boolean {
  return kind === 'chain' || kind === 'has';
}

/** Index ranges that are merged in order, each read until it fills a page. */
const mostStreams = 24;

/** The top conditions, all of which must hold. */
export function partsOf(condition: Condition): readonly Condition[] {
  return condition.kind === 'and' ? condition.parts : [condition];
}

/** Conditions that a page should start from if they name few resources: to be counted first. */
export function candidates(search: Search): Condition[] {
  const parts = partsOf(search.condition);
  if (search.count === 0 || startsFromFew(search)) return [];
  const sets = parts.filter(isSet);
  const [only, second] = sets;
  const ordered = isIndexOrder(search);
  if (ordered && sets.some((part) => isUnique(part) && streamsOf(part) !== undefined)) return [];
  if (ordered && second === undefined && only !== undefined && isLeafStream(only)) return [];
  return sets.slice(0, 6);
}

const selectiveKinds: ReadonlySet<string> = new Set(['id', 'compartment', 'everything', 'list', 'latest']);

/** Whether a condition of the search, or what limits the caller, names a few resources by itself. */
export function startsFromFew(search: Search): boolean {
  const [group, another] = accessGroups(search.types, search.access);
  const access = group === undefined || another !== undefined ? [] : partsOf(group.condition);
  return [...partsOf(search.condition), ...access].some(isSelective);
}

/** The patient whom most of what is found belongs to, where the search or what limits the caller names one. */
export function patientOf(search: Search): string | undefined {
  const [group] = accessGroups(search.types, search.access);
  const parts = [...partsOf(search.condition), ...(group === undefined ? [] : partsOf(group.condition))];
  for (const part of parts) {
    const compartment = part.kind === 'everything' ? part.compartment : part;
    if (compartment.kind === 'compartment' && compartment.type === 'Patient') return compartment.id;
    const [only, another] = part.kind === 'reference' && isPatient(part) ? part.values : [];
    if (only !== undefined && another === undefined) return only.id;
  }
  return undefined;
}

/** What names a few resources by a column of their own row: PostgreSQL starts from it by itself. */
export function isSelective(part: Condition): boolean {
  return selectiveKinds.has(part.kind) || isPatient(part);
}

function isPatient(part: Condition): boolean {
  return (
    part.kind === 'reference' &&
    part.paths.every(({ path }) => path.column === 'patient') &&
    part.values.every(({ type, version }) => type === 'Patient' && version === undefined)
  );
}

/** Whether an index finds the resources of a condition without reading all. */
export function isSet(part: Condition): boolean {
  switch (part.kind) {
    case 'token':
      return (
        part.paths.every(({ path }) => path.column !== 'status') && part.values.every(({ code }) => code !== undefined)
      );
    case 'reference-identifier':
      return part.values.every(({ code }) => code !== undefined);
    case 'date':
      return part.paths.every(({ path }) => path.column !== 'date');
    case 'of-type':
    case 'token-text':
    case 'string':
    case 'uri':
    case 'number':
    case 'quantity':
    case 'reference':
    case 'composite':
    case 'chain':
    case 'has':
    case 'hierarchy':
      return true;
    case 'words':
      return part.where === 'narrative';
    case 'or':
      return part.parts.every(isSet);
    default:
      return false;
  }
}

/** Identifiers name one resource. */
function isUnique(part: Condition): boolean {
  if (part.kind === 'of-type' || part.kind === 'reference-identifier') return true;
  return part.kind === 'token' && part.paths.every(({ path }) => path.elementTypes.includes('Identifier'));
}

/** The condition to find resources by, and check the others on them: one that names a single resource, else any set. */
export function startOf(parts: readonly Condition[]): Condition | undefined {
  if (parts.some(isSelective)) return undefined;
  return parts.find((part) => isSet(part) && isUnique(part)) ?? parts.find(isSet);
}

/** Leaves of one path and value each, whose index ranges come in the order of the page. */
export type Stream = readonly RowLeaf[];

/** Streams of which every match of the condition is in one; undefined where there are none. */
export function streamsOf(part: Condition): Stream | undefined {
  if (part.kind === 'composite') {
    return part.components.map(streamsOf).find((stream) => stream !== undefined);
  }
  if (part.kind === 'or') {
    const streams = part.parts.map(streamsOf);
    const all = streams.every((stream) => stream !== undefined) ? streams.flat() : undefined;
    return all && all.length <= mostStreams ? all : undefined;
  }
  if (part.kind !== 'token' && part.kind !== 'reference') return isUnique(part) ? [part as RowLeaf] : undefined;
  if (!isSet(part) || part.values.length * part.paths.length > mostStreams) return undefined;
  return ranges(part);
}

function ranges(part: TokenLeaf | ReferenceLeaf): RowLeaf[] {
  return part.paths.flatMap((path) =>
    part.kind === 'token'
      ? part.values.map((value): RowLeaf => ({ ...part, paths: [path], values: [value] }))
      : part.values.map((value): RowLeaf => ({ ...part, paths: [path], values: [value] })),
  );
}

/** Whether the streams of a condition are all there is to it: nothing more to check on their rows. */
export function isLeafStream(part: Condition): boolean {
  return (
    part.kind !== 'composite' && streamsOf(part) !== undefined && (part.kind !== 'or' || part.parts.every(isLeafStream))
  );
}

/** The condition to stream by: a guess by kind of which is met least. */
export function driverOf(parts: readonly Condition[]): Condition | undefined {
  return parts.filter((part) => streamsOf(part) !== undefined).sort((a, b) => rank(a) - rank(b))[0];
}

function rank(part: Condition): number {
  if (isUnique(part)) return 0;
  if (part.kind === 'reference') return 1;
  if (part.kind === 'token' && part.paths.every(({ path }) => path.elementTypes.includes('ContactPoint'))) return 1;
  if (part.kind === 'composite') return 2;
  return part.kind === 'token' && part.paths.every(({ path }) => path.key.endsWith('.code')) ? 3 : 4;
}
