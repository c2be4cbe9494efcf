/**
 * `PatientList`, `PatientConnection` and the reverse lookups: searches with the arguments of a field.
 * https://hl7.org/fhir/R4/graphql.html#searching
 *
 * 1. Arguments are search parameters with - written as _; several values of one are ORed. What arguments cannot say
 *    (modifiers, chains, AND) is for `_filter`.
 * 2. A list is whole or an error; only `_count` cuts it. A connection has pages; its cursors are signed, for the caller,
 *    and hold the whole search, so that one leads on at the root of another query.
 */
import {
  type GraphQLFieldConfigArgumentMap,
  type GraphQLResolveInfo,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLString,
} from 'graphql';
import { outcomeError } from '../fhir/outcome.ts';
import { openedAll } from '../interactions/binary-sealed.ts';
import { openCursor, sealCursor } from '../interactions/cursor.ts';
import { showed } from '../interactions/trail.ts';
import type { Parameters } from '../request.ts';
import type { Position } from '../search/compile.ts';
import type { TenantParameters } from '../search/parameters.ts';
import { countMatches, positionFrom, positionValues, runSearch } from '../store/search.ts';
import { matching, shaped, type Arguments, type Resolve } from './graphql-element.ts';
import { sourceOf, type Run, type Source } from './graphql-run.ts';
import { literal } from './graphql-scalars.ts';

/** Parameters that every type has, beside those of its definitions. */
const general = ['_filter', '_text', '_content', '_list', '_sort'];

const argumentName = (parameter: string): string => parameter.replaceAll('-', '_');

/** The arguments of the searches of a type. */
export function searchArguments(type: string, parameters: TenantParameters): GraphQLFieldConfigArgumentMap {
  const names = [...parameters.of(type).byName.keys(), ...general].map(argumentName);
  const valid = names.filter((name) => /^[_A-Za-z][_0-9A-Za-z]*$/.test(name));
  return {
    ...Object.fromEntries(valid.map((name) => [name, { type: new GraphQLList(literal) }])),
    fhirpath: { type: GraphQLString },
    _count: { type: GraphQLInt },
  };
}

export const referenceArgument: GraphQLFieldConfigArgumentMap = { _reference: { type: new GraphQLNonNull(literal) } };
export const cursorArgument: GraphQLFieldConfigArgumentMap = { _cursor: { type: literal } };

/** A list without _count holds at most this many. */
const mostListed = 1_000;

export function listResolver(type: string): Resolve {
  return async (source, args, run, info) => {
    const search = run.parse(type, queryOf(type, args, run, source));
    const cut = typeof args['_count'] === 'number';
    const found = await run.list(search, cut ? search.count : mostListed + 1);
    if (!cut && found.length > mostListed) {
      throw outcomeError(
        'too-costly',
        `More than ${mostListed} resources match ${type}List; ask for fewer with _count, or for a ${type}Connection.`,
      );
    }
    return shaped(filtered(found, args, run), run, info);
  };
}

function filtered(found: readonly Source[], { fhirpath }: Arguments, run: Run): readonly Source[] {
  return typeof fhirpath === 'string' ? matching(found, fhirpath, run) : found;
}

export interface Connection {
  readonly count: () => Promise<number>;
  readonly offset: number | null;
  readonly pagesize: number;
  readonly first: string;
  readonly previous: string | null;
  readonly next: string | null;
  readonly last: null;
  readonly edges: readonly { mode: string; resource: Source }[];
}

export function connectionResolver(type: string): Resolve {
  return async (source, args, run) => {
    const { query, position } = pageOf(type, args, run, source);
    const search = run.parse(type, query);
    run.budget.spend('searches', 1);
    const page = await runSearch(run.context.session, search, position);
    run.budget.spend('resources', page.matches.length);
    page.matches.forEach((stored) => showed(run.context.trail, stored));
    const matches = await openedAll(run.context, page.matches);
    const sealed = (at: Position | undefined): string | null => (at === undefined ? null : seal(type, query, at, run));
    return {
      count: () => countMatches(run.context.session, search),
      offset: position === undefined ? 0 : null,
      pagesize: search.count,
      first: seal(type, query, undefined, run),
      previous: sealed(page.previous),
      next: sealed(page.next),
      last: null,
      edges: filtered(matches.map(sourceOf), args, run).map((resource) => ({ mode: 'match', resource })),
    } satisfies Connection;
  };
}

/** The members of a Connection; `edges` may be sliced as any list. */
export const edgesOf = (connection: Connection, _args: Arguments, run: Run, info: GraphQLResolveInfo): unknown =>
  shaped(connection.edges, run, info);

interface Page {
  readonly query: Parameters;
  readonly position: Position | undefined;
}

function pageOf(type: string, args: Arguments, run: Run, source: Source | undefined): Page {
  const { _cursor: cursor, ...others } = args;
  if (typeof cursor !== 'string') return { query: queryOf(type, args, run, source), position: undefined };
  if (Object.keys(others).some((name) => name !== 'fhirpath')) {
    throw outcomeError('invalid', `${type}Connection takes no other argument with _cursor: that holds the search.`, {
      status: 400,
    });
  }
  const [sealedType, query, ...values] = openCursor(run.context, scope, cursor);
  if (sealedType !== type) {
    throw outcomeError('invalid', `The cursor belongs to ${sealedType ?? ''}Connection, not to ${type}Connection.`, {
      status: 400,
    });
  }
  return {
    query: JSON.parse(query ?? '[]') as Parameters,
    position: values.length === 0 ? undefined : positionFrom(values),
  };
}

const scope = 'graphql';

function seal(type: string, query: Parameters, position: Position | undefined, { context }: Run): string {
  return sealCursor(context, scope, [type, JSON.stringify(query), ...(position ? positionValues(position) : [])]);
}

/** The arguments as search parameters, with the reference to the resource that is looked up from. */
function queryOf(type: string, args: Arguments, run: Run, source: Source | undefined): [string, string][] {
  const names = new Map([...run.parameters.of(type).byName.keys()].map((name) => [argumentName(name), name]));
  const query = Object.entries(args).flatMap(([argument, value]): [string, string][] => {
    if (value === null || value === undefined || argument === 'fhirpath') return [];
    const name = names.get(argument) ?? argument;
    if (argument === '_reference') return [[names.get(String(value)) ?? String(value), referenceTo(source)]];
    const values = (Array.isArray(value) ? value : [value]) as readonly (string | number | null)[];
    return [[name, values.map((one) => (name === '_filter' ? String(one) : escaped(String(one)))).join()]];
  });
  const empty = query.find(([, value]) => value === '');
  if (empty !== undefined) throw outcomeError('invalid', `The argument ${empty[0]} has no value.`, { status: 400 });
  return query;
}

/** A comma is part of a value here, where alternatives are an array. */
function escaped(value: string): string {
  return value.replaceAll(/(?<!\\),/g, '\\,');
}

function referenceTo(source: Source | undefined): string {
  const id = source?.node['id'];
  if (source === undefined || typeof id !== 'string' || source.node !== source.root) {
    throw outcomeError(
      'invalid',
      '_reference looks up what refers to a stored resource; a contained one has no address.',
      {
        status: 400,
      },
    );
  }
  return `${source.type}/${id}`;
}
