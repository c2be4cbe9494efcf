/**
 * One entry of a batch or transaction as a request. https://hl7.org/fhir/R4/bundle.html#transaction
 *
 * Nothing in an entry is passed over: a condition that the method does not have (`ifNoneExist` on a PUT), a member that
 * does not exist or an unreadable date would otherwise be a write that its sender did not mean.
 */
import type { JsonObject, JsonValue } from './json.ts';
import type { Issue } from './outcome.ts';
import { parseQuery } from './query.ts';

export type EntryMethod = 'DELETE' | 'POST' | 'PUT' | 'PATCH' | 'GET' | 'HEAD';

export interface EntryRequest {
  /** Position in the Bundle, also of the answer. */
  readonly index: number;
  readonly method: EntryMethod;
  /** Below the FHIR base, decoded. */
  readonly segments: readonly string[];
  readonly query: readonly (readonly [string, string])[];
  /** The query as it came. */
  readonly sent: string;
  readonly fullUrl: string | undefined;
  readonly resource: JsonObject | undefined;
  /** Names in lower case, as in HTTP. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface EntryPlace {
  readonly index: number;
  /** Our own addresses. */
  readonly bases: readonly string[];
  /** Where faults are added. */
  readonly issues: Issue[];
}

const methods = new Set<unknown>(['DELETE', 'POST', 'PUT', 'PATCH', 'GET', 'HEAD'] satisfies EntryMethod[]);

/** Conditions of `request` as HTTP headers, and the methods that have them. */
const conditions: Readonly<Record<string, { header: string; methods: readonly EntryMethod[] }>> = {
  ifNoneMatch: { header: 'if-none-match', methods: ['GET', 'HEAD', 'PUT'] },
  ifModifiedSince: { header: 'if-modified-since', methods: ['GET', 'HEAD'] },
  ifMatch: { header: 'if-match', methods: ['PUT', 'PATCH', 'DELETE'] },
  ifNoneExist: { header: 'if-none-exist', methods: ['POST'] },
};

const entryMembers = new Set(['id', 'extension', 'link', 'fullUrl', '_fullUrl', 'resource', 'request']);
const requestMembers = new Set(['id', 'extension', 'method', 'url', ...Object.keys(conditions)]);

/** Members that exist, but not in an entry that is sent. */
const misplaced: Readonly<Record<string, string>> = {
  search: 'Only an entry of a search result has search (bdl-2).',
  response: 'An entry that is sent has no response (bdl-4).',
  modifierExtension: 'A modifierExtension of an entry is not understood here.',
};

/** The request of an entry; undefined, with its faults added to `place.issues`, where it is none. */
export function parseEntry(entry: JsonValue, place: EntryPlace): EntryRequest | undefined {
  const at = `Bundle.entry[${place.index}]`;
  const refuse = (diagnostics: string, where = ''): undefined => {
    place.issues.push({ severity: 'error', code: 'structure', diagnostics, expression: [at + where] });
  };
  if (!isObject(entry)) {
    return refuse('An entry must be an object.');
  }
  const unknown = Object.keys(entry).find((name) => !entryMembers.has(name));
  if (unknown !== undefined) {
    return refuse(misplacedOrUnknown(unknown, 'An entry'));
  }
  const { request, resource, fullUrl } = entry;
  if (!isObject(request)) {
    return refuse('An entry of a batch or transaction needs a request (bdl-3).');
  }
  const parsed = parseRequest(request, place.bases);
  if (typeof parsed === 'string') {
    return refuse(parsed, '.request');
  }
  if (resource !== undefined && !isObject(resource)) {
    return refuse('The resource must be an object.', '.resource');
  }
  if (resource === undefined && needsResource(parsed)) {
    return refuse(`${parsed.method} needs a resource.`);
  }
  if (fullUrl !== undefined && typeof fullUrl !== 'string') {
    return refuse('The fullUrl must be a text.', '.fullUrl');
  }
  return { index: place.index, ...parsed, fullUrl, resource };
}

function misplacedOrUnknown(name: string, what: string): string {
  return Object.hasOwn(misplaced, name) ? misplaced[name]! : `${what} has no element "${name.slice(0, 80)}".`;
}

type ParsedRequest = Pick<EntryRequest, 'method' | 'segments' | 'query' | 'sent' | 'headers'>;

