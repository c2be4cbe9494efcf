/** One provision of a Consent, flattened: what consent.ts makes, the store keeps and search/consent-sql.ts asks. */

/** What a provision demands of the request; undefined demands nothing. */
export interface ConsentRequest {
  /** `Practitioner/1`. */
  readonly actors: readonly string[] | undefined;
  readonly actions: readonly string[] | undefined;
  readonly purposes: readonly string[] | undefined;
}

/** What it demands of the resource. */
export interface ConsentData {
  /** One of these three. */
  readonly types: readonly string[] | undefined;
  readonly profiles: readonly string[] | undefined;
  /** `system|code` of the kind of document. */
  readonly documents: readonly string[] | undefined;
  readonly codes: readonly string[] | undefined;
  readonly labels: readonly string[] | undefined;
  /** One of these four, each `Observation/1`. */
  readonly instances: readonly string[] | undefined;
  readonly related: readonly string[] | undefined;
  readonly dependents: readonly string[] | undefined;
  readonly authors: readonly string[] | undefined;
  readonly dataPeriod: { readonly low: number; readonly high: number } | undefined;
}

export interface ConsentRule extends ConsentRequest, ConsentData {
  /** FHIRPath of the provision. */
  readonly path: string;
  readonly depth: number;
  readonly permit: boolean;
  /** In force in [low, high), milliseconds since 1970. */
  readonly low: number;
  readonly high: number;
}

export interface ConsentRules {
  /** The patient's id. */
  readonly patient: string;
  readonly rules: readonly ConsentRule[];
}

export const anyRequest: ConsentRequest = { actors: undefined, actions: undefined, purposes: undefined };

export const anyData: ConsentData = {
  types: undefined,
  profiles: undefined,
  documents: undefined,
  codes: undefined,
  labels: undefined,
  instances: undefined,
  related: undefined,
  dependents: undefined,
  authors: undefined,
  dataPeriod: undefined,
};
