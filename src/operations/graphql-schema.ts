/**
 * The schema for one query: the resource types that it names, all types of elements, and the searches among them.
 *
 * All 148 resource types with the lookups of each in each would be more than a hundred thousand arguments; a query names
 * three or four. So a schema is made for the set of types that a document names, and the last ones are kept. What asks
 * for the schema alone and names no type sees `usual`. https://hl7.org/fhir/R4/graphql.html
 */
import {
  type DocumentNode,
  GraphQLID,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  Kind,
  visit,
} from 'graphql';
import { isResourceType, shapeOf } from '../fhir/definitions.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';
import type { TenantParameters } from '../search/parameters.ts';
import type { Resolve } from './graphql-element.ts';
import { checkAllowed, type Run, type Source } from './graphql-run.ts';
import { directives, literal, scalarOf } from './graphql-scalars.ts';
import {
  connectionResolver,
  cursorArgument,
  edgesOf,
  listResolver,
  referenceArgument,
  searchArguments,
  type Connection,
} from './graphql-search.ts';
import { elementFields, otherResource, resourceInterface, resourceType, type Fields } from './graphql-types.ts';

const usual = [
  'Patient',
  'Practitioner',
  'Organization',
  'ServiceRequest',
  'Specimen',
  'Observation',
  'DiagnosticReport',
];

/** Resource types in one query: each can be looked up from each (a guess). */
const mostTypes = 12;

/** The resource types that a document names: fields, fragments, arguments `type`. */
export function namedTypes(document: DocumentNode): string[] {
  const names = new Set<string>();
  const note = (name: string): void => {
    const type = isResourceType(name) ? name : name.replace(/(List|Connection|Edge)$/, '');
    if (isResourceType(type)) names.add(type);
  };
  visit(document, {
    Field: ({ name }) => note(name.value),
    NamedType: ({ name }) => note(name.value),
    Argument: ({ value }) => {
      if (value.kind === Kind.ENUM || value.kind === Kind.STRING) note(value.value);
    },
  });
  if (names.size > mostTypes) {
    throw outcomeError('too-costly', `The GraphQL document names more than ${mostTypes} resource types.`, {
      status: 400,
    });
  }
  return [...names].sort();
}

const kept = new Map<string, GraphQLSchema>();
const mostKept = 10;

/**
 * @param root the type of the resource that the query starts at; undefined for the system
 */
export function schemaFor(
  named: readonly string[],
  root: string | undefined,
  parameters: TenantParameters,
): GraphQLSchema {
  const all = new Set(named.length > 0 ? named : root === undefined ? usual : []);
  if (root !== undefined) all.add(root);
  const types = [...all].sort();
  const key = JSON.stringify([root ?? '', types.map((type) => [type, [...parameters.of(type).byName.keys()].join()])]);
  const schema = kept.get(key) ?? makeSchema(types, root, parameters);
  kept.delete(key);
  kept.set(key, schema);
  const [oldest] = kept.keys();
  if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
  return schema;
}

function makeSchema(types: readonly string[], root: string | undefined, parameters: TenantParameters): GraphQLSchema {
  const searches = types.map((type) => ({ type, args: searchArguments(type, parameters) }));
  const resources = new Map<string, GraphQLObjectType<Source, Run>>();
  const connections = new Map(types.map((type) => [type, connectionOf(type, () => resources.get(type)!)]));
  const searching = (more: typeof referenceArgument, cursor: typeof cursorArgument): Fields =>
    Object.fromEntries(
      searches.flatMap(({ type, args }) => {
        const list = new GraphQLList(resources.get(type)!);
        return [
          [`${type}List`, { type: list, args: { ...args, ...more }, resolve: listResolver(type) }],
          [
            `${type}Connection`,
            { type: connections.get(type)!, args: { ...args, ...more, ...cursor }, resolve: connectionResolver(type) },
          ],
        ];
      }),
    ) as Fields;
  for (const type of types) {
    const fields = (): Fields => ({ ...membersOf(type), ...searching(referenceArgument, {}) });
    resources.set(type, new GraphQLObjectType<Source, Run>({ name: type, interfaces: [resourceInterface], fields }));
  }
  const query = new GraphQLObjectType<Source, Run>({
    name: 'Query',
    fields: () => ({ ...reading(types, resources), ...searching({}, cursorArgument) }),
  });
  return new GraphQLSchema({
    query: root === undefined ? query : resources.get(root)!,
    types: [...resources.values(), other],
    directives,
  });
}

function membersOf(type: string): Fields {
  const shape = shapeOf(type);
  if (shape === undefined) throw new Error(`${type} is a type of R4.`);
  return { ...elementFields(shape), ...resourceType };
}

const other = new GraphQLObjectType<Source, Run>({
  name: otherResource,
  interfaces: [resourceInterface],
  fields: () => membersOf('Resource'),
});

function reading(types: readonly string[], resources: ReadonlyMap<string, GraphQLObjectType<Source, Run>>): Fields {
  return Object.fromEntries(
    types.map((type) => [
      type,
      { type: resources.get(type)!, args: { id: { type: new GraphQLNonNull(literal) } }, resolve: readResolver(type) },
    ]),
  );
}

function readResolver(type: string): Resolve {
  return async (_source, { id }, run) => {
    checkAllowed(run.context, type);
    const found = isId(String(id)) ? await run.read(type, String(id)) : undefined;
    if (found === undefined) throw outcomeError('not-found', `There is no ${type}/${String(id).slice(0, 64)}.`);
    return found;
  };
}

function connectionOf(
  type: string,
  resource: () => GraphQLObjectType<Source, Run>,
): GraphQLObjectType<Connection, Run> {
  const edge = new GraphQLObjectType<Connection['edges'][number], Run>({
    name: `${type}Edge`,
    fields: () => ({
      mode: { type: scalarOf('code') },
      score: { type: scalarOf('decimal') },
      resource: { type: resource() },
    }),
  });
  const cursor = { type: GraphQLID };
  return new GraphQLObjectType<Connection, Run>({
    name: `${type}Connection`,
    fields: {
      count: { type: GraphQLInt },
      offset: { type: GraphQLInt },
      pagesize: { type: GraphQLInt },
      first: cursor,
      previous: cursor,
      next: cursor,
      last: cursor,
      edges: { type: new GraphQLList(edge), resolve: edgesOf },
    },
  });
}
