import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { heldProfile, ownProfiles } from '../../src/fhir/profiles.ts';
import { validateForOperation } from '../../src/fhir/validation/operation.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';

const R4 = 'http://hl7.org/fhir/StructureDefinition/';
const LABORATORY = 'urn:makhbar:profile:laboratory-observation';

type Findings = string[];

function shown(issues: ReturnType<typeof validateResource>): Findings {
  return issues.map(({ severity, code, expression }) => `${severity} ${code} ${expression?.[0]}`);
}

const named = (resource: JsonObject, ...profile: string[]): JsonObject => ({ ...resource, meta: { profile } });

const result: JsonObject = {
  resourceType: 'Observation',
  status: 'final',
  category: [
    { text: 'morning round' },
    {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory', display: 'Lab' },
      ],
    },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: 'Patient/1' },
  effectiveDateTime: '2024-01-01T10:00:00+03:00',
  valueQuantity: { value: 13.2, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
};

describe('the profile of a laboratory observation', () => {
  const without = (...names: string[]): JsonObject =>
    Object.fromEntries(Object.entries(result).filter(([name]) => !names.includes(name)));
  const check = (resource: JsonObject): Findings => shown(validateResource(named(resource, LABORATORY)));

  test('is itself a valid StructureDefinition', () => {
    for (const profile of ownProfiles().values()) expect(validateResource(profile)).toEqual([]);
  });

  test.each<[string, JsonObject, ...string[]]>([
    ['a complete result', result],
    ['a final result without value', without('valueQuantity'), 'error invariant Observation'],
    ['a final result with the reason why', { ...without('valueQuantity'), dataAbsentReason: { text: 'clotted' } }],
    ['a registered one without value', { ...without('valueQuantity'), status: 'registered' }],
    ['no subject', without('subject'), 'error required Observation.subject'],
    ['no time', without('effectiveDateTime'), 'error required Observation.effective'],
    [
      'an instant',
      { ...without('effectiveDateTime'), effectiveInstant: '2024-01-01T10:00:00Z' },
      'error structure Observation.effective',
    ],
    ['a period', { ...without('effectiveDateTime'), effectivePeriod: { start: '2024-01-01' } }],
    ['no category', without('category'), 'error required Observation.category', 'error required Observation.category'],
    ['another category', { ...result, category: [{ text: 'x' }] }, 'error required Observation.category'],
    [
      'the category twice',
      { ...result, category: [1, 1].map(() => (result['category'] as JsonObject[])[1]!) },
      'error structure Observation.category',
    ],
    ['a code without coding', { ...result, code: { text: 'Hb' } }, 'error required Observation.code.coding'],
    [
      'a coding without system',
      { ...result, code: { coding: [{ code: 'x' }] } },
      'error required Observation.code.coding[0].system',
    ],
    [
      'a contained result is checked too',
      {
        ...result,
        hasMember: [{ reference: '#m' }],
        contained: [named({ ...without('subject'), id: 'm' }, LABORATORY)],
      },
      'error required Observation.contained[0].subject',
    ],
  ])('%s', (_name, resource, ...findings) => expect(check(resource)).toEqual(findings));

  test('what is only recommended is a warning, given by $validate', () => {
    const unitless = named({ ...result, valueQuantity: { value: 13.2, unit: 'g/dL' } }, LABORATORY);
    expect(validateResource(unitless)).toEqual([]);
    expect(shown(validateForOperation(unitless))).toEqual(['warning invariant Observation.value']);
  });

  test('a version that is not held is not checked', () => {
    expect(heldProfile(`${LABORATORY}|1.0.0`)).toBeDefined();
    expect(heldProfile(`${LABORATORY}|0.9.0`)).toBeUndefined();
    expect(validateResource(named(without('subject'), `${LABORATORY}|0.9.0`))).toEqual([]);
  });
});

