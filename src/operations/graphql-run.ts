/**
 * What the resolvers of one GraphQL request share, and the values that they pass on.
 *
 * Resources come through `read` and `list` only. Both search under the caller's access, and both gather what is asked for
 * at the same time into a statement for each type, so that a list of N resources costs no N statements.
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { accessOf, may } from '../interactions/access.ts';
import { openedAll } from '../interactions/binary-sealed.ts';
import { parseStored } from '../interactions/document.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import { showed } from '../interactions/trail.ts';
import type { Context, Parameters } from '../request.ts';
import { and, type Access, type Search } from '../search/ast.ts';
import type { TenantParameters } from '../search/parameters.ts';
import { parseSearch } from '../search/parse.ts';
import type { Stored } from '../store/read.ts';
import { findMatches } from '../store/search.ts';
import { findMany, type Limited } from '../store/search-many.ts';
import { makeGathering } from './graphql-gather.ts';
import { makeBudget, type Budget } from './graphql-limits.ts';

/** An element, or a resource, of the graph. */
export interface Source {
  readonly node: JsonObject;
  /** FHIR type, a backbone element by its path. */
  readonly type: string;
  /** The resource that holds it, and the one that holds that, if it is contained. */
  readonly resource: JsonObject;
  readonly root: JsonObject;
}

export interface Run {
  readonly context: Context;
  readonly access: Access;
  readonly parameters: TenantParameters;
  readonly budget: Budget;
  /** Suffixes that @slice gave to the elements of a list, by the list's path in the answer. */
  readonly slices: Map<string, string[]>;
  /** The resource, if there is one that the caller may see. */
  read(type: string, id: string): Promise<Source | undefined>;
  /** The first matches. */
  list(search: Search, limit: number): Promise<Source[]>;
  /** A search of a type, checked. */
  parse(type: string, query: Parameters): Search;
}

export function makeRun(context: Context): Run {
  const budget = makeBudget();
  const parameters = searchParametersOf(context);
  const access = readable(context);
  const sources = async (found: readonly Stored[]): Promise<Source[]> => {
    budget.spend('resources', found.length);
    found.forEach((stored) => showed(context.trail, stored));
    return (await openedAll(context, found)).map(sourceOf);
  };
  const reads = makeGathering<{ type: string; id: string }, Source | undefined>(async (keys) => {
    const byType = Map.groupBy(keys, ({ type }) => type);
    const found = await Promise.all(
      [...byType].map(async ([type, wanted]) => {
        const search = byIds(type, [...new Set(wanted.map(({ id }) => id))], access);
        return sources(await findMatches(context.session, search, wanted.length));
      }),
    );
    const byKey = new Map(found.flat().map((source) => [`${source.type}/${String(source.node['id'])}`, source]));
    return keys.map(({ type, id }) => byKey.get(`${type}/${id}`));
  });
  const lists = makeGathering<Limited, Source[]>(async (searches) =>
    Promise.all((await findMany(context.session, searches)).map(sources)),
  );
  return {
    context,
    access,
    parameters,
    budget,
    slices: new Map(),
    read: (type, id) => (access(type) === undefined ? Promise.resolve(undefined) : reads({ type, id })),
    list: (search, limit) => {
      budget.spend('searches', 1);
      return lists({ search, limit });
    },
    parse: (type, query) => {
      checkAllowed(context, type);
      // Apart from the resources that are searched here: nothing found would be a wrong answer.
      if (type === 'AuditEvent') {
        throw outcomeError('not-supported', 'The audit log is no part of the graph; search AuditEvent?… instead.', {
          status: 400,
        });
      }
      return parseSearch(type, query, { parameters, access });
    },
  };
}

/** The graph shows what it finds: that needs both reading and searching. */
function readable(context: Context): Access {
  const [found, read] = [accessOf(context), accessOf(context, 'r')];
  return Object.assign(
    (type: string) => {
      const [one, other] = [found(type), read(type)];
      return one === undefined || other === undefined ? undefined : one === other ? one : and([one, other]);
    },
    found.within && { within: found.within },
  );
}

/** @throws OutcomeError `forbidden`. */
export function checkAllowed(context: Context, type: string): void {
  if (may(context, 'r', type) && may(context, 's', type)) return;
  throw outcomeError(
    'forbidden',
    `Your scopes do not allow $graphql on ${type}: that needs a scope such as system/${type}.rs.`,
  );
}

function byIds(type: string, values: readonly string[], access: Access): Search {
  return {
    types: [type],
    condition: { kind: 'id', values },
    access,
    sort: [],
    count: values.length,
    total: 'none',
    summary: undefined,
    elements: undefined,
    includes: [],
    processed: [],
    ignored: [],
  };
}

export function sourceOf({ text }: Stored): Source {
  return resourceSource(parseStored(text ?? '{}'));
}

export function resourceSource(resource: JsonObject, root = resource): Source {
  return { node: resource, type: String(resource['resourceType']), resource, root };
}
