/**
 * Valid laboratory resources that the mutations start from: every kind of element occurs in at least one of them.
 *
 * HOSTILE_SEEDS names a folder of further resources (JSON), for a longer run on demand.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/fhir/json.ts';

const patient: JsonObject = {
  resourceType: 'Patient',
  meta: { tag: [{ system: 'http://example.org/tags', code: 'seed' }] },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>Seed</p></div>' },
  extension: [{ url: 'http://example.org/fhir/note', valueString: 'note' }],
  identifier: [{ use: 'official', system: 'urn:oid:2.16.840.1.113883.2.1', value: 'M-1' }],
  active: true,
  name: [
    {
      family: 'الخطيب',
      given: ['Amal', null],
      _given: [null, { extension: [{ url: 'http://example.org/x', valueCode: 'c' }] }],
    },
  ],
  telecom: [{ system: 'phone', value: '+20 2 123', rank: 1, period: { start: '2020-01-01' } }],
  gender: 'female',
  birthDate: '1980-02-29',
  _birthDate: {
    extension: [
      { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime', valueDateTime: '1980-02-29T10:20:00Z' },
    ],
  },
  multipleBirthInteger: 2,
  contained: [{ resourceType: 'Organization', id: 'lab', name: 'Laboratory' }],
  managingOrganization: { reference: '#lab' },
};

const observation: JsonObject = {
  resourceType: 'Observation',
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }], text: 'Hb' },
  subject: { reference: 'Patient/seed', display: 'Seed' },
  effectiveDateTime: '2024-05-06T07:08:09.123+03:00',
  issued: '2024-05-06T07:08:09.123+03:00',
  valueQuantity: { value: 7.2, comparator: '<', unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
  referenceRange: [{ low: { value: 12.0 }, high: { value: 16.5 }, text: '12.0-16.5' }],
  component: [
    { code: { text: 'part' }, valueSampledData: { origin: { value: 0 }, period: 10, dimensions: 1, data: '1 2 E' } },
  ],
};

const report: JsonObject = {
  resourceType: 'DiagnosticReport',
  status: 'final',
  code: { text: 'CBC' },
  subject: { reference: 'Patient/seed' },
  effectivePeriod: { start: '2024-01-01', end: '2024-01-02' },
  result: [{ reference: 'Observation/seed' }],
  presentedForm: [{ contentType: 'text/plain', data: 'c2VlZA==', size: 4 }],
};

const specimen: JsonObject = {
  resourceType: 'Specimen',
  accessionIdentifier: { value: 'S-1' },
  status: 'available',
  type: { text: 'Blood' },
  collection: {
    collectedDateTime: '2024-05-06',
    quantity: { value: 5, unit: 'mL' },
    duration: { value: 1, unit: 'min' },
  },
  container: [{ additiveReference: { reference: 'Substance/seed' } }],
};

const folder = process.env['HOSTILE_SEEDS'];
const further = (folder === undefined ? [] : readdirSync(folder)).filter((name) => name.endsWith('.json'));

export const seeds: readonly JsonObject[] = [
  patient,
  observation,
  report,
  specimen,
  ...further.map((name) => JSON.parse(readFileSync(join(folder ?? '', name), 'utf8')) as JsonObject),
];
