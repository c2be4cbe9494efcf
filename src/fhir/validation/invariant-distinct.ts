/**
 * Constraints that demand distinct values, or that compare every element with one of the resource: as FHIRPath they take
 * quadratic time, which a large hostile resource turns into minutes.
 */
import type { JsonObject, JsonValue } from '../json.ts';
import { has, list, objectOf, type ObjectPredicate } from './invariant-members.ts';

/** Whether no two strings are the same; what is not there does not count. */
function distinct(values: readonly (JsonValue | undefined)[]): boolean {
  const present = values.filter((value) => value !== undefined && value !== null);
  return new Set(present).size === present.length;
}

function members(objects: JsonObject[], name: string): (JsonValue | undefined)[] {
  return objects.map((object) => objectOf(object)[name]);
}

function isIn(values: ReadonlySet<JsonValue | undefined>, value: JsonValue | undefined): boolean {
  return value !== undefined && values.has(value);
}

/** Every value that is found under a name below an object, at any depth. */
function below(value: JsonValue, name: string, found: JsonValue[] = []): JsonValue[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, child] of Object.entries(value)) {
    if (key === name) found.push(...(Array.isArray(child) ? child : [child]));
    below(child, name, found);
  }
  return found;
}

function elementPaths(view: JsonValue | undefined): string[] {
  return list(objectOf(view)['element']).map((element) => String(objectOf(element)['path'] ?? ''));
}

/** sdf-8 and sdf-8a: the first element is the type, and all others are below it. */
function belowFirst(view: JsonObject, resource: JsonObject, root: (path: string) => string): boolean {
  const [first = '', ...rest] = elementPaths(view);
  const typed = resource['kind'] === 'logical' || root(first) === resource['type'];
  return typed && rest.every((path) => path.startsWith(`${root(first)}.`));
}

const beforeDot = (path: string): string => path.replace(/\..*/s, '');

export const distinctConstraints: Readonly<Record<string, ObjectPredicate>> = {
  'concept.code.combine($this.descendants().concept.code).isDistinct()': (system) =>
    distinct(members(below(system, 'concept') as JsonObject[], 'code')),
  'descendants().linkId.isDistinct()': (questionnaire) => distinct(below(questionnaire, 'linkId')),
  "derivation = 'constraint' or snapshot.element.select(path).isDistinct()": (definition) =>
    definition['derivation'] === 'constraint' ||
    distinct(members(list(objectOf(definition['snapshot'])['element']), 'path')),
  "snapshot.element.all(id.exists()) and snapshot.element.id.trace('ids').isDistinct()": (definition) =>
    distinctIds(objectOf(definition['snapshot'])),
  "differential.element.all(id.exists()) and differential.element.id.trace('ids').isDistinct()": (definition) =>
    distinctIds(objectOf(definition['differential'])),
  "(%resource.kind = 'logical' or element.first().path = %resource.type) and element.tail().all(path.startsWith(%resource.snapshot.element.first().path&'.'))":
    (snapshot, context) => belowFirst(snapshot, context.resource, (path) => path),
  'type.select(code).isDistinct()': (element) => distinct(members(list(element['type']), 'code')),
  'constraint.select(key).isDistinct()': (element) => distinct(members(list(element['constraint']), 'key')),
  'resource.select(type).isDistinct()': (rest) => distinct(members(list(rest['resource']), 'type')),
  'searchParam.select(name).isDistinct()': (resource) => distinct(members(list(resource['searchParam']), 'name')),
  'document.select(profile&mode).isDistinct()': (statement) =>
    distinct(
      list(statement['document']).map((item) => `${String(item['profile'] ?? '')}${String(item['mode'] ?? '')}`),
    ),
  'uniqueId.where(preferred = true).select(type).isDistinct()': (system) =>
    distinct(
      members(
        list(system['uniqueId']).filter((item) => item['preferred'] === true),
        'type',
      ),
    ),
  'resource.groupingId.all(%context.grouping.id contains $this)': (definition) => {
    const groups = new Set(members(list(definition['grouping']), 'id'));
    // An id that consists of extensions only is in no group.
    return list(definition['resource']).every((item) => !has(item, 'groupingId') || isIn(groups, item['groupingId']));
  },
  "(%resource.kind = 'logical' or element.first().path.startsWith(%resource.type)) and (element.tail().empty() or element.tail().all(path.startsWith(%resource.differential.element.first().path.replaceMatches('\\\\..*','')&'.')))":
    (differential, { resource }) => {
      const [first = '', ...rest] = elementPaths(differential);
      const typed = resource['kind'] === 'logical' || first.startsWith(String(resource['type']));
      return typed && rest.every((path) => path.startsWith(`${beforeDot(first)}.`));
    },
};

function distinctIds(view: JsonObject): boolean {
  const ids = members(list(view['element']), 'id');
  return ids.every((id) => id !== undefined) && distinct(ids);
}
