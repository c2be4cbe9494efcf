/**
 * An entry of a Bundle as a request, and its answer as an entry of the response.
 * https://hl7.org/fhir/R4/bundle.html#transaction
 */
import type { BundleEntry } from '../fhir/bundle-text.ts';
import type { EntryRequest } from '../fhir/bundle.ts';
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import { Readable } from 'node:stream';
import type { Answer, Body, Request } from '../request.ts';

/** The Prefer header for the entries: without the resources, unless they are asked for. */
export function entryPreference({ headers }: Request): string {
  const { prefer } = headers;
  return prefer === undefined ? 'return=minimal' : /\breturn=/.test(prefer) ? prefer : `${prefer}, return=minimal`;
}

/** The request that an entry stands for; it inherits the Prefer header of the whole. */
export function entryRequest(entry: EntryRequest, prefer: string | undefined): Request {
  const { method, segments, query, sent, headers, resource, fullUrl } = entry;
  return {
    method,
    segments,
    // What an entry answers stands in the Bundle, in its format: no page and no table, and a Binary as a resource, too.
    query: query.filter(([name]) => name !== '_format'),
    sent: () => sent,
    headers: { ...headers, prefer, accept: 'application/fhir+json' },
    body: resource === undefined ? undefined : resourceBody(resource),
    ...(fullUrl !== undefined && { fullUrl }),
  };
}

function resourceBody(resource: JsonObject): Body {
  const bytes = (): Buffer => Buffer.from(serializeJson(resource));
  return {
    contentType: 'application/fhir+json',
    resource,
    read: () => Promise.resolve(bytes()),
    stream: () => Readable.from([bytes()]),
  };
}

const statusTexts: Readonly<Record<number, string>> = {
  200: '200 OK',
  201: '201 Created',
  204: '204 No Content',
  304: '304 Not Modified',
};

/** The answer of an entry; `fullUrl` where it carries a resource of ours. */
export function answerEntry(answer: Answer, fullUrl?: string): BundleEntry {
  const { etag, location } = answer.headers ?? {};
  const response: JsonObject = { status: statusTexts[answer.status] ?? String(answer.status) };
  if (location !== undefined) {
    response['location'] = location;
  }
  if (etag !== undefined) {
    response['etag'] = etag;
  }
  if (answer.lastUpdated !== undefined) {
    response['lastModified'] = answer.lastUpdated;
  }
  const { resource } = answer;
  if (resource?.['resourceType'] === 'OperationOutcome') {
    response['outcome'] = resource;
    return { response };
  }
  const text = answer.text ?? (resource && serializeJson(resource));
  return { response, ...(text !== undefined && { text }), ...(fullUrl !== undefined && { fullUrl }) };
}

/** Lets other requests in between: a large Bundle must not hold up the whole process. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
