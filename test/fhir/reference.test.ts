import { describe, expect, test } from '@jest/globals';
import {
  isId,
  listReferences,
  parseCanonical,
  parseReference,
  type ParsedReference,
} from '../../src/fhir/reference.ts';
import type { JsonObject } from '../../src/fhir/json.ts';

const bases = ['http://localhost:8080/demo/fhir', 'https://demo.lab.example/fhir'];

const references: [text: string, parsed: ParsedReference | undefined][] = [
  ['Patient/1', { kind: 'local', type: 'Patient', id: '1' }],
  ['Patient/a.B-3/_history/2', { kind: 'local', type: 'Patient', id: 'a.B-3', version: '2' }],
  ['https://demo.lab.example/fhir/Patient/1', { kind: 'local', type: 'Patient', id: '1' }],
  ['http://localhost:8080/demo/fhir/Patient/1/_history/3', { kind: 'local', type: 'Patient', id: '1', version: '3' }],
  ['Patient?identifier=http://x|1', { kind: 'conditional', type: 'Patient', query: 'identifier=http://x|1' }],
  ['https://demo.lab.example/fhir/Patient?a=b', { kind: 'conditional', type: 'Patient', query: 'a=b' }],
  ['#p', { kind: 'contained', id: 'p' }],
  ['#', { kind: 'contained', id: '' }],
  [
    'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a',
    { kind: 'urn', urn: 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a' },
  ],
  ['urn:oid:1.2.3', { kind: 'urn', urn: 'urn:oid:1.2.3' }],
  [
    'http://other.example/fhir/Patient/1/_history/2',
    {
      kind: 'external',
      url: 'http://other.example/fhir/Patient/1/_history/2',
      base: 'http://other.example/fhir',
      type: 'Patient',
      id: '1',
      version: '2',
    },
  ],
  [
    'http://localhost:8080/demo2/fhir/Nothing/1',
    { kind: 'external', url: 'http://localhost:8080/demo2/fhir/Nothing/1' },
  ],
  ['https://demo.lab.example/fhirx', { kind: 'external', url: 'https://demo.lab.example/fhirx' }],
  ['mailto:a@b.example', { kind: 'external', url: 'mailto:a@b.example' }],
  ['Nothing/1', undefined],
  ['patient/1', undefined],
  ['Patient', undefined],
  ['Patient/', undefined],
  ['/Patient/1', undefined],
  ['Patient/1/', undefined],
  ['Patient/1/_history', undefined],
  ['Patient/1#x', undefined],
  [`Patient/${'1'.repeat(65)}`, undefined],
  ['Patient/1_2', undefined],
  ['fhir/Patient/1', undefined],
  ['Patient?', undefined],
  ['#a b', undefined],
  ['urn:uuid:a b', undefined],
  ['http://a b/Patient/1', undefined],
  ['', undefined],
];

describe('references.html#literal', () => {
  test.each(references)('%s', (text, parsed) => {
    expect(parseReference(text, bases)).toEqual(parsed);
  });

  test('a slow text is refused at once', () => {
    expect(parseReference('A/'.repeat(1_000_000))).toBeUndefined();
  });
});

test.each([
  ['a-B.9', true],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
  ['', false],
  ['a_b', false],
  ['é', false],
  ['a\n', false],
])('datatypes.html#id: %j is an id: %s', (text, expected) => {
  expect(isId(text)).toBe(expected);
});

test.each([
  ['http://x/ValueSet/a', { url: 'http://x/ValueSet/a' }],
  ['http://x/ValueSet/a|1.0', { url: 'http://x/ValueSet/a', version: '1.0' }],
  ['http://x/ValueSet/a|1.0#f', { url: 'http://x/ValueSet/a', version: '1.0', fragment: 'f' }],
  ['http://x/ValueSet/a#f', { url: 'http://x/ValueSet/a', fragment: 'f' }],
  ['#f', { url: '', fragment: 'f' }],
  ['http://x|1|2', { url: 'http://x', version: '1|2' }],
])('references.html#canonical: %s', (text, parsed) => {
  expect(parseCanonical(text)).toEqual(parsed);
});

test('listReferences finds every Reference with its expression and targets', () => {
  const observation: JsonObject = {
    resourceType: 'Observation',
    contained: [{ resourceType: 'Specimen', id: 's', subject: { reference: 'Patient/2' } }],
    subject: { reference: 'Patient/1', identifier: { assigner: { display: 'A' } } },
    performer: [{ reference: 'Practitioner/1' }, { reference: 'Organization/1' }],
    status: 'final',
    _status: { extension: [{ url: 'http://x', valueReference: { reference: 'Device/1' } }] },
    category: [{ coding: [{ code: 'x' }], _text: null }],
    note: [{ authorReference: { reference: 'Patient/3' }, text: 'Patient/4' }],
    component: [{ code: { text: 'c' }, extension: [{ url: 'http://y', valueReference: { reference: 5 } }] }],
    unknown: { reference: 'Patient/9' },
  };
  expect(listReferences(observation).map(({ expression, reference }) => [expression, reference])).toEqual([
    ['Observation.contained[0].subject', 'Patient/2'],
    ['Observation.subject', 'Patient/1'],
    ['Observation.subject.identifier.assigner', undefined],
    ['Observation.performer[0]', 'Practitioner/1'],
    ['Observation.performer[1]', 'Organization/1'],
    ['Observation.status.extension[0].value', 'Device/1'],
    ['Observation.note[0].author', 'Patient/3'],
    ['Observation.component[0].extension[0].value', undefined],
  ]);
  const [, subject] = listReferences(observation);
  expect(subject?.element).toBe(observation['subject']);
  expect(subject?.targets).toContain('http://hl7.org/fhir/StructureDefinition/Patient');
});

test.each([[{}], [{ resourceType: 'Nothing', a: { reference: 'Patient/1' } }], [{ resourceType: 7 }]])(
  'listReferences of no resource: %j',
  (value) => {
    expect(listReferences(value as JsonObject)).toEqual([]);
  },
);
