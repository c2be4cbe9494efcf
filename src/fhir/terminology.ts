/**
 * Value sets of FHIR R4: whether a code is a member, which codes and which systems a value set has.
 * https://hl7.org/fhir/R4/valueset.html
 *
 * A value set is expanded when it is first asked about. Where it draws on a system whose codes are not at hand (LOINC,
 * SNOMED CT, UCUM), the answer is by the form of the code, or 'unknown': never a guess.
 */
import type { JsonObject } from './json.ts';
import { codeByForm } from './terminology-lexical.ts';
import { descendantsOf, type System, systemOf, terminologyDefinition } from './terminology-system.ts';

export { ancestorsOf, descendantsOf, subsumedBy } from './terminology-system.ts';

export type Membership = boolean | 'unknown';

export interface Code {
  system: string | undefined;
  code: string;
  display: string | undefined;
}

/** Codes by system ('' for codes without one), with their displays. */
type Listed = Map<string, Map<string, string | undefined>>;

/** A value set, expanded as far as its systems are known. */
interface Expansion {
  listed: Listed;
  /** Systems included whole that are not listed here: a code's form decides. */
  whole: Set<string>;
  /** Systems of which some part is included that cannot be computed here. */
  partial: Set<string>;
  /** Codes excluded from `whole` and `partial`. */
  excluded: Listed;
}

interface Filter {
  property: string;
  op: string;
  value: string;
}

interface Include {
  system?: string;
  concept?: { code: string; display?: string }[];
  filter?: Filter[];
  valueSet?: string[];
}

const expansions = new Map<string, Expansion | undefined>();

function withoutVersion(canonical: string): string {
  const bar = canonical.indexOf('|');
  return bar < 0 ? canonical : canonical.slice(0, bar);
}

function expansionOf(canonical: string): Expansion | undefined {
  const url = withoutVersion(canonical);
  if (!expansions.has(url)) {
    // A value set that imports itself finds an empty one.
    expansions.set(url, emptyExpansion());
    expansions.set(url, expand(terminologyDefinition('ValueSet', url)));
  }
  return expansions.get(url);
}

function emptyExpansion(): Expansion {
  return { listed: new Map(), whole: new Set(), partial: new Set(), excluded: new Map() };
}

function add(listed: Listed, system: string, code: string, display: string | undefined): void {
  const codes = listed.get(system) ?? new Map<string, string | undefined>();
  listed.set(system, codes);
  if (!codes.has(code) || display !== undefined) codes.set(code, display);
}

function expand(definition: JsonObject | undefined): Expansion | undefined {
  if (definition === undefined) return undefined;
  const compose = definition['compose'] as { include?: Include[]; exclude?: Include[] } | undefined;
  const result = emptyExpansion();
  for (const include of compose?.include ?? []) merge(result, expandInclude(include));
  for (const exclude of compose?.exclude ?? []) remove(result, expandInclude(exclude));
  if (compose === undefined) addContained(result, definition['expansion'] as { contains?: Contained[] } | undefined);
  return result;
}

interface Contained {
  system?: string;
  code?: string;
  display?: string;
  contains?: Contained[];
}

/** A value set that is published only as its expansion. */
function addContained(result: Expansion, from: { contains?: Contained[] } | undefined): void {
  for (const item of from?.contains ?? []) {
    if (item.code !== undefined) add(result.listed, item.system ?? '', item.code, item.display);
    addContained(result, item);
  }
}

function expandInclude(include: Include): Expansion {
  const imported = (include.valueSet ?? []).map((url) => expansionOf(url) ?? unknownExpansion());
  const own = include.system === undefined ? [] : [expandSystem(include.system, include)];
  const [first = emptyExpansion(), ...rest] = [...own, ...imported];
  return rest.reduce(intersect, first);
}

/** A value set that is not at hand may hold any code of any system. */
function unknownExpansion(): Expansion {
  return { ...emptyExpansion(), partial: new Set(['*']) };
}

function expandSystem(url: string, { concept, filter }: Include): Expansion {
  const result = emptyExpansion();
  const system = systemOf(url);
  if (concept !== undefined) {
    for (const item of concept) {
      add(result.listed, url, item.code, item.display ?? system?.concepts.get(item.code)?.display);
    }
    return result;
  }
  const codes = system && filteredCodes(system, filter ?? []);
  if (codes === undefined) {
    (filter === undefined ? result.whole : result.partial).add(url);
    return result;
  }
  for (const code of codes) add(result.listed, url, code, system?.concepts.get(code)?.display);
  return result;
}

