/**
 * Checks a resource against the profiles that it names in meta.profile, or that $validate names, where we hold them.
 * https://hl7.org/fhir/R4/profiling.html
 *
 * A profile that is not held is no error on a write: the resource may well conform, we cannot tell.
 */
import { shapeOf } from '../definitions.ts';
import type { JsonObject } from '../json.ts';
import { type Context, quoted, report } from './context.ts';
import { applyProfile, BASE, definitionOf, isBaseType } from './profile-apply.ts';
import { profileOf } from './profile-rule.ts';
import { isObject } from './type.ts';

const none: ReadonlySet<unknown> = new Set();

function namedProfiles({ meta }: JsonObject): ReadonlySet<unknown> {
  return isObject(meta) && Array.isArray(meta['profile']) ? new Set(meta['profile']) : none;
}

/** Checks the profiles of meta.profile and the further ones. */
export function checkProfiles(resource: JsonObject, type: string, further: readonly string[], context: Context): void {
  for (const url of namedProfiles(resource)) {
    if (typeof url === 'string' && !checkProfile(resource, type, url, context) && context.warnings) {
      report(
        context,
        'not-supported',
        `names the profile ${quoted(url)}, which is not held here: not checked.`,
        'warning',
      );
    }
  }
  for (const url of further) {
    if (!checkProfile(resource, type, url, context)) {
      report(context, 'not-supported', `cannot be checked against the profile ${quoted(url)}, which is not held here.`);
    }
  }
}

/** Checks one profile of a resource; false when it is not held. */
function checkProfile(resource: JsonObject, type: string, url: string, context: Context): boolean {
  if (url === BASE + type) return true;
  const definition = definitionOf(url, context);
  const shape = shapeOf(type);
  if (definition === undefined || shape === undefined) return isBaseType(url) && reportType(url, type, context);
  const profile = profileOf(definition);
  if (profile.type !== type) {
    report(context, 'invalid', `is no ${profile.type}, but the profile ${quoted(url)} is for that.`);
    return true;
  }
  applyProfile(profile, { members: resource, shape, depth: 0 }, context);
  return true;
}

function reportType(url: string, type: string, context: Context): boolean {
  const ofAll = ['Resource', 'DomainResource'].includes(url.slice(BASE.length));
  if (!ofAll) report(context, 'invalid', `is a ${type}, but names the profile ${quoted(url)}.`);
  return true;
}

/** An extension of the specification, or one of ours, must be as its definition says. */
export function checkKnownExtension(extension: JsonObject, context: Context): void {
  const { url } = extension;
  const definition = typeof url === 'string' && url.includes(':') ? definitionOf(url, context) : undefined;
  if (definition?.['type'] !== 'Extension') return;
  applyProfile(profileOf(definition), { members: extension, shape: shapeOf('Extension')!, depth: 0 }, context);
}
