/** The chain of custody: a Provenance for each step of a specimen. https://hl7.org/fhir/R4/provenance.html */
import type { JsonObject } from '../fhir/json.ts';

export interface Custody {
  /** Specimens and orders that the step changed: `Specimen/1`. */
  readonly targets: readonly string[];
  /** `accession`, or a step of specimen-states.ts. */
  readonly step: string;
  readonly recorded: string;
  /** When it was done; when it was recorded without it. */
  readonly occurred?: string;
  /** `Practitioner/1`, where the person is one here. */
  readonly fhirUser?: string;
  readonly subject: string;
  readonly reason?: JsonObject;
  readonly location?: string;
  /** What the targets were made of: `Specimen/1`. */
  readonly sources?: readonly string[];
}

export function custodyOf(custody: Custody): JsonObject {
  const { targets, step, recorded, occurred = recorded, fhirUser, subject, reason, location, sources = [] } = custody;
  const who = fhirUser === undefined ? { identifier: { value: subject }, display: subject } : { reference: fhirUser };
  return {
    resourceType: 'Provenance',
    target: targets.map((reference) => ({ reference })),
    occurredDateTime: occurred,
    recorded,
    ...(location !== undefined && { location: { reference: location } }),
    ...(reason !== undefined && { reason: [reason] }),
    activity: { coding: [{ system: 'urn:makhbar:specimen-step', code: step }] },
    agent: [{ type: { text: 'performer' }, who }],
    ...(sources.length > 0 && {
      entity: sources.map((reference) => ({ role: 'source', what: { reference } })),
    }),
  };
}
