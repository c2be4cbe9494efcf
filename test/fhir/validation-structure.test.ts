import { describe, expect, test } from '@jest/globals';
import { type JsonObject, parseJson } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { processorTime } from '../processor-time.ts';

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'Haemoglobin' } };
const patient = { resourceType: 'Patient' };
const report = { resourceType: 'DiagnosticReport', status: 'final', code: { text: 'CBC' } };
const deviceExtension = { url: 'http://example.org/e', valueString: 'x' };

/** The errors as "code expression". */
function errors(resource: unknown): string[] {
  const parsed = parseJson(JSON.stringify(resource)) as JsonObject;
  return validateResource(parsed).map((issue) => `${issue.code} ${issue.expression?.[0] ?? ''}`.trim());
}

type Case = [rule: string, resource: unknown, ...findings: string[]];

const cases: Record<string, Case[]> = {
  'json.html: the resource': [
    ['no resourceType', {}, 'structure'],
    ['unknown resourceType', { resourceType: 'Patiant' }, 'structure'],
    ['abstract resourceType', { resourceType: 'DomainResource' }, 'structure'],
    ['a data type is no resource', { resourceType: 'Quantity', value: 1 }, 'structure'],
    ['a list', [], 'structure'],
    ['a resourceType that is no string', { resourceType: 1 }, 'structure'],
    ['a type of a later release', { resourceType: 'SubscriptionStatus' }, 'structure'],
    ['a name of Object.prototype', { resourceType: 'constructor' }, 'structure'],
  ],
  'json.html: members': [
    ['unknown member', { ...patient, surname: 'x' }, 'structure Patient.surname'],
    ['unknown member below', { ...patient, name: [{ first: 'x' }] }, 'structure Patient.name[0].first'],
    [
      'resourceType inside an element',
      { ...patient, name: [{ resourceType: 'x' }] },
      'structure Patient.name[0].resourceType',
    ],
    ['a name that is no identifier', { ...patient, 'a b`': 1 }, 'structure Patient.`a b `'],
    ['a name of a megabyte', { ...patient, ['x'.repeat(1_000_000)]: 1 }, `structure Patient.\`${'x'.repeat(100)}\``],
    ['toString as a member', { ...patient, toString: 'x' }, 'structure Patient.toString'],
    ['_member of a complex element', { ...patient, _name: [{ id: 'x' }] }, 'structure Patient._name'],
    ['a name in the wrong case', { ...patient, Active: true }, 'structure Patient.Active'],
    ['a member of the package only', { ...patient, meta: { project: 'x' } }, 'structure Patient.meta.project'],
    ['empty object', { ...patient, name: [{}] }, 'structure Patient.name[0]'],
    ['only an id (ele-1)', { ...patient, name: [{ id: 'a' }] }, 'structure Patient.name[0]'],
    ['empty list', { ...patient, name: [] }, 'structure Patient.name'],
    ['empty string', { ...patient, name: [{ text: '' }] }, 'value Patient.name[0].text'],
    ['null', { ...patient, active: null }, 'structure Patient.active'],
    ['null in a list', { ...patient, name: [null] }, 'structure Patient.name[0]'],
    ['object where a list is due', { ...patient, name: { text: 'x' } }, 'structure Patient.name'],
    ['list where an object is due', { ...observation, code: [{ text: 'x' }] }, 'structure Observation.code'],
    ['list where a value is due', { ...patient, active: [true] }, 'structure Patient.active'],
    ['value where an object is due', { ...observation, code: 'x' }, 'structure Observation.code'],
    ['object where a value is due', { ...patient, active: {} }, 'structure Patient.active'],
    ['string where a boolean is due', { ...patient, active: 'true' }, 'value Patient.active'],
    ['string where a number is due', { ...observation, valueInteger: '1' }, 'value Observation.value'],
  ],
  cardinality: [
    [
      'missing elements, all at once',
      { resourceType: 'Observation' },
      'required Observation.status',
      'required Observation.code',
    ],
    [
      'missing inside',
      { ...observation, component: [{}] },
      'structure Observation.component[0]',
      'required Observation.component[0].code',
    ],
    [
      'missing choice',
      { resourceType: 'MedicationRequest', status: 'active', intent: 'order', subject: { display: 'x' } },
      'required MedicationRequest.medication',
    ],
    [
      'more than the maximum of two',
      {
        resourceType: 'ImplementationGuide',
        url: 'http://e.org/ig',
        name: 'X',
        status: 'draft',
        packageId: 'x',
        fhirVersion: [],
      },
      'structure ImplementationGuide.fhirVersion',
    ],
  ],
  choices: [
    ['two types of one choice', { ...observation, valueString: 'a', valueInteger: 1 }, 'structure Observation.value'],
    [
      'value and extension of different types',
      { ...observation, valueString: 'a', _valueInteger: { extension: [deviceExtension] } },
      'structure Observation.value',
    ],
    [
      'three types of one choice',
      { ...observation, valueString: 'a', valueInteger: 1, valueBoolean: true },
      'structure Observation.value',
    ],
    ['a type the choice does not have', { ...observation, valueDecimal: 1 }, 'structure Observation.valueDecimal'],
    ['the name without type', { ...observation, value: 1 }, 'structure Observation.value'],
  ],
  'json.html: primitive extensions': [
    ['_member with unknown member', { ...patient, _birthDate: { url: 'x' } }, 'structure Patient.birthDate.url'],
    ['_member that is a string', { ...patient, _birthDate: 'x' }, 'structure Patient.birthDate'],
    ['_member with only an id and no value', { ...patient, _birthDate: { id: 'a' } }, 'structure Patient.birthDate'],
    [
      'extensions of an id, an attribute in XML',
      { ...patient, name: [{ text: 'x', _id: { extension: [deviceExtension] } }] },
      'structure Patient.name[0]._id',
    ],
    ['a list for a single element', { ...patient, _birthDate: [{ id: 'a' }] }, 'structure Patient.birthDate'],
    [
      'lists of different length',
      { ...patient, name: [{ given: ['a', 'b'], _given: [{ id: 'x' }] }] },
      'structure Patient.name[0].given',
    ],
    [
      'null in both lists',
      { ...patient, name: [{ given: ['a', null], _given: [{ id: 'x' }, null] }] },
      'structure Patient.name[0].given[1]',
    ],
    ['null without extension', { ...patient, name: [{ given: [null] }] }, 'structure Patient.name[0].given[0]'],
    ['only nulls', { ...patient, name: [{ _given: [null] }] }, 'structure Patient.name[0].given[0]'],
    [
      'id in _given is no string',
      { ...patient, name: [{ given: ['a'], _given: [{ id: 1 }] }] },
      'value Patient.name[0].given[0].id',
    ],
  ],
  'extensibility.html: ext-1': [
    [
      'neither value nor extensions',
      { ...patient, extension: [{ url: 'http://example.org/e' }] },
      'invariant Patient.extension[0]',
    ],
    [
      'both',
      { ...patient, extension: [{ ...deviceExtension, extension: [deviceExtension] }] },
      'invariant Patient.extension[0]',
    ],
    ['no url', { ...patient, extension: [{ valueString: 'x' }] }, 'required Patient.extension[0].url'],
  ],
  'references.html': [
    [
      'wrong target type',
      { ...observation, specimen: { reference: 'Patient/1' } },
      'structure Observation.specimen.reference',
    ],
    [
      'wrong target type, absolute',
      { ...observation, specimen: { reference: 'https://example.org/fhir/Patient/1' } },
      'structure Observation.specimen.reference',
    ],
    [
      'a target that is named by a profile',
      { ...observation, hasMember: [{ reference: 'Patient/1' }] },
      'structure Observation.hasMember[0].reference',
    ],
    ['unknown type', { ...observation, specimen: { reference: 'Speciman/1' } }, 'value Observation.specimen.reference'],
    ['no type', { ...observation, specimen: { reference: '123' } }, 'value Observation.specimen.reference'],
    ['a bad id', { ...observation, specimen: { reference: 'Specimen/a b' } }, 'value Observation.specimen.reference'],
    [
      'a search outside of a transaction',
      { ...observation, subject: { reference: 'Patient?identifier=1' } },
      'value Observation.subject.reference',
    ],
    [
      'type and reference differ',
      { ...observation, subject: { reference: 'Patient/1', type: 'Group' } },
      'value Observation.subject.type',
    ],
    [
      '# to nothing (ref-1)',
      { ...observation, specimen: { reference: '#s' } },
      'invariant Observation.specimen.reference',
    ],
    ['# alone at the top', { ...observation, specimen: { reference: '#' } }, 'value Observation.specimen.reference'],
    [
      '# to a wrong type',
      { ...observation, contained: [{ resourceType: 'Patient', id: 's' }], specimen: { reference: '#s' } },
      'structure Observation.specimen.reference',
    ],
  ],
  'domainresource.html: contained': [
    [
      'not referenced (dom-3)',
      { ...observation, contained: [{ resourceType: 'Patient', id: 'p' }] },
      'invariant Observation.contained[0]',
    ],
    [
      'without id',
      { ...observation, contained: [{ resourceType: 'Patient' }] },
      'required Observation.contained[0].id',
    ],
    [
      'nested (dom-2)',
      {
        ...observation,
        subject: { reference: '#p' },
        contained: [{ resourceType: 'Patient', id: 'p', contained: [{ resourceType: 'Patient', id: 'q' }] }],
      },
      'invariant Observation.contained[0]',
    ],
    [
      'version, time and label (dom-4, dom-5)',
      {
        ...observation,
        subject: { reference: '#p' },
        contained: [
          {
            resourceType: 'Patient',
            id: 'p',
            meta: { versionId: '1', lastUpdated: '2020-01-01T00:00:00Z', security: [{ code: 'R' }] },
          },
        ],
      },
      ...Array<string>(3).fill('invariant Observation.contained[0].meta'),
    ],
    [
      'twice the same id',
      {
        ...observation,
        subject: { reference: '#p' },
        contained: [
          { resourceType: 'Patient', id: 'p' },
          { resourceType: 'Patient', id: 'p' },
        ],
      },
      'duplicate Observation.contained[1]',
    ],
    ['no resource', { ...observation, contained: ['x'] }, 'structure Observation.contained[0]'],
    [
      'faults inside',
      {
        ...observation,
        subject: { reference: '#p' },
        contained: [{ resourceType: 'Patient', id: 'p', birthDate: '2020-13' }],
      },
      'value Observation.contained[0].birthDate',
    ],
  ],
  'resources in Bundle and Parameters': [
    [
      'faults inside an entry',
      {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [{ resource: { resourceType: 'Observation', status: 'final' } }],
      },
      'required Bundle.entry[0].resource.code',
    ],
    [
      'links to contained resources stay inside the entry',
      {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [
          {
            resource: {
              ...observation,
              contained: [{ resourceType: 'Specimen', id: 's' }],
              specimen: { reference: '#s' },
            },
          },
          { resource: { ...observation, specimen: { reference: '#s' } } },
        ],
      },
      'invariant Bundle.entry[1].resource.specimen.reference',
    ],
    [
      'conditional references are for Bundles that are processed',
      {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [{ resource: { ...observation, subject: { reference: 'Patient?identifier=1' } } }],
      },
      'value Bundle.entry[0].resource.subject.reference',
    ],
    [
      'a parameter',
      { resourceType: 'Parameters', parameter: [{ name: 'a', resource: { resourceType: 'Nothing' } }] },
      'structure Parameters.parameter[0].resource',
    ],
  ],
};

