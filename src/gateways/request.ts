/** Bodies of requests that a gateway makes to the door. */
import { Readable } from 'node:stream';
import type { JsonObject } from '../fhir/json.ts';
import type { Body } from '../request.ts';

/** A resource, as an entry of a Bundle is one. */
export function resourceBody(resource: JsonObject): Body {
  return {
    contentType: 'application/fhir+json',
    resource,
    read: () => Promise.reject(new Error('The resource is parsed already.')),
    stream: () => {
      throw new Error('The resource is parsed already.');
    },
  };
}

/** A JSON Patch as the body of a request. */
export function patchBody(patch: readonly JsonObject[]): Body {
  const bytes = Buffer.from(JSON.stringify(patch), 'utf8');
  return {
    contentType: 'application/json-patch+json',
    read: () => Promise.resolve(bytes),
    stream: () => Readable.from([bytes]),
  };
}
