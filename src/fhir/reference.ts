/**
 * What a reference says: https://hl7.org/fhir/R4/references.html. Nothing is resolved here.
 *
 * | text | kind |
 * |---|---|
 * | `Patient/1`, `Patient/1/_history/2`, the same below one of our own base addresses | local |
 * | `Patient?identifier=…` | conditional: to be replaced in a transaction |
 * | `#p`, and `#` for the containing resource | contained |
 * | `urn:uuid:…`, `urn:oid:…` | urn |
 * | any other absolute URL | external |
 */
import { walkElements } from './element-walk.ts';
import type { JsonObject } from './json.ts';
import { typeNumber } from './resource-types.ts';

export type ParsedReference =
  | { kind: 'local'; type: string; id: string; version?: string }
  | { kind: 'conditional'; type: string; query: string }
  | { kind: 'contained'; id: string }
  | { kind: 'urn'; urn: string }
  /** `base`, `type` and `id` where the URL has the form of a RESTful one. */
  | { kind: 'external'; url: string; base?: string; type?: string; id?: string; version?: string };

const idPattern = /^[A-Za-z0-9\-.]{1,64}$/;
const restful = /^(?:(.*)\/)?([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const conditional = /^([A-Z][A-Za-z]+)\?(.+)$/;
const absolute = /^[a-z][a-z0-9+.-]*:[^\s]+$/i;

/** Is the text a FHIR id? https://hl7.org/fhir/R4/datatypes.html#id */
export function isId(text: string): boolean {
  return idPattern.test(text);
}

/** The meaning of `Reference.reference`; undefined when it has none. `bases` are our own addresses, without `/`. */
export function parseReference(text: string, bases: readonly string[] = []): ParsedReference | undefined {
  if (text.startsWith('#')) {
    const id = text.slice(1);
    return id === '' || isId(id) ? { kind: 'contained', id } : undefined;
  }
  if (/^urn:/i.test(text)) {
    return /\s/.test(text) ? undefined : { kind: 'urn', urn: text };
  }
  const base = bases.find((candidate) => text.startsWith(`${candidate}/`));
  const relative = base === undefined ? text : text.slice(base.length + 1);
  const local = parseRelative(relative);
  return local ?? (absolute.test(text) ? parseExternal(text) : undefined);
}

function parseRelative(text: string): ParsedReference | undefined {
  const [, base, type, id, version] = restful.exec(text) ?? [];
  if (base === undefined && type !== undefined && id !== undefined && isType(type)) {
    return { kind: 'local', type, id, ...(version !== undefined && { version }) };
  }
  const [, target, query] = conditional.exec(text) ?? [];
  return target !== undefined && query !== undefined && isType(target)
    ? { kind: 'conditional', type: target, query }
    : undefined;
}

function parseExternal(url: string): ParsedReference {
  const [, base, type, id, version] = restful.exec(url) ?? [];
  if (base === undefined || type === undefined || id === undefined || !isType(type)) {
    return { kind: 'external', url };
  }
  return { kind: 'external', url, base, type, id, ...(version !== undefined && { version }) };
}

function isType(name: string): boolean {
  return typeNumber(name) !== undefined;
}

export interface Canonical {
  url: string;
  version?: string;
  fragment?: string;
}

/** The parts of a canonical: `url|version#fragment`. https://hl7.org/fhir/R4/references.html#canonical */
export function parseCanonical(text: string): Canonical {
  const [whole = '', ...fragment] = text.split('#');
  const [url = '', ...version] = whole.split('|');
  return {
    url,
    ...(version.length > 0 && { version: version.join('|') }),
    ...(fragment.length > 0 && { fragment: fragment.join('#') }),
  };
}

export interface FoundReference {
  /** FHIRPath of the Reference: `Observation.performer[0]`. */
  expression: string;
  /** The Reference itself. */
  element: JsonObject;
  /** Its `reference`, when it has one that is a string. */
  reference: string | undefined;
  /** The resource types or profiles it may point at, as canonical URLs; undefined for any. */
  targets: readonly string[] | undefined;
}

/** Every Reference of a resource, also those in extensions and contained resources. */
export function listReferences(resource: JsonObject): FoundReference[] {
  const found: FoundReference[] = [];
  walkElements(resource, ({ value, property, path }) => {
    if (property.type.code === 'Reference' && typeof value === 'object' && !Array.isArray(value) && value !== null) {
      const reference = value['reference'];
      found.push({
        expression: path,
        element: value,
        reference: typeof reference === 'string' ? reference : undefined,
        targets: property.type.targets,
      });
    }
  });
  return found;
}
