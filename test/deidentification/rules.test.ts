/** Nothing that could give away a person passes the rules, wherever it stands; and what passes is as it was. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deidentified } from '../../src/deidentification/deidentify.ts';
import { pseudonymsBy } from '../../src/deidentification/pseudonyms.ts';
import { exportedTypes, rules } from '../../src/deidentification/rules.ts';
import type { Project } from '../../src/deidentification/values.ts';
import { parseJson, serializeJson, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';
import { shapeOf } from '../../src/fhir/definitions.ts';
import { day, filled, secret } from './fill.ts';

const base = 'https://lab.example/demo/fhir';
const none = { countries: new Set<string>(), states: new Set<string>(), postalCodes: new Set<string>() };
const loinc = 'http://loinc.org';
const ucum = 'http://unitsofmeasure.org';

function project(more: Partial<Project> = {}, key = 'one'): Project {
  const pseudonyms = pseudonymsBy(Buffer.from(key.padEnd(32)));
  return {
    pseudonyms,
    dates: 'shift',
    base,
    moment: '2026-11-23T00:00:00.000Z',
    areas: none,
    shared: new Set(),
    ...more,
  };
}

function made(resource: JsonObject, more: Partial<Project> = {}, key = 'one'): JsonObject | undefined {
  return deidentified(resource, project(more, key));
}

describe.each(exportedTypes)('%s with something in every element', (type) => {
  test('gives away nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 20, maxLength: 60 }), fc.boolean(), (numbers, years) => {
        let at = 0;
        const pick = (below: number): number => (numbers[at++ % numbers.length] ?? 0) % below;
        const element = rules.patients.get(type) ?? '';
        const resource = { resourceType: type, ...filled(type, { pick, base }), id: `${secret}-1` } as JsonObject;
        if (element !== 'id') resource[element] = { reference: `Patient/${secret}`, display: secret };
        const result = made(resource, { dates: years ? 'year' : 'shift' });
        const text = serializeJson(result ?? {});
        expect(result?.['resourceType']).toBe(type);
        expect(text.toLowerCase()).not.toContain(secret);
        expect(text).not.toContain(day);
        if (years) expect(text).not.toMatch(/"\d{4}-\d\d/);
        expect(text).not.toMatch(
          /"(text|display|div|extension|identifier|contained|note)":(?!\[\{"url":"http:\/\/hl7)/,
        );
      }),
      { numRuns: 8 },
    );
  });
});

test('every rule names an element of FHIR, and of its type', () => {
  const wrong = (
    path: string,
    elements: typeof rules.resources extends ReadonlyMap<string, infer E> ? E : never,
  ): string[] =>
    elements.flatMap(({ name, members }) => {
      const property = shapeOf(path)?.properties.get(name);
      if (property === undefined) return [`${path}.${name}`];
      const inner = property.element.shape?.path ?? property.type.code;
      return members === undefined ? [] : wrong(inner, members);
    });
  expect([...rules.resources].flatMap(([type, elements]) => wrong(type, elements))).toEqual([]);
  expect([...rules.patients.keys()].sort()).toEqual([...exportedTypes].sort());
});

const subject = { reference: 'Patient/p' };
const code = { coding: [{ system: loinc, code: '2345-7', display: 'Glucose of Amal' }], text: 'Amal' };
const observed = (more: JsonObject): JsonObject => ({
  resourceType: 'Observation',
  id: 'o',
  status: 'final',
  code,
  subject,
  ...more,
});

/** [what, given, element, what is left of it] */
const cases: [string, JsonObject, string, JsonValue | undefined][] = [
  [
    'a published code stays, without its display',
    observed({}),
    'code',
    { coding: [{ system: loinc, code: '2345-7' }] },
  ],
  ['a concept without one is masked', observed({ code: { text: 'Amal' } }), 'code', masked()],
  [
    'what is no code of its system goes',
    observed({ code: { coding: [{ system: loinc, code: 'A-1' }] } }),
    'code',
    masked(),
  ],
  [
    'a code of the laboratory goes',
    observed({ method: { coding: [{ system: 'urn:lab', code: 'x' }] } }),
    'method',
    undefined,
  ],
  ['a text goes', observed({ valueString: 'Amal' }), 'valueString', undefined],
  [
    'a unit in words takes its number along',
    observed({ valueQuantity: { value: 1, unit: 'Amal' } }),
    'valueQuantity',
    undefined,
  ],
  [
    'an annotation of a unit too',
    observed({ valueQuantity: { value: 1, system: ucum, code: '{Amal}' } }),
    'valueQuantity',
    undefined,
  ],
  ['a great age goes', observed({ valueQuantity: { value: 90, system: ucum, code: 'a' } }), 'valueQuantity', undefined],
  [
    'another does not',
    observed({ valueQuantity: { value: 89, system: ucum, code: 'a' } }),
    'valueQuantity',
    { value: 89, unit: 'a', system: ucum, code: 'a' },
  ],
  ['a month becomes a year', observed({ effectiveDateTime: '2024-03' }), 'effectiveDateTime', '2024'],
  ['who did it goes', observed({ performer: [{ reference: 'Practitioner/1' }] }), 'performer', undefined],
  ['a device goes', observed({ device: { reference: 'Device/1' } }), 'device', undefined],
  ['a year of birth stays', { resourceType: 'Patient', id: 'p', birthDate: '1980-05-06' }, 'birthDate', '1980'],
  ['that of the old does not', { resourceType: 'Patient', id: 'p', birthDate: '1936-05-06' }, 'birthDate', undefined],
  ['and is said to be left out', { resourceType: 'Patient', id: 'p', birthDate: '1936-05-06' }, '_birthDate', masked()],
];

