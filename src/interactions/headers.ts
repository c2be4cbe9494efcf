/**
 * The HTTP headers and parameters with a meaning in FHIR: versions, preconditions, preferences.
 * https://hl7.org/fhir/R4/http.html#concurrency, #cread, #ops
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { Parameters, Request } from '../request.ts';

/** `3` → `W/"3"`. */
export function etag(version: number): string {
  return `W/"${version}"`;
}

/**
 * The version that If-Match demands; undefined without the header or with `*`.
 * @throws OutcomeError `invalid` where the header is not an entity tag; `conflict` (412) where it cannot be ours.
 */
export function ifMatch(request: Request): number | undefined {
  const header = request.headers['if-match']?.trim();
  if (header === undefined || header === '*') {
    return undefined;
  }
  const tag = /^(?:W\/)?"([^"]*)"$/.exec(header)?.[1] ?? (/^\d+$/.test(header) ? header : undefined);
  if (tag === undefined) {
    throw outcomeError('invalid', `If-Match must be an entity tag such as W/"3", not "${header.slice(0, 80)}".`);
  }
  if (!/^[1-9]\d{0,8}$/.test(tag)) {
    throw versionConflict(tag);
  }
  return Number(tag);
}

/** What an update demands of what is there: a version, anything (If-Match: *) or nothing (If-None-Match: *). */
export type Demand = number | 'live' | 'absent' | undefined;

/** @throws OutcomeError where the headers are no such demand: it must not be passed over. */
export function updateDemand(request: Request): Demand {
  const none = request.headers['if-none-match']?.trim();
  const match = request.headers['if-match']?.trim();
  if (none === undefined) {
    return match === '*' ? 'live' : ifMatch(request);
  }
  if (none !== '*' || match !== undefined) {
    throw outcomeError(
      'invalid',
      'If-None-Match on an update must be *, which allows only a new resource, without If-Match.',
    );
  }
  return 'absent';
}

/** The demand of an update is not met. */
export function demandConflict(demand: Exclude<Demand, undefined>, name: string): Error {
  if (typeof demand === 'number') {
    return versionConflict(demand);
  }
  const sentence =
    demand === 'live'
      ? `There is no ${name}, and If-Match allows only an update of what is there.`
      : `${name} exists already, and If-None-Match allows only a new one.`;
  return outcomeError('conflict', sentence, { status: 412 });
}

export function versionConflict(wanted: string | number): Error {
  return outcomeError('conflict', `The resource is not at version ${wanted} any more; read it again and decide anew.`, {
    status: 412,
  });
}

/** Does the caller hold this version already (304)? If-None-Match decides before If-Modified-Since (RFC 9110 §13.2.2). */
export function notModified(request: Request, version: number, lastUpdated: string): boolean {
  const none = request.headers['if-none-match'];
  if (none !== undefined) {
    const tags = none.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    return tags.includes('*') || tags.includes(`"${version}"`);
  }
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && Math.floor(Date.parse(lastUpdated) / 1000) * 1000 <= since;
}

export type Return = 'minimal' | 'representation' | 'OperationOutcome';

/** `Prefer: return=…`; the whole resource by default. */
export function preferredReturn(request: Request): Return {
  const value = preference(request, 'return');
  return value === 'minimal' || value === 'OperationOutcome' ? value : 'representation';
}

/** `Prefer: handling=…`; strict by default: what is not understood is refused. */
export function preferredHandling(request: Request): 'strict' | 'lenient' {
  return preference(request, 'handling') === 'lenient' ? 'lenient' : 'strict';
}

/** `Prefer: respond-async` */
export function prefersAsync(request: Request): boolean {
  return (request.headers['prefer'] ?? '').split(/[,;]/).some((part) => part.trim().toLowerCase() === 'respond-async');
}

function preference(request: Request, name: string): string | undefined {
  for (const part of (request.headers['prefer'] ?? '').split(/[,;]/)) {
    const [key, value] = part.split('=').map((text) => text.trim());
    if (key?.toLowerCase() === name) {
      return value?.replace(/^"|"$/g, '');
    }
  }
  return undefined;
}

/** Values of a parameter, in order. */
export function valuesOf(query: Parameters, name: string): string[] {
  return query.filter(([key]) => key === name).map(([, value]) => value);
}

/** Parameters that shape the answer and are no search criteria; understood by every interaction. */
const general = new Set(['_format', '_pretty']);

/** The criteria of a search or a conditional interaction. */
export function criteriaOf(query: Parameters): Parameters {
  return query.filter(([name]) => !general.has(name));
}

/** Refuses parameters that an interaction does not know. */
export function allowParameters(request: Request, names: readonly string[]): void {
  for (const [name] of request.query) {
    if (!general.has(name) && !names.includes(name)) {
      throw outcomeError('not-supported', `The parameter "${name.slice(0, 80)}" has no meaning for this interaction.`);
    }
  }
}
