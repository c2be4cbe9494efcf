/**
 * Builds what the first write would have to wait for (the index of the definitions, the most used types, units):
 * 0.2 s that would else be part of the first answer.
 */
import type { JsonObject } from '../fhir/json.ts';
import { validateResource } from '../fhir/validation/validate.ts';
import { extract } from '../search/extract.ts';
import { defaultParameters } from '../search/parameters.ts';

const samples: readonly JsonObject[] = [
  {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
    valueQuantity: { value: 4.1, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
  },
  { resourceType: 'Patient', birthDate: '1987-03-09' },
];

export function warmUp(): void {
  for (const sample of samples) {
    validateResource(sample);
    extract(sample, defaultParameters);
  }
}
