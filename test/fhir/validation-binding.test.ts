import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
const condition = { resourceType: 'Condition', subject: { reference: 'Patient/1' } };
const statusSystem = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
const attachment = (rest: JsonObject): JsonObject => ({
  resourceType: 'Patient',
  photo: [{ url: 'http://e.org/p', ...rest }],
});

/** The findings as "severity code expression". */
function findings(resource: JsonObject, warnings = false): string[] {
  return validateResource(resource, { warnings }).map(
    ({ severity, code, expression }) => `${severity} ${code} ${expression?.[0]}`,
  );
}

describe('required bindings (https://hl7.org/fhir/R4/terminologies.html#required)', () => {
  test.each([
    ['a code', { ...observation, status: 'bad' }, 'Observation.status'],
    ['a code in the wrong case', { ...observation, status: 'Final' }, 'Observation.status'],
    [
      'a code in a list',
      { ...observation, effectiveTiming: { repeat: { dayOfWeek: ['mon', 'day'] } } },
      'Observation.effective.repeat.dayOfWeek[1]',
    ],
    ['a code in a data type', { resourceType: 'Patient', name: [{ use: 'work', text: 'x' }] }, 'Patient.name[0].use'],
    [
      'a concept of another system',
      { ...condition, clinicalStatus: { coding: [{ system: 'http://example.org', code: 'active' }] } },
      'Condition.clinicalStatus',
    ],
    [
      'a concept with an unknown code',
      { ...condition, clinicalStatus: { coding: [{ system: statusSystem, code: 'x' }] } },
      'Condition.clinicalStatus',
    ],
    [
      'a concept without system',
      { ...condition, clinicalStatus: { coding: [{ code: 'active' }] } },
      'Condition.clinicalStatus',
    ],
    ['a concept with text only', { ...condition, clinicalStatus: { text: 'active' } }, 'Condition.clinicalStatus'],
    ['a media type', attachment({ contentType: 'jpeg image' }), 'Patient.photo[0].contentType'],
    ['the maximum of a weaker binding', { ...observation, language: 'not a tag' }, 'Observation.language'],
    [
      'a code in a contained resource',
      { ...observation, subject: { reference: '#p' }, contained: [{ resourceType: 'Patient', id: 'p', gender: 'm' }] },
      'Observation.contained[0].gender',
    ],
  ] as [string, JsonObject, string][])('%s', (_rule, resource, expression) => {
    expect(findings(resource)).toEqual([`error code-invalid ${expression}`]);
  });

  test.each([
    [
      'one coding of several',
      {
        ...condition,
        clinicalStatus: {
          coding: [
            { system: 'http://example.org', code: 'a' },
            { system: statusSystem, code: 'active' },
          ],
        },
      },
    ],
    [
      'an extension instead of a code',
      {
        ...condition,
        clinicalStatus: {
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
        },
      },
    ],
    [
      'an extension instead of a primitive code',
      {
        resourceType: 'Patient',
        _gender: {
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
        },
      },
    ],
    ['a media type with parameters', attachment({ contentType: 'text/plain; charset=utf-8' })],
    ['a language', { ...observation, language: 'ar-JO' }],
  ] as [string, JsonObject][])('right: %s', (_rule, resource) => expect(findings(resource)).toEqual([]));

  test('the sentence lists the codes when they are few', () => {
    expect(validateResource({ resourceType: 'Patient', gender: 'f' })[0]?.diagnostics).toBe(
      'Patient.gender must have a code of http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1 (male, female, other, unknown), not "f".',
    );
  });
});

describe('extensible bindings are warnings, for $validate only', () => {
  const married = (system: string, code: string): JsonObject => ({
    resourceType: 'Patient',
    maritalStatus: { coding: [{ system, code }] },
  });
  const strange = married('http://example.org', 'wed');

  test('on a write', () => expect(findings(strange)).toEqual([]));
  test('in $validate', () => expect(findings(strange, true)).toEqual(['warning code-invalid Patient.maritalStatus']));
  test('a code of the value set', () =>
    expect(findings(married('http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', 'M'), true)).toEqual([]));
  test('text only', () =>
    expect(findings({ resourceType: 'Patient', maritalStatus: { text: 'wed' } }, true)).toEqual([]));
  test('a code of a system that is not known here', () =>
    expect(
      findings({ ...condition, code: { coding: [{ system: 'http://snomed.info/sct', code: '38341003' }] } }, true),
    ).toEqual([]));
});
