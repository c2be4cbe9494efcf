/** Resources that the tests of FHIRPath work on: every form of element that a path can meet. */
import type { JsonObject } from '../../src/fhir/json.ts';

export const patient: JsonObject = {
  resourceType: 'Patient',
  id: 'p1',
  contained: [{ resourceType: 'Organization', id: 'lab', name: 'Laboratory' }],
  active: true,
  name: [
    { use: 'official', family: 'Haddad', given: ['Salma', 'Nour'] },
    { use: 'usual', given: ['Sal'] },
    { use: 'maiden', family: 'Karam', given: ['Salma', 'Nour'] },
  ],
  telecom: [
    { system: 'phone', value: '+961 1 000 111', rank: 1 },
    { system: 'email', value: 'salma@example.org', rank: 2 },
  ],
  gender: 'female',
  birthDate: '1974-12-25',
  _birthDate: { extension: [{ url: 'http://example.org/birth-time', valueDateTime: '1974-12-25T14:35:45+02:00' }] },
  deceasedBoolean: false,
  multipleBirthInteger: 2,
  address: [
    { line: ['Hamra 5', null], _line: [null, { extension: [{ url: 'http://example.org/floor', valueString: '3' }] }] },
  ],
  contact: [
    {
      relationship: [{ coding: [{ code: 'N' }] }],
      _gender: { extension: [{ url: 'http://example.org/unknown', valueCode: 'asked' }] },
    },
  ],
  generalPractitioner: [
    { reference: 'Practitioner/7' },
    { reference: 'https://example.org/fhir/Organization/9/_history/2' },
  ],
  managingOrganization: { reference: '#lab' },
};

export const observation: JsonObject = {
  resourceType: 'Observation',
  id: 'o1',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject: { reference: 'Patient/p1' },
  effectiveDateTime: '2020-01-02T03:04:05+03:00',
  valueQuantity: { value: 185, unit: 'lbs', system: 'http://unitsofmeasure.org', code: '[lb_av]' },
  component: [
    { code: { text: 'a' }, valueQuantity: { value: 1.5, system: 'http://unitsofmeasure.org', code: 'g' } },
    { code: { text: 'b' }, valueString: 'x' },
  ],
};
