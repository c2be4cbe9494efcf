/**
 * Checks a resource in its place: at the top, contained in another, or inside a Bundle or Parameters.
 * https://hl7.org/fhir/R4/references.html#contained, https://hl7.org/fhir/R4/domainresource.html#invs
 *
 * The contained-resource constraints (dom-2 to dom-5) are checked here while walking, in linear time; as FHIRPath they
 * search all descendants once for each contained resource.
 */
import { isResourceType, shapeOf } from '../definitions.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { type Context, kindOf, quoted, report, reportMember } from './context.ts';
import { checkProfiles } from './profile.ts';
import { isObject, typeCheck } from './type.ts';

/** The resource type of a value, or a finding. */
export function resourceTypeOf(value: JsonValue, context: Context): string | undefined {
  if (!isObject(value)) {
    report(context, 'structure', `must be a resource, not ${kindOf(value)}.`);
    return undefined;
  }
  const type = value['resourceType'];
  if (typeof type === 'string' && isResourceType(type)) return type;
  const rule =
    type === undefined
      ? 'must have a resourceType.'
      : `has the resourceType ${quoted(type)}, which is no resource type of FHIR R4.`;
  report(context, 'structure', rule);
  return undefined;
}

/** A value of the type Resource: contained, or an entry, or a parameter. */
export function checkNestedResource(value: JsonValue, context: Context): void {
  const type = resourceTypeOf(value, context);
  if (type === undefined) return;
  if (context.trail.at(-2) === 'contained') checkContained(value as JsonObject, type, context);
  else checkIndependent(value as JsonObject, type, context);
}

/** Checks a resource that contains, and is not contained: its `#…` links are its own. */
export function checkIndependent(
  resource: JsonObject,
  type: string,
  context: Context,
  profiles: readonly string[] = [],
): void {
  const { resource: outer, root, environment, contained, localLinks, inContained, conditionalReferences } = context;
  context.resource = resource;
  context.root = resource;
  context.environment = undefined;
  context.contained = containedTypes(resource);
  context.localLinks = new Set();
  context.inContained = false;
  context.conditionalReferences ||= type === 'Bundle' && isProcessed(resource);
  typeCheck(shapeOf(type)!)(resource, context);
  checkProfiles(resource, type, profiles, context);
  checkAllReferenced(resource['contained'], context);
  Object.assign(context, {
    resource: outer,
    root,
    environment,
    contained,
    localLinks,
    inContained,
    conditionalReferences,
  });
}

/** Whether the entries of a Bundle will be written, and searches in their references resolved before. */
function isProcessed({ type }: JsonObject): boolean {
  return type === 'transaction' || type === 'batch';
}

function containedTypes(resource: JsonObject): Map<string, string> | undefined {
  const { contained } = resource;
  if (!Array.isArray(contained)) return undefined;
  const types = new Map<string, string>();
  for (const item of contained) {
    if (!isObject(item)) continue;
    const { id, resourceType } = item;
    if (typeof id === 'string' && typeof resourceType === 'string') types.set(id, resourceType);
  }
  return types;
}

function checkContained(resource: JsonObject, type: string, context: Context): void {
  if (context.inContained || resource['contained'] !== undefined) {
    report(context, 'invariant', 'must not contain resources itself, being contained (dom-2).');
    return;
  }
  if (resource['id'] === undefined) {
    reportMember(context, 'id', 'required', 'is required: a contained resource is reached by its id.');
  }
  checkContainedMeta(resource['meta'], context);
  const { resource: outer, environment, localLinks } = context;
  const links = new Set<string>();
  Object.assign(context, { resource, environment: undefined, localLinks: links, inContained: true });
  typeCheck(shapeOf(type)!)(resource, context);
  checkProfiles(resource, type, [], context);
  Object.assign(context, { resource: outer, environment, localLinks, inContained: false });
  for (const link of links) localLinks.add(link);
  // A contained resource that points at its container is in use: noted as if it had been referenced (dom-3).
  if (links.has('#') && typeof resource['id'] === 'string') localLinks.add(`#${resource['id']}`);
}

function checkContainedMeta(meta: JsonValue | undefined, context: Context): void {
  if (!isObject(meta)) return;
  context.trail.push('meta');
  if (meta['versionId'] !== undefined)
    report(context, 'invariant', 'must have no versionId in a contained resource (dom-4).');
  if (meta['lastUpdated'] !== undefined)
    report(context, 'invariant', 'must have no lastUpdated in a contained resource (dom-4).');
  if (meta['security'] !== undefined)
    report(context, 'invariant', 'must have no security label in a contained resource (dom-5).');
  context.trail.pop();
}

/** dom-3, and ids that are used once. */
function checkAllReferenced(contained: JsonValue | undefined, context: Context): void {
  if (!Array.isArray(contained)) return;
  const ids = new Set<string>();
  context.trail.push('contained');
  for (const [index, item] of contained.entries()) {
    const id = isObject(item) ? item['id'] : undefined;
    if (typeof id !== 'string') continue;
    context.trail.push(index);
    if (ids.has(id)) report(context, 'duplicate', `has the id ${quoted(id)} of another contained resource.`);
    else if (!context.localLinks.has(`#${id}`)) {
      report(context, 'invariant', `is contained but never referenced: nothing points at #${id} (dom-3).`);
    }
    ids.add(id);
    context.trail.pop();
  }
  context.trail.pop();
}