describe('the profiles of R4: blood pressure on vital signs, with slices within slices', () => {
  const component = (code: string, value: JsonObject): JsonObject => ({
    code: {
      coding: [
        { system: 'http://example.org', code: 'x' },
        { system: 'http://loinc.org', code },
      ],
    },
    ...value,
  });
  const millimetres = {
    valueQuantity: { value: 120, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
  };
  const pressure: JsonObject = {
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
    subject: { reference: 'Patient/1' },
    effectiveDateTime: '2024-01-01',
    component: [component('8480-6', millimetres), component('8462-4', millimetres)],
  };
  const check = (resource: JsonObject): Findings => shown(validateResource(named(resource, `${R4}bp`)));

  test.each<[string, JsonObject, ...string[]]>([
    ['both pressures', pressure],
    [
      'one pressure',
      { ...pressure, component: [component('8480-6', millimetres)] },
      'error required Observation.component',
      'error required Observation.component',
    ],
    [
      'another unit',
      {
        ...pressure,
        component: [
          component('8480-6', millimetres),
          component('8462-4', {
            valueQuantity: { value: 1, unit: 'kPa', system: 'http://unitsofmeasure.org', code: 'kPa' },
          }),
        ],
      },
      'error code-invalid Observation.component[1].value',
      'error value Observation.component[1].value.code',
    ],
    [
      'another code',
      { ...pressure, code: { coding: [{ system: 'http://loinc.org', code: '1-8' }] } },
      'error required Observation.code.coding',
    ],
    [
      'what the base profile demands',
      { ...pressure, category: [{ text: 'x' }] },
      'error required Observation.category',
    ],
    [
      'an element that is not allowed',
      { ...pressure, valueQuantity: millimetres.valueQuantity },
      'error structure Observation.value',
    ],
  ])('%s', (_name, resource, ...findings) => expect(check(resource)).toEqual(findings));
});

/** A profile of Patient with these elements, as if sent along. */
function source(...profiles: JsonObject[]): (url: string) => JsonObject | undefined {
  return (url) => profiles.find((profile) => profile['url'] === url);
}

function profileOf(element: JsonObject[], rest: JsonObject = {}): JsonObject {
  return {
    resourceType: 'StructureDefinition',
    url: 'http://example.org/P',
    type: 'Patient',
    baseDefinition: `${R4}Patient`,
    derivation: 'constraint',
    differential: { element },
    ...rest,
  };
}

const sliced = (path: string, discriminator: JsonObject[], rest: JsonObject = {}): JsonObject => ({
  id: path,
  path,
  slicing: { discriminator, rules: 'open', ...rest },
});

describe('rules', () => {
  const patient = { resourceType: 'Patient' };
  const check = (element: JsonObject[], resource: JsonObject, ...more: JsonObject[]): Findings =>
    shown(
      validateResource(named(resource, 'http://example.org/P'), { profileSource: source(profileOf(element), ...more) }),
    );
  const at = (path: string, rest: JsonObject): JsonObject => ({ id: path, path, ...rest });

  test.each<[string, JsonObject[], JsonObject, ...string[]]>([
    ['minimum', [at('Patient.name', { min: 2 })], { ...patient, name: [{ text: 'a' }] }, 'error required Patient.name'],
    ['minimum below an element that is absent', [at('Patient.name.family', { min: 1 })], patient],
    [
      'minimum below an element',
      [at('Patient.name.family', { min: 1 })],
      { ...patient, name: [{ text: 'a' }] },
      'error required Patient.name[0].family',
    ],
    [
      'maximum',
      [at('Patient.name', { max: '1' })],
      { ...patient, name: [{ text: 'a' }, { text: 'b' }] },
      'error structure Patient.name',
    ],
    [
      'forbidden',
      [at('Patient.photo', { max: '0' })],
      { ...patient, photo: [{ url: 'x' }] },
      'error structure Patient.photo',
    ],
    [
      'fixed value',
      [at('Patient.active', { fixedBoolean: true })],
      { ...patient, active: false },
      'error value Patient.active',
    ],
    [
      'fixed object: nothing more',
      [at('Patient.name', { fixedHumanName: { family: 'a' } })],
      { ...patient, name: [{ family: 'a', text: 'b' }] },
      'error value Patient.name[0]',
    ],
    [
      'pattern: more is right',
      [at('Patient.name', { patternHumanName: { family: 'a' } })],
      { ...patient, name: [{ family: 'a', text: 'b' }] },
    ],
    [
      'pattern',
      [at('Patient.name', { patternHumanName: { family: 'a' } })],
      { ...patient, name: [{ family: 'b' }] },
      'error value Patient.name[0]',
    ],
    [
      'pattern of a list',
      [at('Patient.name', { patternHumanName: { given: ['b'] } })],
      { ...patient, name: [{ given: ['a', 'b'] }] },
    ],
    [
      'types of a choice',
      [at('Patient.deceased[x]', { type: [{ code: 'boolean' }] })],
      { ...patient, deceasedDateTime: '2020' },
      'error structure Patient.deceased',
    ],
    [
      'one type of a choice forbidden',
      [at('Patient.deceasedDateTime', { max: '0' })],
      { ...patient, deceasedDateTime: '2020' },
      'error structure Patient.deceased',
    ],
    [
      'targets of a reference',
      [at('Patient.generalPractitioner', { type: [{ code: 'Reference', targetProfile: [`${R4}Organization`] }] })],
      { ...patient, generalPractitioner: [{ reference: 'Practitioner/1' }] },
      'error structure Patient.generalPractitioner[0].reference',
    ],
    [
      'binding',
      [
        at('Patient.maritalStatus', {
          binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/marital-status' },
        }),
      ],
      { ...patient, maritalStatus: { coding: [{ system: 'x', code: 'M' }] } },
      'error code-invalid Patient.maritalStatus',
    ],
    [
      'constraint',
      [at('Patient', { constraint: [{ key: 'c', severity: 'error', human: 'h', expression: 'name.exists()' }] })],
      patient,
      'error invariant Patient',
    ],
    [
      'constraint on an element',
      [
        at('Patient.name', {
          constraint: [{ key: 'c', severity: 'error', human: 'h', expression: 'family.exists()' }],
        }),
      ],
      { ...patient, name: [{ text: 'a' }] },
      'error invariant Patient.name[0]',
    ],
    [
      'a constraint outside of the language holds',
      [at('Patient', { constraint: [{ key: 'c', severity: 'error', human: 'h', expression: 'a b c(' }] })],
      patient,
    ],
    [
      'extension of a primitive',
      [at('Patient.birthDate.extension', { min: 1 })],
      { ...patient, birthDate: '2020' },
      'error required Patient.birthDate.extension',
    ],
    [
      'profile of a data type',
      [at('Patient.multipleBirth[x]', { type: [{ code: 'integer' }] })],
      { ...patient, multipleBirthInteger: 1 },
    ],
  ])('%s', (_name, element, resource, ...findings) => expect(check(element, resource)).toEqual(findings));

  const phone: JsonObject[] = [
    sliced('Patient.telecom', [{ type: 'value', path: 'system' }], { rules: 'closed' }),
    at('Patient.telecom:phone', { path: 'Patient.telecom', sliceName: 'phone', min: 1, max: '1' }),
    at('Patient.telecom:phone.system', { path: 'Patient.telecom.system', min: 1, fixedCode: 'phone' }),
    at('Patient.telecom:phone.value', { path: 'Patient.telecom.value', min: 1 }),
    at('Patient.telecom:mail', { path: 'Patient.telecom', sliceName: 'mail' }),
    at('Patient.telecom:mail.system', { path: 'Patient.telecom.system', fixedCode: 'email' }),
  ];
  const byExistence: JsonObject[] = [
    sliced('Patient.contact', [{ type: 'exists', path: 'organization' }]),
    at('Patient.contact:firm', { path: 'Patient.contact', sliceName: 'firm', max: '1' }),
    at('Patient.contact:firm.organization', { path: 'Patient.contact.organization', min: 1 }),
    at('Patient.contact:person', { path: 'Patient.contact', sliceName: 'person', min: 1 }),
    at('Patient.contact:person.organization', { path: 'Patient.contact.organization', max: '0' }),
  ];
  const byType: JsonObject[] = [
    sliced('Patient.deceased[x]', [{ type: 'type', path: '$this' }]),
    at('Patient.deceased[x]:deceasedDateTime', {
      path: 'Patient.deceased[x]',
      sliceName: 'deceasedDateTime',
      type: [{ code: 'dateTime' }],
      min: 1,
    }),
  ];
  const byExtension: JsonObject[] = [
    at('Patient.extension:place', {
      path: 'Patient.extension',
      sliceName: 'place',
      min: 1,
      type: [{ code: 'Extension', profile: [`${R4}patient-birthPlace`] }],
    }),
  ];
  const place = { url: `${R4}patient-birthPlace`, valueAddress: { city: 'Amman' } };
  const firm = { organization: { reference: 'Organization/1' } };

  test.each<[string, JsonObject[], JsonObject, ...string[]]>([
    [
      'value: all slices',
      phone,
      {
        telecom: [
          { system: 'email', value: 'a' },
          { system: 'phone', value: '1' },
        ],
      },
    ],
    [
      'value: a slice is missing',
      phone,
      { telecom: [{ system: 'email', value: 'a' }] },
      'error required Patient.telecom',
    ],
    [
      'value: a slice too often',
      phone,
      {
        telecom: [
          { system: 'phone', value: '1' },
          { system: 'phone', value: '2' },
        ],
      },
      'error structure Patient.telecom',
    ],
    [
      'value: a rule within a slice',
      phone,
      { telecom: [{ system: 'phone', use: 'work' }] },
      'error required Patient.telecom[0].value',
    ],
    [
      'closed: none of the slices',
      phone,
      {
        telecom: [
          { system: 'phone', value: '1' },
          { system: 'fax', value: '2' },
        ],
      },
      'error structure Patient.telecom[1]',
    ],
    ['exists: both', byExistence, { contact: [firm, { name: { text: 'a' } }] }],
    ['exists: a slice is missing', byExistence, { contact: [firm] }, 'error required Patient.contact'],
    [
      'exists: a slice too often',
      byExistence,
      { contact: [firm, firm, { name: { text: 'a' } }] },
      'error structure Patient.contact',
    ],
    ['type', byType, { deceasedDateTime: '2020' }],
    ['type: another', byType, { deceasedBoolean: true }, 'error required Patient.deceased'],
    [
      'extension by its profile',
      byExtension,
      { extension: [{ url: 'http://example.org/x', valueString: 'y' }, place] },
    ],
    [
      'extension by its profile: missing',
      byExtension,
      { extension: [{ url: 'http://example.org/x', valueString: 'y' }] },
      'error required Patient.extension',
    ],
  ])('slices by %s', (_name, element, members, ...findings) =>
    expect(check(element, { ...patient, ...members })).toEqual(findings),
  );

  test('a snapshot is used where there is no differential', () => {
    const profile = profileOf([], {
      snapshot: {
        element: [
          { id: 'Patient', path: 'Patient' },
          { id: 'Patient.name', path: 'Patient.name', min: 1 },
        ],
      },
    });
    delete profile['differential'];
    expect(shown(validateResource(named(patient, 'http://example.org/P'), { profileSource: source(profile) }))).toEqual(
      ['error required Patient.name'],
    );
  });

  test('profiles that build on each other without end are left', () => {
    const circular = profileOf([at('Patient.name', { min: 1 })], { baseDefinition: 'http://example.org/P' });
    const findings = validateResource(named(patient, 'http://example.org/P'), { profileSource: source(circular) });
    expect(new Set(shown(findings))).toEqual(new Set(['error required Patient.name']));
  });
});

describe('extensions that R4 defines are as defined', () => {
  const nationality = (inner: JsonObject[]): JsonObject => ({ url: `${R4}patient-nationality`, extension: inner });
  const code = { url: 'code', valueCodeableConcept: { text: 'JO' } };
  test.each<[string, JsonObject, ...string[]]>([
    ['right', { url: `${R4}patient-birthPlace`, valueAddress: { city: 'Amman' } }],
    [
      'of another type',
      { url: `${R4}patient-birthPlace`, valueString: 'Amman' },
      'error structure Patient.extension[0].value',
    ],
    ['nested', nationality([code])],
    ['nested twice', nationality([code, code]), 'error structure Patient.extension[0].extension'],
    [
      'nested, of another type',
      nationality([{ url: 'code', valueString: 'JO' }]),
      'error structure Patient.extension[0].extension[0].value',
    ],
    ['unknown', { url: `${R4}something-of-a-later-release`, valueString: 'x' }],
    ['of others', { url: 'http://example.org/x', valueString: 'x' }],
  ])('%s', (_name, extension, ...findings) => {
    expect(shown(validateResource({ resourceType: 'Patient', extension: [extension] }))).toEqual(findings);
  });
});

describe('which profiles are checked', () => {
  const patient = { resourceType: 'Patient', id: 'p' };
  test.each<[string, JsonObject, JsonObject, ...string[]]>([
    [
      'one that is not held, in meta.profile',
      named(patient, 'http://example.org/unknown'),
      {},
      'warning not-supported Patient',
    ],
    [
      'one that is not held, asked for',
      patient,
      { profile: 'http://example.org/unknown' },
      'error not-supported Patient',
    ],
    ['the base definition of its type', named(patient, `${R4}Patient`), {}],
    ['the base definition of all', named(patient, `${R4}DomainResource`), {}],
    ['the base definition of another type', named(patient, `${R4}Observation`), {}, 'error invalid Patient'],
    ['a profile of another type', named(patient, LABORATORY), {}, 'error invalid Patient'],
    [
      'one that is asked for',
      { ...result, subject: { display: 'x' }, effectiveDateTime: '2020', category: [] },
      { profile: LABORATORY },
      'error structure Observation.category',
      'error required Observation.category',
      'error required Observation.category',
    ],
    ['mode profile without a profile', patient, { mode: 'profile' }, 'error required Patient'],
    ['an update without id', { resourceType: 'Patient' }, { mode: 'update', id: 'p' }, 'error required Patient.id'],
    ['an update of another id', patient, { mode: 'update', id: 'q' }, 'error invalid Patient.id'],
    ['an update', patient, { mode: 'update', id: 'p' }],
    ['a creation', { resourceType: 'Patient' }, { mode: 'create', type: 'Patient' }],
    ['another type than the one called', patient, { type: 'Observation' }, 'error invalid Patient'],
  ])('%s', (_name, resource, options, ...findings) =>
    expect(shown(validateForOperation(resource, options))).toEqual(findings),
  );

  test('a write says nothing of a profile that is not held', () => {
    expect(validateResource(named(patient, 'http://example.org/unknown'))).toEqual([]);
  });
});
