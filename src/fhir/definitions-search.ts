/**
 * The search parameters and the compartments of FHIR R4, in compact form.
 * https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/compartmentdefinition.html
 */
import { baseDefinitions } from './definitions.ts';
import { readAllDefinitions } from './definitions-file.ts';
import type { JsonObject } from './json.ts';

/** What of a SearchParameter decides a search. */
export interface SearchParameterDefinition {
  /** The name in a URL: `date`. */
  name: string;
  url: string;
  base: string[];
  type: 'number' | 'date' | 'string' | 'token' | 'reference' | 'composite' | 'quantity' | 'uri' | 'special';
  expression?: string;
  target?: string[];
  component?: { definition: string; expression: string }[];
  comparator?: string[];
  modifier?: string[];
  multipleOr?: boolean;
  multipleAnd?: boolean;
}

const kept = ['url', 'base', 'type', 'expression', 'target', 'component', 'comparator', 'modifier'] as const;

function compact(parameter: JsonObject): SearchParameterDefinition {
  const result: JsonObject = { name: parameter['code'] ?? '' };
  for (const name of [...kept, 'multipleOr', 'multipleAnd']) {
    const value = parameter[name];
    if (value !== undefined) result[name] = value;
  }
  return result as unknown as SearchParameterDefinition;
}

/** Every search parameter that R4 defines. Parsed anew at each call (20 ms, 2 MB): keep what you need of it. */
export function searchParameterDefinitions(): SearchParameterDefinition[] {
  return readAllDefinitions('search-parameters.json').map(compact);
}

/** A compartment: for each resource type the search parameters by which it belongs; `{def}` is the resource itself. */
export interface Compartment {
  code: string;
  parameters: ReadonlyMap<string, readonly string[]>;
}

let compartments: readonly Compartment[] | undefined;

/** The compartments of Patient, Encounter, Practitioner, RelatedPerson and Device. */
export function compartmentDefinitions(): readonly Compartment[] {
  compartments ??= baseDefinitions('CompartmentDefinition').map((definition) => {
    const resources = definition['resource'] as unknown as { code: string; param?: string[] }[];
    const members = resources.filter((resource) => resource.param !== undefined);
    return {
      code: String(definition['code']),
      parameters: new Map(members.map((resource) => [resource.code, resource.param ?? []])),
    };
  });
  return compartments;
}

/** The OperationDefinitions of R4 as published (`$everything`, `$validate`, …). Parsed anew at each call. */
export function operationDefinitions(): JsonObject[] {
  return baseDefinitions('OperationDefinition');
}
