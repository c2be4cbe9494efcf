/**
 * Batch and transaction Bundles as they arrive: their entries, checked and in order of processing.
 * https://hl7.org/fhir/R4/http.html#transaction
 */
import type { JsonObject, JsonValue } from './json.ts';
import { OutcomeError, outcomeError, type Issue } from './outcome.ts';

export type EntryMethod = 'DELETE' | 'POST' | 'PUT' | 'PATCH' | 'GET' | 'HEAD';

export interface EntryRequest {
  /** Position in the Bundle, also of the answer. */
  readonly index: number;
  readonly method: EntryMethod;
  /** Below the FHIR base. */
  readonly segments: readonly string[];
  readonly query: readonly (readonly [string, string])[];
  readonly fullUrl: string | undefined;
  readonly resource: JsonObject | undefined;
  /** Names in lower case, as in HTTP. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface BundleRequest {
  readonly type: 'batch' | 'transaction';
  /** In the order of the Bundle. */
  readonly entries: readonly EntryRequest[];
}

/** Most entries of one Bundle. */
export const mostEntries = 10_000;

const phases: Readonly<Record<EntryMethod, number>> = { DELETE: 0, POST: 1, PUT: 2, PATCH: 2, GET: 3, HEAD: 3 };

/** When an entry is processed, as a number that sorts. */
export function phaseOf(entry: EntryRequest): number {
  return phases[entry.method];
}

/** DELETE, POST, PUT and PATCH, GET and HEAD: what the specification processes together, in this order. */
export function inPhases(entries: readonly EntryRequest[]): EntryRequest[][] {
  return [0, 1, 2, 3].map((phase) => entries.filter((entry) => phaseOf(entry) === phase));
}

/**
 * The entries of a Bundle.
 * @param bases our own addresses, of which an entry's url may begin with one
 * @throws OutcomeError naming every entry that is wrong.
 */
export function parseBundle(bundle: JsonObject, bases: readonly string[]): BundleRequest {
  const type = bundle['type'];
  if (type !== 'batch' && type !== 'transaction') {
    throw outcomeError('value', 'A Bundle sent to the base must have the type batch or transaction.', {
      expression: 'Bundle.type',
      status: 400,
    });
  }
  const entries = bundle['entry'] ?? [];
  if (!Array.isArray(entries)) {
    throw outcomeError('structure', 'Bundle.entry must be an array.', { expression: 'Bundle.entry' });
  }
  if (entries.length > mostEntries) {
    throw outcomeError('too-costly', `A Bundle may have ${mostEntries} entries; this one has ${entries.length}.`);
  }
  const issues: Issue[] = [];
  const parsed = entries.flatMap((entry, index) => parseEntry(entry, index, bases, issues) ?? []);
  if (issues.length > 0) {
    throw new OutcomeError(issues, { status: 400 });
  }
  return { type, entries: parsed };
}

const headerNames = {
  ifNoneMatch: 'if-none-match',
  ifModifiedSince: 'if-modified-since',
  ifMatch: 'if-match',
  ifNoneExist: 'if-none-exist',
} as const;

function parseEntry(
  entry: JsonValue,
  index: number,
  bases: readonly string[],
  issues: Issue[],
): EntryRequest | undefined {
  const expression = `Bundle.entry[${index}]`;
  const refuse = (diagnostics: string, at = expression): undefined => {
    issues.push({ severity: 'error', code: 'structure', diagnostics, expression: [at] });
  };
  if (!isObject(entry)) {
    return refuse('An entry must be an object.');
  }
  const request = entry['request'];
  if (!isObject(request)) {
    return refuse('An entry of a batch or transaction needs a request.');
  }
  const { method, url } = request;
  if (typeof method !== 'string' || !(method in phases)) {
    return refuse('The method must be GET, HEAD, POST, PUT, PATCH or DELETE.', `${expression}.request.method`);
  }
  const path = typeof url === 'string' ? parseUrl(url, bases) : undefined;
  if (path === undefined) {
    return refuse('The url must be relative to the FHIR base and properly encoded.', `${expression}.request.url`);
  }
  const resource = entry['resource'];
  if (resource !== undefined && !isObject(resource)) {
    return refuse('The resource must be an object.', `${expression}.resource`);
  }
  const needsResource = method === 'PUT' || method === 'PATCH' || (method === 'POST' && !isOperation(path.segments));
  if (needsResource && resource === undefined) {
    return refuse(`${method} needs a resource.`);
  }
  const fullUrl = entry['fullUrl'];
  return {
    index,
    method: method as EntryMethod,
    ...path,
    fullUrl: typeof fullUrl === 'string' ? fullUrl : undefined,
    resource,
    headers: headersOf(request),
  };
}

function isOperation(segments: readonly string[]): boolean {
  const last = segments.at(-1) ?? '';
  return last.startsWith('$') || last === '_search';
}

function headersOf(request: JsonObject): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [member, name] of Object.entries(headerNames)) {
    const value = request[member];
    if (typeof value === 'string') {
      headers[name] = member === 'ifModifiedSince' ? new Date(value).toUTCString() : value;
    }
  }
  return headers;
}

function parseUrl(
  url: string,
  bases: readonly string[],
): { segments: string[]; query: (readonly [string, string])[] } | undefined {
  const base = bases.find((candidate) => url.startsWith(`${candidate}/`));
  const relative = base === undefined ? url : url.slice(base.length + 1);
  if (/^[a-z][a-z0-9+.-]*:/i.test(relative)) {
    return undefined;
  }
  const at = relative.indexOf('?');
  const path = at < 0 ? relative : relative.slice(0, at);
  try {
    const segments = path.split('/').filter((part) => part !== '').map(decodeURIComponent);
    return { segments, query: at < 0 ? [] : [...new URLSearchParams(relative.slice(at + 1))] };
  } catch {
    return undefined;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
