/**
 * FHIR's complex types as object types of GraphQL, made from the definitions when first asked for and shared by all
 * schemas. What belongs to one schema only (resource types, whose lookups name other types) is in graphql-schema.ts.
 */
import {
  GraphQLBoolean,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigArgumentMap,
  type GraphQLFieldConfigMap,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLString,
} from 'graphql';
import { isPrimitive, propertyShape, shapeOf, type Property, type Shape } from '../fhir/definitions.ts';
import { extraResolver, propertyResolver } from './graphql-element.ts';
import { resolveReference } from './graphql-reference.ts';
import type { Run, Source } from './graphql-run.ts';
import { literal, scalarOf } from './graphql-scalars.ts';

export type Fields = GraphQLFieldConfigMap<Source, Run>;
type Field = GraphQLFieldConfig<Source, Run>;

/** Stands for resources of types that the query does not name. */
export const otherResource = 'OtherResource';

export const resourceInterface: GraphQLInterfaceType = new GraphQLInterfaceType({
  name: 'Resource',
  fields: () => elementFields(known('Resource')),
  resolveType: (source: Source, _run, info) => (info.schema.getType(source.type) ? source.type : otherResource),
});

export const resourceType: Fields = {
  resourceType: { type: scalarOf('code'), resolve: ({ type }) => type },
};

const objects = new Map<string, GraphQLObjectType<Source, Run>>();

/** `Observation.component` → ObservationComponent */
function nameOf(path: string): string {
  return path
    .split('.')
    .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`)
    .join('');
}

function objectOf(shape: Shape): GraphQLObjectType<Source, Run> {
  let object = objects.get(shape.path);
  if (object === undefined) {
    object = new GraphQLObjectType<Source, Run>({
      name: nameOf(shape.path),
      fields: () => ({ ...elementFields(shape), ...(shape.path === 'Reference' && { resource: referenced }) }),
    });
    objects.set(shape.path, object);
  }
  return object;
}

function known(type: string): Shape {
  const shape = shapeOf(type);
  if (shape === undefined) throw new Error(`${type} is a type of R4.`);
  return shape;
}

const referenced: Field = {
  type: resourceInterface,
  args: { type: { type: literal }, optional: { type: GraphQLBoolean } },
  resolve: resolveReference,
};

/** The members of a type. */
export function elementFields(shape: Shape): Fields {
  const fields: Fields = shape.path === 'Resource' || !shape.path.includes('.') ? { ...markOf(shape) } : {};
  for (const property of shape.properties.values()) {
    const type = typeOf(property);
    if (type === undefined) continue;
    const many = property.element.max > 1;
    const primitive = isPrimitive(property.type.code);
    const args = many && !primitive ? filters(property) : undefined;
    fields[property.name] = { type: listed(type, many), resolve: propertyResolver(property), ...(args && { args }) };
    if (primitive && property.name !== 'id') {
      const name = `_${property.name}`;
      fields[name] = { type: listed(objectOf(known('Element')), many), resolve: extraResolver(name) };
    }
  }
  return fields;
}

/** Resources know their type by a member of its own. */
function markOf(shape: Shape): Fields {
  return shape.path === 'Resource' || shape.properties.has('implicitRules') ? resourceType : {};
}

function listed(type: GraphQLOutputType, many: boolean): GraphQLOutputType {
  return many ? new GraphQLList(type) : type;
}

function typeOf(property: Property): GraphQLOutputType | undefined {
  const { code } = property.type;
  if (isPrimitive(code)) return scalarOf(code);
  if (code === 'Resource') return resourceInterface;
  const shape = propertyShape(property);
  return shape && objectOf(shape);
}

const filterMaps = new Map<string, GraphQLFieldConfigArgumentMap>();

/** The primitive members of the elements of a list, by which they can be selected. */
function filters(property: Property): GraphQLFieldConfigArgumentMap {
  const shape = property.type.code === 'Resource' ? known('Resource') : propertyShape(property);
  const path = shape?.path ?? '';
  let map = filterMaps.get(path);
  if (map === undefined) {
    map = { fhirpath: { type: GraphQLString }, _offset: { type: GraphQLInt }, _count: { type: GraphQLInt } };
    for (const { name, element, type } of shape?.properties.values() ?? []) {
      if (isPrimitive(type.code) && element.max === 1) map[name] = { type: literal };
    }
    filterMaps.set(path, map);
  }
  return map;
}
