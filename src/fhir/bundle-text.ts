/**
 * Bundles that the server answers with, as JSON text: the resources of the entries are texts already and pass through
 * unparsed. https://hl7.org/fhir/R4/bundle.html
 */
import type { JsonObject } from './json.ts';
import { serializeJson } from './json.ts';

export interface Link {
  readonly relation: 'self' | 'first' | 'previous' | 'next' | 'last';
  readonly url: string;
}

export interface BundleEntry {
  readonly fullUrl?: string;
  /** JSON text of the resource. */
  readonly text?: string;
  readonly search?: { readonly mode: 'match' | 'include' | 'outcome'; readonly score?: number };
  readonly request?: { readonly method: string; readonly url: string };
  readonly response?: JsonObject;
}

export interface BundleHead {
  readonly type: 'searchset' | 'history' | 'batch-response' | 'transaction-response';
  readonly total?: number | undefined;
  readonly links?: readonly Link[];
  readonly id?: string;
  /** FHIR instant at which the Bundle was made. */
  readonly timestamp?: string;
  readonly meta?: JsonObject;
}

/** The text of a Bundle. */
export function bundleText(head: BundleHead, entries: readonly BundleEntry[]): string {
  const { id, meta, type, timestamp, total } = head;
  const link = head.links && head.links.length > 0 ? head.links : undefined;
  const start = JSON.stringify({ resourceType: 'Bundle', id, meta, type, timestamp, total, link });
  return entries.length === 0 ? start : `${start.slice(0, -1)},"entry":[${entries.map(entryText).join(',')}]}`;
}

function entryText(entry: BundleEntry): string {
  const members: string[] = [];
  if (entry.fullUrl !== undefined) {
    members.push(`"fullUrl":${JSON.stringify(entry.fullUrl)}`);
  }
  if (entry.text !== undefined) {
    members.push(`"resource":${entry.text}`);
  }
  for (const name of ['search', 'request', 'response'] as const) {
    const member = entry[name];
    if (member !== undefined) {
      members.push(`"${name}":${serializeJson(member as JsonObject)}`);
    }
  }
  return `{${members.join(',')}}`;
}