/** The request, or what is wrong with it. */
function parseRequest(request: JsonObject, bases: readonly string[]): ParsedRequest | string {
  const { method, url } = request;
  const unknown = Object.keys(request).find((name) => !requestMembers.has(name));
  if (unknown !== undefined) {
    return misplacedOrUnknown(unknown, 'The request of an entry');
  }
  if (!isMethod(method)) {
    return 'The method must be GET, HEAD, POST, PUT, PATCH or DELETE.';
  }
  const target = typeof url === 'string' ? parseUrl(url, bases) : undefined;
  if (!target) {
    return 'The url must be relative to the FHIR base and properly encoded.';
  }
  const headers = headersOf(request, method);
  return typeof headers === 'string' ? headers : { method, ...target, headers };
}

function isMethod(method: unknown): method is EntryMethod {
  return methods.has(method);
}

function needsResource({ method, segments }: ParsedRequest): boolean {
  const last = segments.at(-1) ?? '';
  const operation = last.startsWith('$') || last === '_search';
  return method === 'PUT' || method === 'PATCH' || (method === 'POST' && !operation);
}

function headersOf(request: JsonObject, method: EntryMethod): Record<string, string> | string {
  const headers: Record<string, string> = {};
  for (const [name, { header, methods: having }] of Object.entries(conditions)) {
    const value = request[name];
    if (value === undefined) {
      continue;
    }
    if (typeof value !== 'string' || value === '') {
      return `${name} must be a text.`;
    }
    if (!having.includes(method)) {
      return `${method} has no ${name}; it belongs to ${having.join(', ')}.`;
    }
    const text = name === 'ifModifiedSince' ? httpDate(value) : value;
    if (text === undefined) {
      return 'ifModifiedSince must be an instant.';
    }
    headers[header] = text;
  }
  return headers;
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function httpDate(text: string): string | undefined {
  const time = instant.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toUTCString();
}

/** A url below our base, relative or not; undefined for others, for fragments, dot segments and broken escapes. */
function parseUrl(
  url: string,
  bases: readonly string[],
): Pick<EntryRequest, 'segments' | 'query' | 'sent'> | undefined {
  const base = bases.find((candidate) => url.startsWith(`${candidate}/`) || url.startsWith(`${candidate}?`));
  const relative = base === undefined ? url : url.slice(base.length).replace(/^\//, '');
  if (/^[a-z][a-z0-9+.-]*:|^\/\/|[#\\\s]/i.test(relative)) {
    return undefined;
  }
  const at = relative.indexOf('?');
  const path = at < 0 ? relative : relative.slice(0, at);
  try {
    const segments = path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
    const climbs = segments.some((segment) => segment === '.' || segment === '..' || segment.includes('/'));
    const sent = at < 0 ? '' : relative.slice(at + 1);
    return climbs ? undefined : { segments, query: at < 0 ? [] : parseQuery(sent, 'The url'), sent };
  } catch {
    return undefined;
  }
}

const restful = /^https?:\/\/.*\/([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/;

/** Whether the fullUrl can be one, and says what the resource says. https://hl7.org/fhir/R4/bundle.html#bundle-unique */
export function faultsOfEntry({ index, method, fullUrl, resource }: EntryRequest): Issue[] {
  if (fullUrl === undefined) {
    return [];
  }
  const refuse = (diagnostics: string, code: Issue['code'] = 'value'): Issue[] => [
    { severity: 'error', code, diagnostics, expression: [`Bundle.entry[${index}].fullUrl`] },
  ];
  if (!/^[a-z][a-z0-9+.-]*:\S+$/i.test(fullUrl)) {
    return refuse('The fullUrl must be an absolute URL or URN, such as urn:uuid:….');
  }
  if (fullUrl.includes('/_history/')) {
    return refuse('The fullUrl must not name a version (bdl-8).', 'invariant');
  }
  const [, type, id] = restful.exec(fullUrl) ?? [];
  const own = resource?.['id'];
  if (
    method !== 'PATCH' &&
    type !== undefined &&
    typeof own === 'string' &&
    (type !== resource?.['resourceType'] || id !== own)
  ) {
    return refuse('The fullUrl must end with the type and the id of the resource.');
  }
  return [];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
