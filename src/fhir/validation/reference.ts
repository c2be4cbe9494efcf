/**
 * The shape of a Reference and the type of what it points at, where the text tells.
 * https://hl7.org/fhir/R4/references.html#literal
 */
import { isResourceType, type TypeRef } from '../definitions.ts';
import type { JsonObject } from '../json.ts';
import { heldProfile } from '../profiles.ts';
import { type Context, quoted, reportMember } from './context.ts';

const PREFIX = 'http://hl7.org/fhir/StructureDefinition/';

const literal = /^([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?(?:#\S+)?$/;
const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/;
const endsInLiteral = /\/([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const search = /^([A-Z][A-Za-z]+)\?\S+$/;

/** The type a reference text names; undefined when it does not tell; null when the text has no right form. */
function typeNamed(text: string, context: Context): string | undefined | null {
  if (text.charCodeAt(0) === 0x23) return localType(text, context);
  const type = literal.exec(text)?.[1];
  if (type !== undefined) return isResourceType(type) ? type : null;
  if (absolute.test(text)) {
    const named = /^https?:/i.test(text) ? endsInLiteral.exec(text)?.[1] : undefined;
    return named !== undefined && isResourceType(named) ? named : undefined;
  }
  const searched = context.conditionalReferences ? search.exec(text)?.[1] : undefined;
  return searched !== undefined && isResourceType(searched) ? searched : null;
}

/** `#id` names a contained resource; `#` alone, inside one, the resource that contains it (ref-1). */
function localType(text: string, context: Context): string | undefined | null {
  context.localLinks.add(text);
  if (text === '#') return context.inContained ? (context.root['resourceType'] as string) : null;
  const type = context.contained?.get(text.slice(1));
  if (type !== undefined) return type;
  reportMember(context, 'reference', 'invariant', `names no contained resource: ${quoted(text)} (ref-1).`);
  return undefined;
}

/** The resource types that an element's references may point at; undefined when any, or when that is not known here. */
function allowedTypes({ targets = [] }: TypeRef): ReadonlySet<string> | undefined {
  const types = targets.map(targetType);
  return types.length === 0 || types.includes('Resource') || types.includes(undefined)
    ? undefined
    : new Set(types.filter((type) => type !== undefined));
}

/** A target is a resource type or a profile of one. */
function targetType(url: string): string | undefined {
  const name = url.startsWith(PREFIX) ? url.slice(PREFIX.length) : '';
  if (name === 'Resource' || isResourceType(name)) return name;
  const type = heldProfile(url)?.['type'];
  return typeof type === 'string' ? type : undefined;
}

/** The check of a Reference against the types its element allows. */
export function targetCheck(type: TypeRef): (value: JsonObject, context: Context) => void {
  let allowed: ReadonlySet<string> | undefined | null = null;
  return (value, context) => {
    if (allowed === null) allowed = allowedTypes(type);
    const text = value['reference'];
    if (typeof text !== 'string') return;
    const named = typeNamed(text, context);
    if (named === null) {
      const rule = `must be Type/id, an absolute URL, urn:uuid:…, urn:oid:… or #id, not ${quoted(text)}.`;
      reportMember(context, 'reference', 'value', rule);
    } else if (named !== undefined) checkTarget(named, value['type'], allowed, context);
  };
}

function checkTarget(named: string, stated: unknown, allowed: ReadonlySet<string> | undefined, context: Context): void {
  if (allowed !== undefined && !allowed.has(named)) {
    const rule = `must point at ${[...allowed].join(', ')}, not at ${named}.`;
    reportMember(context, 'reference', 'structure', rule);
  }
  if (typeof stated === 'string' && isResourceType(stated) && stated !== named) {
    reportMember(context, 'type', 'value', `says ${stated}, but the reference points at ${named}.`);
  }
}
