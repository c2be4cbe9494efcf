/**
 * `_summary` and `_elements` on resources that are read one by one or in a history.
 * https://hl7.org/fhir/R4/search.html#summary
 */
import { serializeJson } from '../fhir/json.ts';
import { parseSubset, subsetOf, type Subset } from '../fhir/summary.ts';
import type { Answer } from '../request.ts';
import { parseStored } from './document.ts';
import type { Call } from './call.ts';
import { valuesOf } from './headers.ts';

/** What part of each resource the caller asked for; undefined = the whole, which then is not even parsed. */
export function askedSubset(call: Call): Subset | undefined {
  const subset = parseSubset({
    summary: valuesOf(call.query, '_summary'),
    elements: valuesOf(call.query, '_elements'),
    types: call.target.type === '' ? [] : [call.target.type],
    search: false,
  });
  return subset === 'count' ? undefined : subset;
}

export function subsetAnswer(text: string, subset: Subset | undefined): Pick<Answer, 'text' | 'resource'> {
  return subset === undefined ? { text } : { resource: subsetOf(parseStored(text), subset) };
}

/** The same as text, for an entry of a Bundle; `included`: `_elements` without a type does not apply to it. */
export function subsetText(text: string, subset: Subset | undefined, included = false): string {
  return subset === undefined ? text : serializeJson(subsetOf(parseStored(text), subset, included));
}
