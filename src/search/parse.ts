/**
 * Query → Search. Pure; every name and value is checked here, so that what is compiled is always a possible search.
 *
 * An unknown parameter or modifier and a bad value are refused by name (handling strict, our default) or, lenient, left
 * out and not repeated in `processed`. https://hl7.org/fhir/R4/search.html#errors
 */
import { isResourceType, resourceTypes } from '../fhir/definitions.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { all, and, fullAccess, type Access, type Condition, type Search } from './ast.ts';
import { parseCondition } from './condition.ts';
import { searchWithin } from './contained.ts';
import { checkPatient } from './functional-list.ts';
import type { ParseContext, Query, Terminology } from './context.ts';
import { defaultParameters, type TenantParameters } from './parameters.ts';
import { makeReader } from './reader.ts';
import { isResultParameter, parseResults, type ResultParameters } from './result-parameters.ts';
import { quoted } from './value.ts';
import { standardTerminology } from './terminology.ts';

export interface ParseOptions {
  readonly parameters?: TenantParameters;
  readonly handling?: 'strict' | 'lenient';
  /** Conditions on what the caller may see; without, everything. */
  readonly access?: Access;
  readonly terminology?: Terminology;
  readonly now?: Date;
  /** Only within this compartment: `Patient/1/Observation`. */
  readonly compartment?: Condition;
}

/** Bounds that no honest query reaches: each parameter costs the planner time, each value memory. */
const mostParameters = 100;
const mostLength = 64_000;

/** Parameters of HTTP and of our own that are no part of a search. */
const elsewhere = new Set(['_format', '_pretty', '_explain', '_cursor', '_page']);

/** @throws OutcomeError 400 that names the parameter and the rule. */
export function parseSearch(type: string | undefined, query: Query, options: ParseOptions = {}): Search {
  checkSize(query);
  checkCharacters(query);
  const context: ParseContext = {
    parameters: options.parameters ?? defaultParameters,
    access: options.access ?? fullAccess,
    terminology: options.terminology ?? standardTerminology,
    now: options.now ?? new Date(),
    depth: 0,
  };
  const given = query.filter(([name, value]) => !elsewhere.has(name) && value !== '');
  const { types, rest } = typesOf(type, given);
  const reader = makeReader(options.handling ?? 'strict');
  const { containedMode, containedType, ...results }: ResultParameters = parseResults(
    types,
    rest.filter(([name]) => isResultParameter(name)),
    { context, reader },
  );
  const conditions = rest
    .filter(([name]) => !isResultParameter(name))
    .flatMap(
      ([name, value]) =>
        reader.read(name, value, () => {
          if (name === '_list') checkPatient(value, rest, options.compartment);
          return parseCondition(types, name, value, context);
        }) ?? [],
    );
  const visible = types.filter((candidate) => context.access(candidate) !== undefined);
  const search: Search = {
    ...results,
    types: visible,
    condition: and([options.compartment ?? all, ...conditions]),
    access: context.access,
    processed: given.filter(([name, value]) => !reader.skipped.has(`${name}=${value}`)),
    ignored: reader.ignored,
  };
  return containedMode === undefined ? search : searchWithin(search, containedMode === 'both', containedType);
}

/** PostgreSQL's text cannot hold the character NUL, nor can any FHIR string. */
function checkCharacters(query: Query): void {
  const [name] = query.find((pair) => pair.some((text) => text.includes('\0'))) ?? [];
  if (name !== undefined) {
    const shown = quoted(name.replaceAll('\0', '?'));
    throw outcomeError('invalid', `The search parameter ${shown} contains the character NUL, which no text can have.`, {
      status: 400,
    });
  }
}

function checkSize(query: Query): void {
  const length = query.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (query.length > mostParameters || length > mostLength) {
    throw outcomeError(
      'too-costly',
      `A search may have at most ${mostParameters} parameters and ${mostLength} characters.`,
      { status: 400 },
    );
  }
}

/** The types searched: the one in the URL, those of `_type`, or all. */
function typesOf(type: string | undefined, query: Query): { types: readonly string[]; rest: Query } {
  if (type !== undefined) return { types: [type], rest: query };
  const named = query.filter(([name]) => name === '_type').flatMap(([, value]) => value.split(','));
  const unknown = named.find((name) => !isResourceType(name));
  if (unknown !== undefined) {
    throw outcomeError(
      'invalid',
      `The search parameter "_type" names "${unknown.slice(0, 60)}", which is no resource type of R4.`,
      {
        status: 400,
      },
    );
  }
  const types = named.length > 0 ? [...new Set(named)].sort() : resourceTypes;
  return { types, rest: query.filter(([name]) => name !== '_type') };
}
