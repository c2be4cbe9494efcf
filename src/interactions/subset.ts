/**
 * `_summary` and `_elements` on one resource. https://hl7.org/fhir/R4/search.html#summary
 */
import { serializeJson } from '../fhir/json.ts';
import { summarize } from '../fhir/summary.ts';
import type { Answer, Request } from '../request.ts';
import { parseStored } from './document.ts';

/** The part of a stored text that the caller asked for; the text itself, unparsed, where nothing was asked. */
export function subsetOf(request: Request, text: string): Pick<Answer, 'text' | 'resource'> {
  const asked = request.query.some(([name]) => name === '_summary' || name === '_elements');
  return asked ? { resource: summarize(parseStored(text), request.query) } : { text };
}

/** The same as text, for an entry of a Bundle. */
export function subsetText(request: Request, text: string): string {
  const { resource } = subsetOf(request, text);
  return resource === undefined ? text : serializeJson(resource);
}
