/**
 * A search parameter that is not R4's: what of the SearchParameter resource decides how it is indexed and searched.
 *
 * `source` names one definition in one version: `own:rid/version`, or `product:code:digest`.
 */
import type { SearchParameterDefinition } from '../fhir/definitions-search.ts';
import type { JsonObject } from '../fhir/json.ts';

export interface OwnParameter {
  readonly source: string;
  /** Id of the SearchParameter resource; '' for the product's. */
  readonly id: string;
  readonly definition: SearchParameterDefinition;
}

const kept = ['url', 'base', 'type', 'expression', 'target', 'component'] as const;

/** What of a SearchParameter resource decides a search. */
export function definitionOf(resource: JsonObject): SearchParameterDefinition {
  const definition: JsonObject = { name: resource['code'] ?? '' };
  for (const name of kept) {
    const value = resource[name];
    if (value !== undefined) definition[name] = value;
  }
  return definition as unknown as SearchParameterDefinition;
}
