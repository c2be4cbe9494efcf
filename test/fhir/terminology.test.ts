import { describe, expect, test } from '@jest/globals';
import { resourceTypes, shapeOf } from '../../src/fhir/definitions.ts';
import { ancestorsOf, codesOf, descendantsOf, memberOf, subsumedBy, systemsOf } from '../../src/fhir/terminology.ts';

const valueSet = (name: string): string => `http://hl7.org/fhir/ValueSet/${name}`;
const v3 = (name: string): string => `http://terminology.hl7.org/CodeSystem/v3-${name}`;

describe('membership (https://hl7.org/fhir/R4/valueset.html)', () => {
  test.each([
    ['whole system', 'observation-status', undefined, 'final', true],
    ['whole system, unknown code', 'observation-status', undefined, 'finished', false],
    ['codes are case-sensitive', 'observation-status', undefined, 'Final', false],
    ['version in the canonical', 'observation-status|4.0.1', undefined, 'final', true],
    ['right system', 'observation-status', 'http://hl7.org/fhir/observation-status', 'final', true],
    ['wrong system', 'observation-status', 'http://hl7.org/fhir/other', 'final', false],
    ['no system in a Coding', 'observation-status', '', 'final', false],
    ['listed concepts', 'units-of-time', undefined, 'min', true],
    ['not among the listed', 'units-of-time', undefined, 'ms', false],
    ['nested concepts', 'observation-interpretation', v3('ObservationInterpretation'), 'HH', true],
    ['two systems', 'marital-status', v3('NullFlavor'), 'UNK', true],
    ['one of a system that is listed in part', 'marital-status', v3('NullFlavor'), 'ASKU', false],
    ['imported value sets', 'all-types', undefined, 'Observation', true],
    ['imported value sets, data type', 'all-types', undefined, 'Quantity', true],
    ['imported value sets, neither', 'all-types', undefined, 'Nothing', false],
    ['unknown value set', 'no-such-value-set', undefined, 'x', 'unknown'],
    ['SNOMED CT is not here', 'condition-code', 'http://snomed.info/sct', '38341003', 'unknown'],
    ['another system is none of SNOMED CT', 'condition-code', 'http://example.org/x', '1', false],
    ['UCUM is not here', 'ucum-units', 'http://unitsofmeasure.org', 'mg/dL', 'unknown'],
    ['no UCUM unit has blanks', 'ucum-units', 'http://unitsofmeasure.org', 'mg per dL', false],
    ['a name of Object.prototype', 'observation-status', undefined, 'constructor', false],
  ] as const)('%s', (_rule, name, system, code, expected) => {
    expect(memberOf(valueSet(name), system, code)).toBe(expected);
  });

  test.each([
    ['ar', true],
    ['ar-JO', true],
    ['zh-Hant-TW', true],
    ['en-x-lab', true],
    ['x-whatever', true],
    ['i-klingon', true],
    ['de-DE-u-co-phonebk', true],
    ['english language', false],
    ['e', false],
    ['en_US', false],
    ['', false],
  ])('the language tag "%s" is well-formed: %p', (tag, expected) => {
    expect(memberOf(valueSet('all-languages'), undefined, tag)).toBe(expected);
  });

  test.each([
    ['text/plain', true],
    ['application/fhir+json; fhirVersion=4.0', true],
    ['multipart/form-data; boundary="a b"', true],
    ['application/vnd.ms-excel', true],
    ['json', true],
    ['text', false],
    ['text/', false],
    ['/plain', false],
    ['text/plain;', false],
    ['te xt/plain', false],
  ])('the media type "%s" is well-formed: %p', (type, expected) => {
    expect(memberOf(valueSet('mimetypes'), undefined, type)).toBe(expected);
  });

  test.each([
    ['JOD', true],
    ['XQZ', 'unknown'],
    ['jod', false],
    ['Dinar', false],
  ])('the currency "%s": %p', (code, expected) => {
    expect(memberOf(valueSet('currencies'), undefined, code)).toBe(expected);
  });
});

describe('expansion', () => {
  test('codes with systems and displays', () => {
    expect(codesOf(valueSet('administrative-gender'))).toEqual(
      ['male', 'female', 'other', 'unknown'].map((code) => ({
        system: 'http://hl7.org/fhir/administrative-gender',
        code,
        display: code.charAt(0).toUpperCase() + code.slice(1),
      })),
    );
  });

  test('a value set that draws on an unknown system has no expansion', () => {
    expect(codesOf(valueSet('condition-code'))).toBeUndefined();
    expect(codesOf(valueSet('no-such-value-set'))).toBeUndefined();
  });

  test('systems', () => {
    expect(systemsOf(valueSet('marital-status'))).toEqual([v3('MaritalStatus'), v3('NullFlavor')]);
    expect(systemsOf(valueSet('condition-code'))).toEqual(['http://snomed.info/sct']);
    expect(systemsOf(valueSet('no-such-value-set'))).toBeUndefined();
  });

  test('a filter is-a takes the concept and all below it', () => {
    const codes = codesOf('http://terminology.hl7.org/ValueSet/v3-ActEncounterCode')!.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['AMB', 'IMP', 'EMER']));
    expect(codes).not.toContain('PPO');
  });
});

describe('hierarchies', () => {
  test('descendants and ancestors', () => {
    const system = v3('ActCode');
    expect(descendantsOf(system, 'IMP')).toEqual(new Set(['IMP', 'ACUTE', 'NONAC']));
    expect(ancestorsOf(system, 'ACUTE')).toEqual(
      new Set(['ACUTE', 'IMP', '_ActEncounterCode', '_ActCareProvisionCode']),
    );
    expect(subsumedBy(system, 'ACUTE', '_ActEncounterCode')).toBe(true);
    expect(subsumedBy(system, 'AMB', 'IMP')).toBe(false);
    expect(subsumedBy(system, 'IMP', 'IMP')).toBe(true);
  });

  test('an unknown system has no known hierarchy', () => {
    expect(descendantsOf('http://loinc.org', '718-7')).toBeUndefined();
    expect(subsumedBy('http://loinc.org', '718-7', 'LP1')).toBe('unknown');
  });
});

test('every code element with a required binding has a value set that is known here', () => {
  const unknown = new Set<string>();
  for (const type of resourceTypes) {
    for (const element of shapeOf(type)!.elements) {
      const { binding } = element;
      if (binding?.strength === 'required' && systemsOf(binding.valueSet) === undefined) unknown.add(binding.valueSet);
    }
  }
  expect([...unknown]).toEqual([]);
});
