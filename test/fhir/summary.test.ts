/** `_summary` and `_elements`: https://hl7.org/fhir/R4/search.html#summary, #elements */
import { describe, expect, test } from '@jest/globals';
import { resourceTypes, shapeOf } from '../../src/fhir/definitions.ts';
import { parseJson, serializeJson, type JsonObject } from '../../src/fhir/json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { parseSubset, subsetOf, subsettedTag, type Subset, type SubsetRequest } from '../../src/fhir/summary.ts';
import { randomResource, seeded } from './random-resource.ts';

function ask(given: Partial<SubsetRequest>): Subset | 'count' | undefined {
  return parseSubset({ summary: [], elements: [], types: ['Patient'], search: true, ...given });
}

function part(resource: JsonObject, given: Partial<SubsetRequest>, included = false): JsonObject {
  return subsetOf(resource, ask({ types: [String(resource['resourceType'])], ...given }) as Subset, included);
}

const patient: JsonObject = {
  resourceType: 'Patient',
  id: 'p',
  meta: { versionId: '3', tag: [{ code: 'own' }] },
  language: 'ar',
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">a</div>' },
  contained: [
    { resourceType: 'Organization', id: 'lab', partOf: { reference: '#group' } },
    { resourceType: 'Organization', id: 'group' },
    { resourceType: 'Organization', id: 'other' },
  ],
  extension: [{ url: 'http://example.org/a', valueReference: { reference: '#other' } }],
  modifierExtension: [{ url: 'http://example.org/m', valueBoolean: true }],
  active: true,
  _active: { id: 'a' },
  name: [{ family: 'Haddad', extension: [{ url: 'http://example.org/n', valueString: 'x' }] }],
  deceasedBoolean: false,
  photo: [{ contentType: 'image/png', data: 'AAAA' }],
  contact: [{ name: { family: 'K' } }],
  managingOrganization: { reference: '#lab' },
  link: [{ other: { reference: 'Patient/q' }, type: 'seealso' }],
};

const names = (resource: JsonObject): string[] => Object.keys(resource);

describe('_summary', () => {
  test('true: summary elements, and what is mandatory or a modifier', () => {
    expect(names(part(patient, { summary: ['true'] }))).toEqual([
      'resourceType',
      'id',
      'meta',
      'modifierExtension',
      'active',
      '_active',
      'name',
      'deceasedBoolean',
      'managingOrganization',
      'link',
      'contained',
    ]);
  });

  test('true: below the top as well', () => {
    const { name } = part(patient, { summary: ['true'] });
    expect(name).toEqual([{ family: 'Haddad' }]);
    const report = {
      resourceType: 'DiagnosticReport',
      status: 'final',
      code: { text: 'a' },
      presentedForm: [{ contentType: 'a/b', data: 'AAAA' }],
      media: [{ comment: 'a', link: { reference: 'Media/1' } }],
    };
    expect(part(report, { summary: ['true'] })['media']).toEqual([{ link: { reference: 'Media/1' } }]);
    expect(part(report, { summary: ['true'] })['presentedForm']).toBeUndefined();
  });

  test('text: text, id, meta and what is mandatory or a modifier', () => {
    expect(names(part(patient, { summary: ['text'] }))).toEqual([
      'resourceType',
      'id',
      'meta',
      'text',
      'modifierExtension',
      'active',
      '_active',
      'deceasedBoolean',
      'link',
    ]);
    const observation = { resourceType: 'Observation', status: 'final', code: { text: 'a' }, valueString: 'x' };
    expect(names(part(observation, { summary: ['text'] }))).toEqual(['resourceType', 'meta', 'status', 'code']);
  });

  test('data: all but the text', () => {
    expect(names(patient).filter((name) => !names(part(patient, { summary: ['data'] })).includes(name))).toEqual([
      'text',
    ]);
  });

  test.each(['false', undefined])('%s: everything, unmarked', (value) => {
    expect(ask({ summary: value === undefined ? [] : [value] })).toBeUndefined();
  });

  test('count', () => {
    expect(ask({ summary: ['count'] })).toBe('count');
  });

  test('a Bundle keeps the resources of its entries whole', () => {
    const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: patient }] };
    expect(part(bundle, { summary: ['true'] })['entry']).toEqual([{ resource: patient }]);
  });
});

describe('_elements', () => {
  test.each<[string, string[]]>([
    ['name', ['name']],
    ['name,link', ['name']],
    ['deceased', []],
    ['deceased[x]', []],
    ['deceasedBoolean', []],
    ['Patient.photo', ['photo']],
    ['text', ['text']],
    ['contained', []],
  ])('%s', (elements, more) => {
    const always = ['resourceType', 'id', 'meta', 'modifierExtension', 'active', '_active', 'deceasedBoolean', 'link'];
    expect(new Set(names(part(patient, { elements: [elements] })))).toEqual(new Set([...always, ...more]));
  });

  test('a choice by its name or by one of its types', () => {
    const observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'a' },
      valueString: 'x',
      effectiveDateTime: '2020',
    };
    expect(names(part(observation, { elements: ['value'] }))).toContain('valueString');
    expect(names(part(observation, { elements: ['valueString'] }))).toContain('valueString');
    expect(names(part(observation, { elements: ['valueQuantity'] }))).not.toContain('valueString');
  });

  test('elements without a type do not apply to included resources, elements of their type do', () => {
    expect(part(patient, { elements: ['name'] }, true)).toBe(patient);
    expect(names(part(patient, { elements: ['Patient.photo'] }, true))).toContain('photo');
    expect(names(part(patient, { elements: ['Patient.photo'] }, true))).not.toContain('name');
  });

  test('elements of another type leave a resource whole', () => {
    expect(part(patient, { elements: ['Observation.value'] })).toBe(patient);
  });
});

