/**
 * The codes of a ValueSet that a tenant keeps itself, for `:in` and `:not-in`: its expansion where it has one, else what
 * its compose says as far as that can be listed. https://hl7.org/fhir/R4/valueset.html#compositions
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError, type OutcomeError } from '../fhir/outcome.ts';
import { and, not, or, type Condition, type TokenValue, type ValueSetCondition } from './ast.ts';
import { standardTerminology } from './terminology.ts';
import { tokenCondition } from './token.ts';

interface Include {
  system?: string;
  concept?: { code: string }[];
  filter?: { property: string; op: string; value: string }[];
  valueSet?: string[];
}

/** The value sets of a tenant that were found, by the URL that was asked for. */
export type KnownValueSets = ReadonlyMap<string, JsonObject>;

function refusal(url: string, reason: string): OutcomeError {
  return outcomeError('invalid', `The value set "${url.slice(0, 200)}" cannot be searched by: ${reason}`, {
    status: 400,
  });
}

/** A value set that imports another is followed this deep. */
const deepest = 5;

/** A value without code stands for every code of its system. */
export function codesOfValueSet(url: string, known: KnownValueSets, depth = 0): TokenValue[] {
  const listed = standardTerminology.expand(url);
  if (listed !== undefined) return [...listed];
  const definition = known.get(url);
  if (definition === undefined) throw refusal(url, 'this server does not hold it.');
  if (depth > deepest) throw refusal(url, 'its imports are nested too deep.');
  const expansion = definition['expansion'] as { contains?: JsonObject[] } | undefined;
  if (expansion?.contains !== undefined) return contained(expansion.contains);
  const compose = definition['compose'] as { include?: Include[]; exclude?: Include[] } | undefined;
  const included = (compose?.include ?? []).flatMap((include) => codesOf(url, include, known, depth));
  const excluded = (compose?.exclude ?? []).flatMap((exclude) => codesOf(url, exclude, known, depth));
  return without(url, included, excluded);
}

function contained(entries: readonly JsonObject[]): TokenValue[] {
  return entries.flatMap((entry) => {
    const { system, code, abstract } = entry as { system?: string; code?: string; abstract?: boolean };
    const own = code === undefined || abstract === true ? [] : [{ system, code }];
    return [...own, ...contained((entry['contains'] ?? []) as JsonObject[])];
  });
}

/** What an include names: codes, a filter, other value sets, of which it takes what all of them have, or a system. */
function codesOf(url: string, include: Include, known: KnownValueSets, depth: number): TokenValue[] {
  const { system, concept, filter, valueSet } = include;
  const imported = (valueSet ?? []).map((other) => codesOfValueSet(other, known, depth + 1));
  if (system === undefined) return imported.reduce(common);
  const own = concept
    ? concept.map(({ code }) => ({ system, code }))
    : filter
      ? filter.map((one) => filtered(url, system, one)).reduce(common)
      : [{ system, code: undefined }];
  return [own, ...imported].reduce(common);
}

function filtered(
  url: string,
  system: string,
  { property, op, value }: { property: string; op: string; value: string },
): TokenValue[] {
  const codes =
    property === 'concept' && op === 'is-a' ? standardTerminology.related(system, value, 'below') : undefined;
  if (codes === undefined) throw refusal(url, `its filter ${property} ${op} on ${system} cannot be computed here.`);
  return codes.map((code) => ({ system, code }));
}

const covers = (a: TokenValue, b: TokenValue): boolean =>
  a.system === b.system && (a.code === undefined || a.code === b.code);

function common(a: readonly TokenValue[], b: readonly TokenValue[]): TokenValue[] {
  return [
    ...a.filter((one) => b.some((other) => covers(other, one))),
    ...b.filter((one) => one.code !== undefined && a.some((other) => other.code === undefined && covers(other, one))),
  ];
}

function without(url: string, included: readonly TokenValue[], excluded: readonly TokenValue[]): TokenValue[] {
  if (
    included.some(
      (one) => one.code === undefined && excluded.some((other) => other.code !== undefined && covers(one, other)),
    )
  ) {
    throw refusal(url, 'it excludes codes of a system that it includes as a whole.');
  }
  return included.filter((one) => !excluded.some((other) => covers(other, one)));
}

/** The value sets that a condition still needs. */
export function neededValueSets(condition: Condition): ValueSetCondition[] {
  switch (condition.kind) {
    case 'value-set':
      return [condition];
    case 'and':
    case 'or':
      return condition.parts.flatMap(neededValueSets);
    case 'not':
      return neededValueSets(condition.part);
    case 'chain':
    case 'has':
      return neededValueSets(condition.condition);
    case 'latest':
      return neededValueSets(condition.matching);
    case 'everything':
      return neededValueSets(condition.within);
    default:
      return [];
  }
}

/** The condition with the codes in place of the value sets. */
export function resolveValueSets(condition: Condition, known: KnownValueSets): Condition {
  switch (condition.kind) {
    case 'value-set': {
      const values = condition.urls.flatMap((url) => codesOfValueSet(url, known));
      return tokenCondition(condition.paths, values, { terminology: standardTerminology });
    }
    case 'and':
      return and(condition.parts.map((part) => resolveValueSets(part, known)));
    case 'or':
      return or(condition.parts.map((part) => resolveValueSets(part, known)));
    case 'not':
      return not(resolveValueSets(condition.part, known));
    case 'chain':
    case 'has':
      return { ...condition, condition: resolveValueSets(condition.condition, known) };
    case 'latest':
      return { ...condition, matching: resolveValueSets(condition.matching, known) };
    case 'everything':
      return { ...condition, within: resolveValueSets(condition.within, known) };
    default:
      return condition;
  }
}
