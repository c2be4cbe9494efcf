/** Why a specimen is rejected: codes of HL7 table 0490. http://terminology.hl7.org/CodeSystem/v2-0490 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';

const system = 'http://terminology.hl7.org/CodeSystem/v2-0490';

export const rejections: Readonly<Record<string, string>> = {
  EX: 'Expired',
  QS: 'Quantity not sufficient',
  RA: 'Missing patient ID number',
  RB: 'Broken container',
  RC: 'Clotting',
  RD: 'Missing collection date',
  RE: 'Missing patient name',
  RH: 'Hemolysis',
  RI: 'Identification problem',
  RM: 'Labeling',
  RN: 'Contamination',
  RP: 'Missing phlebotomist ID',
  RR: 'Improper storage',
  RS: 'Name misspelling',
};

/** @throws OutcomeError `code-invalid` (422) for another code. */
export function rejectionConcept(code: string, text: string | undefined): JsonObject {
  const display = Object.hasOwn(rejections, code) ? rejections[code] : undefined;
  if (display === undefined) {
    const known = Object.keys(rejections).join(', ');
    throw outcomeError('code-invalid', `"${code.slice(0, 40)}" is no reason of a rejection; there are ${known}.`);
  }
  return { coding: [{ system, code, display }], text: text ?? display };
}
