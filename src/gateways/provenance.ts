/**
 * Where the resources of a message come from: one Provenance for all that it changed. https://hl7.org/fhir/R4/provenance.html
 *
 * Its entity is the message of record; its agent the interface, named by its identifier: an Endpoint is no agent in R4.
 */
import type { JsonObject } from '../fhir/json.ts';
import { messageSystem } from './task.ts';

export const interfaceSystem = 'urn:makhbar:interface';
const participants = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';

export interface From {
  /** Of the message. */
  readonly id: string;
  /** `HL7 v2 ORU^R01` */
  readonly display: string;
}

export function provenance(
  { id: endpoint, name }: { readonly id: string; readonly name: string },
  { id, display }: From,
  target: JsonObject[],
): JsonObject {
  return {
    resourceType: 'Provenance',
    target,
    recorded: new Date().toISOString(),
    agent: [
      {
        type: { coding: [{ system: participants, code: 'assembler', display: 'Assembler' }] },
        who: { identifier: { system: interfaceSystem, value: endpoint }, display: name },
      },
    ],
    entity: [
      {
        role: 'source',
        what: { identifier: { system: messageSystem, value: id }, display },
      },
    ],
  };
}
