/**
 * Replaces the temporary references of a transaction by the real ones. https://hl7.org/fhir/R4/http.html#trules
 *
 * Replaced: `Reference.reference`, elements of type uri, url, oid and uuid, `<a href>` and `<img src>` in narratives.
 * A text matches as a whole, or before `#…`, or before `/_history/…` (which stays version-specific, with the new
 * version). `Type/id` is also looked up as seen from the fullUrl of its entry. https://hl7.org/fhir/R4/bundle.html#references
 *
 * Left alone: elements of type canonical (the specification says so), and uris that are a name and no link: the `system`
 * of a code or identifier, `Extension.url`, the resource's own `url`. A bundle that creates a CodeSystem under its
 * canonical URL would else change the meaning of every code of it.
 */
import type { Element } from './definitions.ts';
import { walkElements, type ElementVisit } from './element-walk.ts';
import { setMember, type JsonObject } from './json.ts';
import { parseReference } from './reference.ts';

export interface ReferenceTarget {
  /** What is written instead: `Patient/123`. */
  reference: string;
  /** The version it has after the transaction, for references that name one. */
  version?: string;
}

/** From fullUrl, `Type/id` or conditional reference to the target. */
export type ReferenceTargets = ReadonlyMap<string, ReferenceTarget>;

type Replace = (text: string) => string;

/** Rewrites `resource` in place and tells whether anything changed; `fullUrl` is that of its entry. */
export function rewriteReferences(resource: JsonObject, targets: ReferenceTargets, fullUrl?: string): boolean {
  if (targets.size === 0) {
    return false;
  }
  const base = baseOf(fullUrl);
  const replace: Replace = (text) => replacement(text, targets, base) ?? text;
  let changed = false;
  walkElements(resource, (visit) => {
    const text = visit.value;
    if (typeof text === 'string' && isLink(visit)) {
      const written = visit.property.type.code === 'xhtml' ? rewriteNarrative(text, replace) : replace(text);
      if (written !== text) {
        setMember(visit.parent, visit.key, written);
        changed = true;
      }
    }
  });
  return changed;
}

function isLink({ property, value }: ElementVisit): boolean {
  const { code } = property.type;
  if (property.element.path === 'Reference.reference' || code === 'xhtml') {
    return true;
  }
  const link = code === 'url' || code === 'oid' || code === 'uuid' || (code === 'uri' && !isName(property.element));
  return link && !isConditional(String(value));
}

/** `Patient?identifier=1` in a uri is a request to somewhere, not a reference. */
function isConditional(text: string): boolean {
  return text.includes('?') && parseReference(text)?.kind === 'conditional';
}

/** `system`, `Extension.url`, `ValueSet.url`. */
function isName({ name, path }: Element): boolean {
  return name === 'system' || (name === 'url' && path.indexOf('.') === path.lastIndexOf('.'));
}

function baseOf(fullUrl: string | undefined): string | undefined {
  const parsed = fullUrl === undefined ? undefined : parseReference(fullUrl);
  return parsed?.kind === 'external' ? parsed.base : undefined;
}

function replacement(text: string, targets: ReferenceTargets, base: string | undefined): string | undefined {
  const found = (key: string) =>
    targets.get(key) ??
    (base !== undefined && parseReference(key)?.kind === 'local' ? targets.get(`${base}/${key}`) : undefined);
  const whole = found(text);
  if (whole) {
    return whole.reference;
  }
  const [, before, history, fragment = ''] = /^([^#]+?)(\/_history\/[^/#]+)?(#.*)?$/s.exec(text) ?? [];
  const target = before === undefined || before === text ? undefined : found(before);
  if (!target) {
    return undefined;
  }
  const version =
    history !== undefined && target.version !== undefined ? `/_history/${target.version}` : (history ?? '');
  return target.reference + version + fragment;
}

/** Tags of links and images. `<` ends an attempt, so that no narrative takes more than linear time. */
const linkTag = /<(?:a|img)\s(?:[^"'<>]|"[^"<]*"|'[^'<]*')*>/g;
const linkAttribute = { a: /(\shref\s*=\s*)("[^"]*"|'[^']*')/, i: /(\ssrc\s*=\s*)("[^"]*"|'[^']*')/ };

function rewriteNarrative(div: string, replace: Replace): string {
  return div.replace(linkTag, (tag) =>
    tag.replace(tag.startsWith('<a') ? linkAttribute.a : linkAttribute.i, (whole, name: string, quoted: string) => {
      const text = quoted.slice(1, -1).replaceAll('&amp;', '&');
      const written = replace(text);
      return written === text ? whole : `${name}"${written.replaceAll('&', '&amp;')}"`;
    }),
  );
}