function masked(): JsonObject {
  return { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }] };
}

test.each(cases)('%s', (_what, given, element, expected) => {
  expect(made(given)?.[element]).toEqual(expected);
});

test('what names no patient of this laboratory is left out as a whole', () => {
  const strange = ['Group/1', 'https://other.example/Patient/p', '#p', 'urn:uuid:0197a7e0-0000-7000-8000-000000000001'];
  for (const reference of strange) expect(made(observed({ subject: { reference } }))).toBeUndefined();
  expect(made({ resourceType: 'Observation', id: 'o', status: 'final', code })).toBeUndefined();
  expect(made({ resourceType: 'Practitioner', id: 'o' })).toBeUndefined();
});

test('decimals keep their digits', () => {
  const text = `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1.500,"system":"${ucum}","code":"mg/L"},"component":[{"code":{"text":"x"},"valueQuantity":{"value":0.10000000000000000001}}]}`;
  const result = serializeJson(made(parseJson(text) as JsonObject) ?? {});
  expect(result).toContain('"value":1.500,');
  expect(result).toContain('"value":0.10000000000000000001}');
});

test('a patient is one patient in all of a project, and another in every other', () => {
  const patient: JsonObject = { resourceType: 'Patient', id: 'p' };
  const id = made(patient)?.['id'];
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  for (const reference of ['Patient/p', `${base}/Patient/p`, 'Patient/p/_history/3']) {
    expect(made(observed({ subject: { reference } }))?.['subject']).toEqual({ reference: `Patient/${String(id)}` });
  }
  expect(made(patient, {}, 'two')?.['id']).not.toBe(id);
  expect(made({ resourceType: 'Observation', ...observed({ id: 'p' }) })?.['id']).not.toBe(id);
});

test('dates of a patient move by the same days, and keep their distance and their time', () => {
  const at = (effective: string): string =>
    String(made(observed({ effectiveDateTime: effective }))?.['effectiveDateTime']);
  const days = (text: string): number => Date.parse(`${text.slice(0, 10)}T00:00:00Z`) / 86_400_000;
  const [first, second] = [at('2024-02-29T23:59:59.5+03:00'), at('2024-03-01')];
  expect(first.slice(10)).toBe('T23:59:59.5+03:00');
  expect(days(second) - days(first)).toBe(1);
  expect(days('2024-03-01') - days(second)).toBeGreaterThanOrEqual(1);
  expect(days('2024-03-01') - days(second)).toBeLessThanOrEqual(365);
});

test('an area is named as far as many share it', () => {
  const address = [{ country: 'KE', state: 'Nairobi', postalCode: '00100', city: 'Nairobi', line: ['Amal Road 1'] }];
  const areas = (countries: string[], states: string[], postalCodes: string[]): Partial<Project> => ({
    areas: { countries: new Set(countries), states: new Set(states), postalCodes: new Set(postalCodes) },
  });
  const left = (more: Partial<Project>): unknown =>
    made({ resourceType: 'Patient', id: 'p', address }, more)?.['address'];
  expect(left({})).toBeUndefined();
  expect(left(areas(['KE'], [], ['KE|Nairobi|001']))).toEqual([{ country: 'KE' }]);
  expect(left(areas(['KE'], ['KE|Nairobi'], []))).toEqual([{ country: 'KE', state: 'Nairobi' }]);
  expect(left(areas(['KE'], ['KE|Nairobi'], ['KE|Nairobi|001']))).toEqual([
    { country: 'KE', state: 'Nairobi', postalCode: '001' },
  ]);
});
