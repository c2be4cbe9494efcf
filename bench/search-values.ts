/**
 * The values that searches ask for, drawn from the generated data, so that each name is true in every run: codes that
 * one patient in two has are frequent, one in seven mid-frequency, one in two thousand rare.
 */
import type { JsonObject } from '../src/fhir/json.ts';
import { panels, rare, singles } from './catalog.ts';
import { chronicPatients, identifierSystem, patientResources } from './generate.ts';

export interface DrawnPatient {
  id: string;
  identifier: string;
  family: string;
  /** Of one of the patient's results. */
  code: string;
}

/** Tests that every order of their panel has, as a search value. */
export const frequentCodes: readonly string[] = panels
  .slice(0, 2)
  .flatMap(({ tests }) => tests.slice(0, 4).map(({ code }) => loinc(code)));

export const midCodes: readonly string[] = singles.map(({ code }) => loinc(code));

export const rareCode = loinc(rare.code);

const ucum = 'http://unitsofmeasure.org';

/** Code and value with unit, also in a unit other than the stored one; about one result in twenty. */
export const codesWithValues: readonly (readonly [code: string, value: string])[] = [
  [loinc('2823-3'), `gt5.1|${ucum}|mmol/L`],
  [loinc('2823-3'), `gt5100|${ucum}|umol/L`],
  [loinc('718-7'), `lt12.0|${ucum}|g/dL`],
  [loinc('718-7'), `lt120|${ucum}|g/L`],
  [loinc('2345-7'), `gt105|${ucum}|mg/dL`],
];

/** Systolic pressures above a limit, from one component. */
export const components: readonly string[] = [130, 132, 134, 136].map(
  (limit) => `${loinc('8480-6')}$gt${limit}|${ucum}|mm[Hg]`,
);

function loinc(code: string): string {
  return `http://loinc.org|${code}`;
}

/** Patients spread evenly over the data set. */
export function drawPatients(patients: number, count = 50): DrawnPatient[] {
  const step = (patients - chronicPatients) / count;
  return Array.from({ length: count }, (_, i) => drawn(chronicPatients + Math.floor(i * step)));
}

interface Coded extends JsonObject {
  code: { coding: { code: string }[] };
}

function drawn(n: number): DrawnPatient {
  const resources = patientResources(n);
  const [patient] = resources as [{ id: string; name: { family: string }[] }];
  const result = resources.find((resource) => resource['resourceType'] === 'Observation') as Coded;
  return {
    id: patient.id,
    identifier: `${identifierSystem}|P${String(n).padStart(7, '0')}`,
    family: patient.name[0]?.family ?? '',
    code: loinc(result.code.coding[0]?.code ?? ''),
  };
}
