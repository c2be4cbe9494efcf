/** Analytes of the catalogue: the profile holds what results need, and is read into what they are checked with. */
import { describe, expect, test } from '@jest/globals';
import { decimalText } from '../../src/fhir/decimal.ts';
import { parseJson, serializeJson, type JsonObject } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { readDefinition } from '../../src/laboratory/definition.ts';

const own = 'urn:makhbar:extension:';
const ucum = (code: string): JsonObject => ({ system: 'http://unitsofmeasure.org', code });

const creatinine: JsonObject = {
  resourceType: 'ObservationDefinition',
  id: 'creatinine',
  meta: { profile: ['urn:makhbar:profile:laboratory-analyte'] },
  extension: [
    { url: `${own}definition-version`, valueString: '7' },
    {
      url: `${own}delta-limit`,
      extension: [
        { url: 'absolute', valueQuantity: { value: 44, ...ucum('umol/L') } },
        { url: 'percent', valueDecimal: 50 },
        { url: 'within', valueDuration: { value: 7, ...ucum('d') } },
      ],
    },
    {
      url: `${own}calculation`,
      extension: [
        { url: 'formula', valueExpression: { language: 'text/fhirpath', expression: '%a * 2' } },
        {
          url: 'input',
          extension: [
            { url: 'name', valueId: 'a' },
            { url: 'analyte', valueCode: 'other' },
            { url: 'unit', valueCode: 'mg/dL' },
          ],
        },
      ],
    },
    {
      url: `${own}coded-value`,
      extension: [
        { url: 'value', valueCoding: { system: 'http://snomed.info/sct', code: '10828004', display: 'Positive' } },
        { url: 'interpretation', valueCode: 'POS' },
      ],
    },
  ],
  category: [{ coding: [{ system: 'urn:makhbar:laboratory-section', code: 'chemistry' }] }],
  code: {
    coding: [
      { system: 'http://loinc.org', code: '14682-9' },
      { system: 'urn:makhbar:catalogue', code: 'creatinine' },
    ],
  },
  permittedDataType: ['Quantity', 'CodeableConcept'],
  preferredReportName: 'Creatinine',
  _preferredReportName: {
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/translation',
        extension: [
          { url: 'lang', valueCode: 'ar' },
          { url: 'content', valueString: 'الكرياتينين' },
        ],
      },
    ],
  },
  quantitativeDetails: {
    unit: { coding: [ucum('umol/L')], text: 'µmol/L' },
    customaryUnit: { coding: [ucum('mg/dL')] },
    conversionFactor: 0.0113,
    decimalPrecision: 0,
  },
  qualifiedInterval: [
    {
      extension: [
        { url: `${own}interval-source`, valueString: 'Tietz' },
        { url: `${own}interval-method`, valueCodeableConcept: { text: 'enzymatic' } },
        { url: `${own}interval-device`, valueReference: { reference: 'Device/c1' } },
      ],
      category: 'reference',
      context: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/referencerange-meaning', code: 'normal' }],
      },
      appliesTo: [{ coding: [{ system: 'http://snomed.info/sct', code: '77386006' }] }],
      range: { low: { value: 59, ...ucum('umol/L') }, high: { value: 104, ...ucum('umol/L') } },
      gender: 'female',
      age: { low: { value: 18, ...ucum('a') }, high: { value: 60, ...ucum('a') } },
    },
    { category: 'critical', range: { high: { value: 884, ...ucum('umol/L') } } },
  ],
};

describe('an analyte', () => {
  test('is read with its unit, intervals, limits and formula', () => {
    const written = serializeJson(creatinine).replace('"value":59', '"value":59.0');
    const read = readDefinition(parseJson(written) as JsonObject);
    expect(read).toMatchObject({
      id: 'creatinine',
      code: 'creatinine',
      version: '7',
      section: 'chemistry',
      types: ['Quantity', 'CodeableConcept'],
      unit: { code: 'umol/L', text: 'µmol/L' },
      customaryUnit: { code: 'mg/dL', text: 'mg/dL', factor: { digits: 113n, exponent: -4 } },
      decimals: 0,
      codedValues: [{ coding: { code: '10828004' }, interpretation: 'POS' }],
      deltaLimits: [{ absolute: { unit: 'umol/L' }, within: { unit: 'd' } }],
      calculation: { formula: '%a * 2', inputs: [{ name: 'a', analyte: 'other', unit: 'mg/dL' }] },
    });
    expect([...read.names]).toEqual([
      ['en', 'Creatinine'],
      ['ar', 'الكرياتينين'],
    ]);
    const [reference, critical] = read.intervals;
    expect(reference).toMatchObject({
      category: 'reference',
      sex: 'female',
      meaning: 'normal',
      pregnant: true,
      device: 'Device/c1',
      method: { text: 'enzymatic' },
      source: 'Tietz',
      low: { value: { digits: 590n, exponent: -1 }, unit: 'umol/L' },
    });
    expect(decimalText(reference!.age!.to!.value)).toBe('6e1');
    expect(critical).toMatchObject({ category: 'critical', pregnant: false, high: { unit: 'umol/L' } });
    expect(critical?.low).toBeUndefined();
  });

  test('anything else is read without what it does not have', () => {
    const bare = { resourceType: 'ObservationDefinition', code: { text: 'x' } };
    expect(readDefinition(bare)).toMatchObject({ id: '', types: [], intervals: [], codings: [] });
  });
});

describe('the profile of an analyte', () => {
  const without = (name: string): JsonObject =>
    Object.fromEntries(Object.entries(creatinine).filter(([member]) => ![name, `_${name}`].includes(member)));
  const interval = (change: JsonObject): JsonObject => ({
    ...creatinine,
    qualifiedInterval: [{ ...(creatinine['qualifiedInterval'] as JsonObject[])[0], ...change }],
  });
  const extension = (change: JsonObject): JsonObject => ({ ...creatinine, extension: [change] });

  test.each<[string, JsonObject, ...string[]]>([
    ['all of it', creatinine],
    ['no name', without('preferredReportName'), 'required ObservationDefinition.preferredReportName'],
    ['no unit', without('quantitativeDetails'), 'invariant ObservationDefinition'],
    [
      'no code of the catalogue',
      { ...creatinine, code: { coding: [{ system: 'http://loinc.org', code: '14682-9' }] } },
      'invariant ObservationDefinition',
    ],
    ['an interval without bounds', interval({ range: {} }), 'invariant ObservationDefinition'],
    ['an interval without source', interval({ extension: [] }), 'invariant ObservationDefinition'],
    ['coded values that are not named', without('extension'), 'invariant ObservationDefinition'],
    [
      'a calculation without formula',
      { ...extension({ url: `${own}calculation`, extension: [] }), permittedDataType: ['Quantity'] },
      'required ObservationDefinition.extension[0].extension',
    ],
    [
      'a version that is no text',
      { ...extension({ url: `${own}definition-version`, valueInteger: 1 }), permittedDataType: ['Quantity'] },
      'structure ObservationDefinition.extension[0].value',
    ],
  ])('%s', (_name, resource, ...findings) => {
    const found = validateResource(resource).map(({ code, expression }) => `${code} ${expression?.[0]}`);
    for (const finding of findings) expect(found).toContain(finding);
    if (findings.length === 0) expect(found).toEqual([]);
  });
});
