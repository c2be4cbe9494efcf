/** What few patients have is told less exactly, or not at all. */
import { expect, test } from '@jest/globals';
import { deidentified } from '../../src/deidentification/deidentify.ts';
import { pseudonymsBy } from '../../src/deidentification/pseudonyms.ts';
import { sharedAmong, sharedCodes, type CodeCount } from '../../src/deidentification/shared-codes.ts';

const icd = 'http://hl7.org/fhir/sid/icd-10';
const atc = 'http://www.whocc.no/atc';
const snomed = 'http://snomed.info/sct';

function counts(system: string, patients: Readonly<Record<string, string>>, least: number): CodeCount[] {
  return Object.entries(patients).map(([code, who]) => ({
    system,
    code,
    ...(who.length < least ? { who: [...who] } : { who: undefined }),
  }));
}

/** [what, system, code → its patients, a letter each; what each code is told as where three must share it] */
const cases: [string, string, Record<string, string>, Record<string, string | undefined>][] = [
  ['what enough have', icd, { 'E11.9': 'abc' }, { 'E11.9': 'E11.9' }],
  [
    'what few have, by its category',
    icd,
    { 'E11.9': 'a', 'E11.65': 'bc' },
    { 'E11.9': 'E11', 'E11.65': 'E11', E11: 'E11' },
  ],
  [
    'not where those left over are too few, whatever else the category has',
    icd,
    { 'E11.9': 'abcd', 'E11.65': 'e' },
    { 'E11.9': 'E11.9', 'E11.65': undefined, E11: undefined },
  ],
  ['one patient twice is one', icd, { 'E11.9': 'ab', 'E11.65': 'ab' }, { 'E11.9': undefined, 'E11.65': undefined }],
  ['the category itself counts too', icd, { E11: 'ab', 'E11.65': 'c' }, { E11: 'E11', 'E11.65': 'E11' }],
  ['what joins a category that enough have', icd, { E11: 'abc', 'E11.65': 'd' }, { E11: 'E11', 'E11.65': 'E11' }],
  [
    'level by level',
    atc,
    { A10BA02: 'a', A10BB01: 'b', A10AB01: 'c', A10AB04: 'def' },
    { A10BA02: 'A10', A10BB01: 'A10', A10AB01: 'A10', A10AB04: 'A10AB04', C01AA05: undefined },
  ],
  ['a system without categories', snomed, { '73211009': 'abc', '190330002': 'a' }, { '190330002': undefined }],
  ['a code that was not counted', icd, { 'E11.9': 'abc' }, { 'C50.1': undefined }],
];

test.each(cases)('%s', (_what, system, patients, expected) => {
  const shared = new Set(sharedCodes(counts(system, patients, 3), 3));
  const told = Object.keys(expected).map((code) => [code, sharedAmong(shared, { system, code })?.code]);
  expect(Object.fromEntries(told)).toEqual(expected);
});

test('every diagnosis, reason, medication, vaccine and coded result is told so, and a test is not', () => {
  const coding = (code: string): object => ({ coding: [{ system: icd, code }] });
  const given = { id: '1', status: 'final', subject: { reference: 'Patient/p' }, patient: { reference: 'Patient/p' } };
  const project = {
    ...{ pseudonyms: pseudonymsBy(Buffer.alloc(32)), dates: 'year' as const, base: '', moment: '2026-01-01T00:00:00Z' },
    areas: { countries: new Set<string>(), states: new Set<string>(), postalCodes: new Set<string>() },
    shared: new Set([`${icd}|E11`]),
  };
  const places: [string, string][] = [
    ...['AllergyIntolerance', 'Condition', 'Procedure'].map((type): [string, string] => [type, 'code']),
    ...['MedicationRequest', 'MedicationStatement'].map((type): [string, string] => [
      type,
      'medicationCodeableConcept',
    ]),
    ...['Encounter', 'MedicationRequest', 'MedicationStatement', 'Procedure', 'ServiceRequest'].map(
      (type): [string, string] => [type, 'reasonCode'],
    ),
    ['DiagnosticReport', 'conclusionCode'],
    ['Immunization', 'vaccineCode'],
    ['Observation', 'valueCodeableConcept'],
  ];
  const required = { intent: 'order', class: { system: icd, code: 'A00' }, occurrenceDateTime: '2020' };
  for (const [resourceType, element] of places) {
    const more = { code: coding('A00'), medicationCodeableConcept: coding('A00'), vaccineCode: coding('A00') };
    const resource = { resourceType, ...given, ...required, ...more, [element]: coding('E11.65') };
    expect([resourceType, element, deidentified(resource as never, project)?.[element]]).toEqual([
      ...[resourceType, element],
      coding('E11'),
    ]);
  }
  const observation = { resourceType: 'Observation', ...given, code: coding('E11.65') };
  expect(deidentified(observation as never, project)?.['code']).toEqual(coding('E11.65'));
});