/** The codes of a system that pass all filters; undefined when a filter is of a kind that is not known here. */
function filteredCodes(system: System, filters: readonly Filter[]): string[] | undefined {
  let codes = [...system.concepts.keys()];
  for (const filter of filters) {
    const passes = filterOf(system, filter);
    if (passes === undefined) return undefined;
    codes = codes.filter(passes);
  }
  return codes;
}

/** https://hl7.org/fhir/R4/valueset-filter-operator.html */
function filterOf(system: System, { property, op, value }: Filter): ((code: string) => boolean) | undefined {
  const below = descendantsOf(system.url, value);
  switch (op) {
    case 'is-a':
      return (code) => below?.has(code) === true;
    case 'descendent-of':
      return (code) => code !== value && below?.has(code) === true;
    case 'is-not-a':
      return (code) => below?.has(code) !== true;
    case '=':
      return (code) => system.concepts.get(code)?.properties.get(property) === value;
    case 'in':
      return (code) => value.split(',').includes(system.concepts.get(code)?.properties.get(property) ?? '');
    case 'exists':
      return (code) => system.concepts.get(code)?.properties.has(property) === (value === 'true');
    default:
      return undefined;
  }
}

function merge(result: Expansion, from: Expansion): void {
  for (const [system, codes] of from.listed) {
    for (const [code, display] of codes) add(result.listed, system, code, display);
  }
  for (const system of from.whole) result.whole.add(system);
  for (const system of from.partial) result.partial.add(system);
}

function remove(result: Expansion, exclude: Expansion): void {
  for (const [system, codes] of exclude.listed) {
    for (const code of codes.keys()) {
      result.listed.get(system)?.delete(code);
      add(result.excluded, system, code, undefined);
    }
  }
  for (const system of exclude.whole) {
    for (const each of [result.listed, result.whole, result.partial]) each.delete(system);
  }
}

/** The codes in both; a system that cannot be listed in one of them stays open where the other has it. */
function intersect(left: Expansion, right: Expansion): Expansion {
  const result = emptyExpansion();
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    for (const [system, codes] of one.listed) {
      for (const [code, display] of codes) {
        if (memberOfExpansion(other, system, code) === true) add(result.listed, system, code, display);
        else if (memberOfExpansion(other, system, code) === 'unknown') result.partial.add(system);
      }
    }
    for (const system of [...one.whole, ...one.partial]) {
      if (system === '*' || isOpen(other, system)) result.partial.add(system);
    }
  }
  return result;
}

function isOpen(expansion: Expansion, system: string): boolean {
  return expansion.whole.has(system) || expansion.partial.has(system) || expansion.partial.has('*');
}

function memberOfExpansion(expansion: Expansion, system: string, code: string): Membership {
  if (expansion.listed.get(system)?.has(code) === true) return true;
  if (!isOpen(expansion, system) || expansion.excluded.get(system)?.has(code) === true) return false;
  const byForm = codeByForm(system, code);
  return byForm === true && !expansion.whole.has(system) ? 'unknown' : byForm;
}

/** Whether a code is a member; without a system, whether any of the value set's systems has it (FHIR `code` elements). */
export function memberOf(valueSet: string, system: string | undefined, code: string): Membership {
  const expansion = expansionOf(valueSet);
  if (expansion === undefined) return 'unknown';
  if (system !== undefined) return memberOfExpansion(expansion, system, code);
  const systems = [...expansion.listed.keys(), ...expansion.whole, ...expansion.partial];
  const answers = systems.map((each) => memberOfExpansion(expansion, each, code));
  return answers.includes(true) || (answers.includes('unknown') ? 'unknown' : false);
}

/** The systems a value set draws on; undefined when the value set is not known here. */
export function systemsOf(valueSet: string): string[] | undefined {
  const expansion = expansionOf(valueSet);
  if (expansion === undefined) return undefined;
  const systems = new Set([...expansion.listed.keys(), ...expansion.whole, ...expansion.partial]);
  return [...systems].filter((system) => system !== '' && system !== '*');
}

/** All codes of a value set; undefined when some of them are not known here. */
export function codesOf(valueSet: string): Code[] | undefined {
  const expansion = expansionOf(valueSet);
  if (expansion === undefined || expansion.whole.size > 0 || expansion.partial.size > 0) return undefined;
  return [...expansion.listed].flatMap(([system, codes]) =>
    [...codes].map(([code, display]) => ({ system: system === '' ? undefined : system, code, display })),
  );
}