describe.each(Object.entries(cases))('%s', (_section, table) => {
  test.each(table)('%s', (_rule, resource, ...findings) => expect(errors(resource)).toEqual(findings));
});

describe('what is right stays without findings', () => {
  test.each([
    ['smallest', observation],
    ['an empty Patient', patient],
    ['id beside a value', { ...patient, birthDate: '2020-01', _birthDate: { id: 'a' } }],
    ['extension without value', { ...patient, _birthDate: { extension: [deviceExtension] } }],
    [
      'lists side by side',
      { ...patient, name: [{ given: ['a', null], _given: [null, { extension: [deviceExtension] }] }] },
    ],
    ['extensions for the whole list', { ...patient, name: [{ _given: [{ extension: [deviceExtension] }] }] }],
    [
      'the extension of a required primitive',
      { ...observation, status: undefined, _status: { extension: [deviceExtension] } },
    ],
    ['value and extension of one choice', { ...observation, valueString: 'a', _valueString: { id: 'x' } }],
    [
      'contained, referenced',
      { ...observation, contained: [{ resourceType: 'Specimen', id: 's' }], specimen: { reference: '#s' } },
    ],
    [
      'contained, pointing at its container',
      {
        ...report,
        contained: [
          { resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' }, focus: [{ reference: '#' }] },
        ],
      },
    ],
    ['a target that is named by a profile', { ...observation, hasMember: [{ reference: 'Observation/1' }] }],
    [
      '# in a canonical',
      {
        resourceType: 'QuestionnaireResponse',
        status: 'completed',
        questionnaire: '#q',
        contained: [{ resourceType: 'Questionnaire', id: 'q', status: 'draft' }],
      },
    ],
    [
      'a conditional reference in a transaction',
      {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            resource: { ...observation, subject: { reference: 'Patient?identifier=1' } },
            request: { method: 'POST', url: 'Observation' },
          },
        ],
      },
    ],
    ['absolute reference', { ...observation, specimen: { reference: 'http://example.org/specimens?1' } }],
    [
      'reference into a bundle',
      { ...observation, specimen: { reference: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520' } },
    ],
    ['versioned reference', { ...observation, specimen: { reference: 'Specimen/1/_history/2' } }],
    ['logical reference', { ...observation, specimen: { identifier: { value: 'x' } } }],
  ])('%s', (_name, resource) => expect(errors(resource)).toEqual([]));
});

test('a conditional reference is right where a transaction will resolve it', () => {
  const resource = { ...observation, subject: { reference: 'Patient?identifier=1' } };
  expect(validateResource(resource, { conditionalReferences: true })).toEqual([]);
});

test('every finding is a sentence that names its place', () => {
  const [finding] = validateResource({ ...patient, birthDate: '2020-02-30' });
  expect(finding).toEqual({
    severity: 'error',
    code: 'value',
    diagnostics:
      'Patient.birthDate must be a date of the calendar: YYYY, YYYY-MM or YYYY-MM-DD (date), not "2020-02-30".',
    expression: ['Patient.birthDate'],
  });
});

test('findings are capped, and the last one says so', () => {
  const findings = validateResource({ ...patient, name: Array.from({ length: 5000 }, () => ({ wrong: 1 })) });
  expect(findings).toHaveLength(101);
  expect(findings[100]).toMatchObject({
    code: 'incomplete',
    diagnostics: expect.stringMatching(/^4900 findings more/),
  });
});

describe('time is linear', () => {
  const seconds = (resource: JsonObject): number => processorTime(() => validateResource(resource)) / 1_000;
  const contained = Array.from({ length: 20_000 }, (_, index) => ({ resourceType: 'Specimen', id: `s${index}` }));
  test.each([
    [
      '20,000 contained resources',
      { ...report, contained, specimen: contained.map(({ id }) => ({ reference: `#${id}` })) },
    ],
    ['20,000 contained resources that nothing refers to', { ...report, contained }],
    ['a string of 10 MB', { ...patient, name: [{ text: 'x'.repeat(10_000_000) }] }],
    ['base64 of 10 MB', { resourceType: 'Binary', contentType: 'a/b', data: 'AAAA'.repeat(2_500_000) }],
    [
      'base64 of 10 MB with a fault at its end',
      { resourceType: 'Binary', contentType: 'a/b', data: `${'AAA '.repeat(2_500_000)}!` },
    ],
    ['a code of 1 MB with a fault at its end', { ...patient, gender: `${'a '.repeat(500_000)} ` }],
    [
      'a narrative of 10 MB',
      {
        ...patient,
        text: {
          status: 'generated',
          div: `<div xmlns="http://www.w3.org/1999/xhtml">${'<p>a</p>'.repeat(1_250_000)}</div>`,
        },
      },
    ],
    [
      'a narrative of 10 MB with an element at its end',
      {
        ...patient,
        text: {
          status: 'generated',
          div: `<div xmlns="http://www.w3.org/1999/xhtml">${'x'.repeat(10_000_000)}<br/></div>`,
        },
      },
    ],
    [
      'a narrative of 10 MB that does not end',
      {
        ...patient,
        text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${'x'.repeat(10_000_000)}` },
      },
    ],
    [
      'a million unknown members',
      { ...patient, ...Object.fromEntries(Array.from({ length: 1_000_000 }, (_, index) => [`m${index}`, 1])) },
    ],
    [
      '20,000 components beside 20,000 codings (obs-7)',
      {
        ...observation,
        valueString: 'x',
        code: { coding: contained.map(({ id }) => ({ system: 'a', code: 'b', display: id })) },
        component: contained.map(({ id }) => ({ code: { coding: [{ system: 'a', code: 'b', display: `x${id}` }] } })),
      },
    ],
    [
      'a transaction of 20,000 entries',
      {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: contained.map((resource) => ({
          fullUrl: `urn:x:${resource.id}`,
          resource,
          request: { method: 'POST', url: 'Specimen' },
        })),
      },
    ],
    ['a reference of 1 MB', { ...observation, subject: { reference: `http:/${'/Patient'.repeat(130_000)}` } }],
    [
      'a definition of 5,000 elements',
      {
        resourceType: 'StructureDefinition',
        url: 'http://e.org/S',
        name: 'S',
        status: 'draft',
        kind: 'resource',
        abstract: false,
        type: 'Patient',
        baseDefinition: 'http://e.org/B',
        derivation: 'constraint',
        differential: { element: contained.slice(0, 5000).map(({ id }) => ({ id, path: `Patient.${id}` })) },
      },
    ],
    [
      'a narrative of 10 MB of spaces',
      {
        ...patient,
        text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${' '.repeat(10_000_000)}</div>` },
      },
    ],
    [
      'a questionnaire of 5,000 items',
      {
        resourceType: 'Questionnaire',
        status: 'draft',
        item: contained.slice(0, 5000).map(({ id }) => ({ linkId: id, type: 'string' })),
      },
    ],
    [
      'a code system of 20,000 codes',
      {
        resourceType: 'CodeSystem',
        status: 'draft',
        content: 'complete',
        concept: contained.map(({ id }) => ({ code: id })),
      },
    ],
  ] as [string, JsonObject][])('%s', (_name, resource) => expect(seconds(resource)).toBeLessThan(60));
});
