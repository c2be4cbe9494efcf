/**
 * Whatever is sent, validation answers with findings: it never throws, and what it calls valid stays so.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cloneJson, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';
import { validateForOperation } from '../../src/fhir/validation/operation.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';

const valid: JsonObject[] = [
  {
    resourceType: 'Observation',
    id: 'o1',
    meta: {
      tag: [{ system: 'http://e.org', code: 'a' }],
      profile: ['urn:makhbar:profile:laboratory-observation'],
    },
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>x</p></div>' },
    contained: [{ resourceType: 'Specimen', id: 's', type: { text: 'blood' } }],
    identifier: [{ use: 'official', system: 'http://e.org', value: '1' }],
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    subject: { reference: 'Patient/p1' },
    effectivePeriod: { start: '2020-01-01', end: '2020-01-02T10:00:00Z' },
    valueQuantity: { value: 1.5, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    specimen: { reference: '#s' },
    referenceRange: [{ low: { value: 1 }, high: { value: 2 }, text: '1-2' }],
    component: [{ code: { text: 'x' }, valueString: 'y', _valueString: { id: 'z' } }],
  },
  {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        fullUrl: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
        resource: {
          resourceType: 'Patient',
          name: [{ given: ['a', null], _given: [null, { extension: [{ url: 'http://e.org', valueInteger: 1 }] }] }],
        },
        request: { method: 'POST', url: 'Patient' },
      },
    ],
  },
  {
    resourceType: 'Questionnaire',
    status: 'draft',
    item: [
      {
        linkId: '1',
        type: 'group',
        item: [
          {
            linkId: '2',
            type: 'choice',
            answerOption: [{ valueString: 'a' }],
            enableWhen: [{ question: '1', operator: '=', answerBoolean: true }],
          },
        ],
      },
    ],
  },
  {
    resourceType: 'StructureDefinition',
    url: 'http://e.org/S',
    name: 'S',
    status: 'draft',
    kind: 'resource',
    abstract: false,
    type: 'Patient',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
    derivation: 'constraint',
    differential: {
      element: [
        { id: 'Patient', path: 'Patient' },
        {
          id: 'Patient.name',
          path: 'Patient.name',
          min: 1,
          constraint: [{ key: 'a', severity: 'error', human: 'b', expression: 'c' }],
        },
      ],
    },
  },
  {
    resourceType: 'Parameters',
    parameter: [
      { name: 'a', valueDate: '2020-01-01' },
      { name: 'b', part: [{ name: 'c', valueTiming: { repeat: { count: 1 } } }] },
    ],
  },
];

test('the seeds are valid', () => {
  for (const resource of valid) expect(validateResource(resource, { conditionalReferences: true })).toEqual([]);
});

const strange: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue[]>(
    null,
    '',
    0,
    -1,
    1.5,
    true,
    [],
    {},
    [null],
    [[]],
    [{}],
    { id: 1 },
    '#',
    '#s',
    '__proto__',
    '2020-13',
    'a\u0001',
  ),
  fc.constantFrom<JsonValue[]>(
    { resourceType: 'Patient' },
    { resourceType: 'x' },
    { extension: [{ url: 'x' }] },
    { coding: [null] },
  ),
  fc.string(),
  fc.double({ noNaN: true }),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
);
const names = fc.constantFrom(
  'id',
  '_id',
  'extension',
  'value',
  'valueString',
  '_status',
  'contained',
  'resourceType',
  'reference',
  'meta',
  'toString',
  'constructor',
  'code',
  'system',
  'div',
  'path',
  'type',
  'linkId',
  'item',
  'element',
);

interface Change {
  steps: number[];
  name: string;
  value: JsonValue;
  how: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  steps: fc.array(fc.nat(12), { minLength: 1, maxLength: 7 }),
  name: names,
  value: strange,
  how: fc.nat(3),
});

/** Walks down by the steps and there replaces, adds, removes or duplicates; a copy, so that no value comes to hold itself. */
function apply(root: JsonObject, { steps, name, value: given, how }: Change): void {
  const value = cloneJson(given);
  let target: JsonObject | JsonValue[] = root;
  for (const [index, step] of steps.entries()) {
    const keys = Object.keys(target);
    const key = keys[step % Math.max(keys.length, 1)];
    const child = key === undefined ? undefined : (target as JsonObject)[key];
    if (index < steps.length - 1 && typeof child === 'object' && child !== null) {
      target = child as JsonObject;
      continue;
    }
    const holder = target as JsonObject;
    if (how === 0 && key !== undefined) holder[key] = value;
    else if (how === 1 && Array.isArray(target)) target.push(value);
    else if (how === 1) holder[name] = value;
    else if (how === 2 && key !== undefined && !Array.isArray(target)) delete holder[key];
    else if (key !== undefined) holder[key] = [child ?? null, child ?? null];
    return;
  }
}

describe('mutated resources', () => {
  test('give findings with a code and a sentence, never an exception', () => {
    const mutated = fc.tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(mutated, ([seed, changes]) => {
        const resource = cloneJson(seed);
        for (const item of changes) apply(resource, item);
        for (const finding of [
          ...validateResource(resource),
          ...validateForOperation(resource, { mode: 'update', id: 'x' }),
        ]) {
          expect(finding.diagnostics).toMatch(/^\S.*[.!?]$/s);
          expect(finding.code).toMatch(/^[a-z-]+$/);
          expect(finding.diagnostics.length).toBeLessThan(3000);
        }
      }),
      { numRuns: 1500 },
    );
  }, 60_000);

  test('any JSON at all', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const resource = value as JsonObject;
        expect(validateResource(resource).length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
