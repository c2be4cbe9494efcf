/**
 * What to answer with: _sort, _count, _total, _summary, _elements, _include, _revinclude, _contained.
 * https://hl7.org/fhir/R4/search.html#modifyingresults
 */
import { isResourceType } from '../fhir/definitions.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Include, Search, SortKey, Summary } from './ast.ts';
import { apartFromLog, parameterOf, pathsTo, targetsOf } from './condition.ts';
import type { ParseContext, Query } from './context.ts';
import type { Reader } from './reader.ts';
import { badValue, quoted } from './value.ts';

export interface ResultParameters extends Pick<
  Search,
  'sort' | 'count' | 'total' | 'summary' | 'elements' | 'includes'
> {
  readonly containedMode: 'true' | 'both' | undefined;
  readonly containedType: 'container' | 'contained';
}

/** Resources on a page where nothing is said, and at most. */
const defaultCount = 20;
const mostCount = 1_000;

const names = new Set([
  '_sort',
  '_count',
  '_total',
  '_summary',
  '_elements',
  '_include',
  '_revinclude',
  '_contained',
  '_containedType',
]);

export function isResultParameter(name: string): boolean {
  return names.has(name.split(':')[0] ?? '');
}

interface Surroundings {
  readonly context: ParseContext;
  readonly reader: Reader;
}

export function parseResults(
  types: readonly string[],
  query: Query,
  { context, reader }: Surroundings,
): ResultParameters {
  const last = (name: string): string | undefined => query.findLast(([given]) => given === name)?.[1];
  checkNames(query, reader);
  const summary = oneOf<Summary>('_summary', last('_summary'), ['true', 'text', 'data', 'count', 'false']);
  const count = countOf(last('_count'));
  const contained = oneOf('_contained', last('_contained'), ['false', 'true', 'both']);
  return {
    sort: query.filter(([name]) => name === '_sort').flatMap(([, value]) => sortKeys(types, value, context)),
    count: summary === 'count' ? 0 : count,
    total: oneOf('_total', last('_total'), ['none', 'estimate', 'accurate']) ?? 'none',
    summary,
    elements: last('_elements')
      ?.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    includes: query.flatMap(
      ([name, value]) => reader.read(name, value, () => includesOf(types, name, value, context)) ?? [],
    ),
    containedMode: contained === 'false' ? undefined : contained,
    containedType: oneOf('_containedType', last('_containedType'), ['container', 'contained']) ?? 'container',
  };
}

function checkNames(query: Query, reader: Reader): void {
  for (const [name, value] of query) {
    const [base = '', modifier] = name.split(':');
    if (modifier !== undefined && !base.includes('include')) {
      reader.read(name, value, () => {
        throw outcomeError('not-supported', `"${base}" has no modifiers.`, { status: 400 });
      });
    }
  }
}

function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw badValue(name, value, `it must be one of ${allowed.join(', ')}.`);
  return found;
}

function countOf(value: string | undefined): number {
  if (value === undefined) return defaultCount;
  if (!/^\d{1,9}$/.test(value)) throw badValue('_count', value, 'it must be a whole number, not negative.');
  return Math.min(Number(value), mostCount);
}

/** Sort keys: more cost a full sort each, and no list has a fifth order. */
const mostKeys = 5;

function sortKeys(types: readonly string[], value: string, context: ParseContext): SortKey[] {
  const keys = value.split(',');
  if (keys.length > mostKeys) throw badValue('_sort', value, `at most ${mostKeys} parameters can be sorted by.`);
  return keys.map((text) => {
    const descending = text.startsWith('-');
    const name = descending ? text.slice(1) : text;
    if (name === '_id' || name === '_lastUpdated') return { name, descending, parameter: undefined };
    if (types.length !== 1) throw badValue('_sort', text, 'a search across types is sorted by _id or _lastUpdated.');
    const parameter = parameterOf(types[0] ?? '', name, context);
    if (parameter.type === 'composite' || parameter.type === 'special') {
      throw badValue('_sort', text, `a ${parameter.type} parameter has no order.`);
    }
    return { name, descending, parameter };
  });
}

function includesOf(types: readonly string[], name: string, value: string, context: ParseContext): Include[] {
  const [base = '', modifier] = name.split(':');
  if (base !== '_include' && base !== '_revinclude') return [];
  const iterate = modifier === 'iterate' || modifier === 'recurse';
  if (modifier !== undefined && !iterate) {
    throw outcomeError(
      'not-supported',
      `The modifier ":${modifier}" does not apply to "${base}"; possible is :iterate.`,
      { status: 400 },
    );
  }
  return value
    .split(',')
    .flatMap((text) => include(types, text, { reverse: base === '_revinclude', iterate }, context));
}

type IncludeKind = Pick<Include, 'reverse' | 'iterate'>;

function include(types: readonly string[], text: string, kind: IncludeKind, context: ParseContext): Include[] {
  const name = kind.reverse ? '_revinclude' : '_include';
  if (text === '*') {
    if (kind.reverse) throw badValue(name, text, 'it is written Type:parameter[:Target] or Type:*.');
    return types.map((source) => ({ ...kind, text, source, target: undefined, paths: allReferences(source, context) }));
  }
  const [source = '', parameterName = '', target, ...rest] = text.split(':');
  if (!isResourceType(source) || parameterName === '' || rest.length > 0) {
    throw badValue(name, text, 'it is written Type:parameter[:Target].');
  }
  if (source === 'AuditEvent') throw apartFromLog(`${name}=${text}`);
  if (target !== undefined && !isResourceType(target))
    throw badValue(name, text, `${quoted(target)} is no resource type of R4.`);
  if (parameterName === '*') return [{ ...kind, text, source, target, paths: allReferences(source, context) }];
  const parameter = parameterOf(source, parameterName, context);
  if (parameter.type !== 'reference') throw badValue(name, text, `${source}.${parameterName} is no reference.`);
  if (target !== undefined && !targetsOf(parameter).includes(target) && parameter.targets.length > 0) {
    throw badValue(name, text, `${source}.${parameterName} cannot refer to ${target}.`);
  }
  return [
    { ...kind, text, source, target, paths: target === undefined ? parameter.paths : pathsTo(parameter, target) },
  ];
}

function allReferences(type: string, context: ParseContext): Include['paths'] {
  return [...context.parameters.of(type).byName.values()]
    .filter((parameter) => parameter.type === 'reference')
    .flatMap((parameter) => parameter.paths);
}
