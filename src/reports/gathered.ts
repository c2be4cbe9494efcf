/** What a report is made of: FHIR resources as they were read, and who they name. */
import type { JsonObject } from '../fhir/json.ts';

export interface Gathered {
  readonly report: JsonObject;
  readonly patient: JsonObject | undefined;
  readonly orders: readonly JsonObject[];
  readonly specimens: readonly JsonObject[];
  /** Results of the report in its order, with the members of groups: by `Observation/id`. */
  readonly results: ReadonlyMap<string, JsonObject>;
  /** Results of its orders that were withdrawn. */
  readonly withdrawn: readonly JsonObject[];
  /** Analytes that were ordered and have no result yet. */
  readonly missing: readonly JsonObject[];
  /** Released values that were corrected since, by `Observation/id`. */
  readonly before: ReadonlyMap<string, JsonObject>;
  /** Earlier released results of the patient, newest first; empty where they are not to be shown. */
  readonly history: readonly JsonObject[];
  /** The catalogue: ObservationDefinitions of the results, in the order in which they stand in a report. */
  readonly definitions: readonly JsonObject[];
  /** Names of people by the reference or the account that names them. */
  readonly people: ReadonlyMap<string, string>;
  /** Who released it: references or accounts. */
  readonly releasedBy: readonly string[];
  readonly requesters: readonly string[];
}
