/** Asking two laboratories the same, and what of the answers can be compared. */
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../src/fhir/json.ts';
import type { Laboratory } from '../server.ts';
import type { Path } from './generate.ts';
import { typeOf } from './judge.ts';

const nameOf = (resource: JsonObject): string => `${typeOf(resource)}/${String(resource['id'])}`;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What a path is answered, as far as two laboratories that hold the same agree. */
export async function ask(asker: Laboratory, { url, body }: Path): Promise<Answer> {
  const init = body && {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/fhir+json' },
  };
  const response = await asker.fetch(url, init ?? {});
  const text = await response.text();
  // The product's own parameters of a new laboratory are being indexed.
  if (text.includes('cannot answer yet')) {
    await pause(200);
    return ask(asker, { url, needs: [], ...(body && { body }) });
  }
  const answer = comparable(JSON.parse(text)) as { entry?: { resource?: JsonObject }[] };
  // Across types the order without _sort hangs on how many types the caller may see.
  if (/^\?|\*|everything/.test(url)) answer.entry?.sort((a, b) => (entryKey(a) < entryKey(b) ? -1 : 1));
  return { status: response.status, body: answer };
}

const entryKey = ({ resource = {} }: { resource?: JsonObject }): string => nameOf(resource);

/** Without what differs between two laboratories that hold the same: addresses, times, versions. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const outcome = 'resourceType' in value && value.resourceType === 'OperationOutcome';
  const left = Object.entries(value).filter(([name]) => !differing.has(name) && !(outcome && name === 'id'));
  return Object.fromEntries(left.map(([name, one]) => [name, comparable(one)]));
}

const differing = new Set(
  'meta versionId lastUpdated link timestamp fullUrl etag lastModified location first next'.split(' '),
);