describe('contained resources', () => {
  test('stay when what is left refers to them, with those that they refer to', () => {
    const ids = (resource: JsonObject): unknown[] =>
      ((resource['contained'] ?? []) as JsonObject[]).map((item) => item['id']);
    expect(ids(part(patient, { elements: ['managingOrganization'] }))).toEqual(['lab', 'group']);
    expect(ids(part(patient, { elements: ['extension'] }))).toEqual(['other']);
    expect(ids(part(patient, { elements: ['name'] }))).toEqual([]);
    expect(ids(part(patient, { summary: ['data'] }))).toEqual(['lab', 'group', 'other']);
  });
});

describe('the tag SUBSETTED', () => {
  test('is added to those there are, once', () => {
    const once = part(patient, { summary: ['data'] });
    expect(once['meta']).toEqual({ versionId: '3', tag: [{ code: 'own' }, subsettedTag] });
    expect(part(once, { summary: ['data'] })['meta']).toEqual(once['meta']);
  });

  test('makes a meta where there is none, after the id', () => {
    expect(JSON.stringify(part({ resourceType: 'Patient', id: 'a', active: true }, { summary: ['true'] }))).toBe(
      '{"resourceType":"Patient","id":"a","meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]},"active":true}',
    );
  });
});

test('exact decimals stay, and the given resource is not changed', () => {
  const text =
    '{"resourceType":"Observation","status":"final","code":{"text":"a"},"valueQuantity":{"value":1.00},"component":[{"code":{"text":"b"},"valueQuantity":{"value":7.250}}]}';
  const observation = parseJson(text) as JsonObject;
  for (const given of [
    { summary: ['true'] },
    { summary: ['data'] },
    { elements: ['value', 'component'] },
    { elements: ['value,component'] },
  ]) {
    const shown = serializeJson(part(observation, given));
    expect(shown).toContain('"value":1.00}');
    expect(shown).toContain('"value":7.250}');
  }
  expect(serializeJson(observation)).toBe(text);
});

describe('every type', () => {
  const random = seeded(7);
  test.each(resourceTypes.map((type) => [type]))('%s', (type) => {
    const resource = randomResource(type, random, 0.9);
    const before = JSON.stringify(resource);
    const shape = shapeOf(type)!;
    for (const summary of ['true', 'text', 'data']) {
      const result = part(resource, { summary: [summary] });
      const tags = (result['meta'] as JsonObject)['tag'] as JsonObject[];
      expect(tags.filter(({ code }) => code === 'SUBSETTED')).toHaveLength(1);
      for (const [name, { element }] of shape.properties) {
        if (resource[name] !== undefined && (element.min > 0 || element.modifier)) {
          expect(result[name]).toBeDefined();
        }
        if (
          summary === 'true' &&
          !element.summary &&
          element.min === 0 &&
          !element.modifier &&
          !['id', 'meta', 'contained'].includes(name)
        ) {
          expect(result[name]).toBeUndefined();
        }
      }
    }
    expect(JSON.stringify(resource)).toBe(before);
  });
});

describe('refused', () => {
  test.each<[string, Partial<SubsetRequest>, string]>([
    ['an unknown summary', { summary: ['short'] }, '"short"'],
    ['two summaries', { summary: ['true', 'data'] }, 'different values'],
    ['count of a read', { summary: ['count'], search: false }, 'searches only'],
    ['text with includes', { summary: ['text'], includes: true }, '_include'],
    ['a summary and elements', { summary: ['true'], elements: ['name'] }, 'contradict'],
    ['an unknown element', { elements: ['nom'] }, '"nom"'],
    ['an element of another type', { elements: ['value'] }, 'not an element of Patient'],
    ['an element of an unknown type', { elements: ['Pateint.name'] }, '"Pateint.name"'],
    ['an element below the top', { elements: ['Patient.name.given'] }, 'at the top'],
    ['an empty name', { elements: ['name,,link'] }, '""'],
    ['201 names', { elements: [Array.from({ length: 201 }, () => 'name').join(',')] }, '200'],
    ['a member of the prototype', { elements: ['constructor'] }, '"constructor"'],
  ])('%s', (_, given, reason) => {
    const error = ((): unknown => {
      try {
        return ask(given);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(OutcomeError);
    expect((error as OutcomeError).message).toContain(reason);
  });

  test('the same value twice is one value; false with elements is elements', () => {
    expect(ask({ summary: ['data', 'data'] })).toEqual({ summary: 'data' });
    expect(ask({ summary: ['false'], elements: ['name'] })).toEqual({ elements: new Map([['*', new Set(['name'])]]) });
  });

  test('a name is looked for in all types of the search', () => {
    expect(() => ask({ elements: ['value'], types: ['Patient', 'Observation'] })).not.toThrow();
    expect(() => ask({ elements: ['anything'], types: [] })).not.toThrow();
  });
});
