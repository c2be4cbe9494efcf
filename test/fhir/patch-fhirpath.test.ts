import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJson, serializeJson, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { applyPatch } from '../../src/fhir/patch/patch.ts';
import { parseXml } from '../../src/fhir/xml.ts';
import { generatedResource } from './generated-resource.ts';

const object = (text: string) => parseJson(text) as JsonObject;

/** An operation from its parts: strings and numbers as such, the value as the JSON text of its part. */
function operation(parts: Record<string, string | number>): string {
  const written = Object.entries(parts).map(([name, value]) => {
    const members = typeof value === 'number' ? `"valueInteger":${value}` : value.startsWith('"') ? value : undefined;
    const type = name === 'type' ? 'valueCode' : 'valueString';
    return `{"name":"${name}",${members ?? `"${type}":${JSON.stringify(value)}`}}`;
  });
  return `{"name":"operation","part":[${written}]}`;
}

const patchOf = (...operations: string[]) => object(`{"resourceType":"Parameters","parameter":[${operations}]}`);

const patched = (target: string, patch: JsonObject) => serializeJson(applyPatch(object(target), patch, 'fhirpath'));

const patient = (members: string) => `{"resourceType":"Patient"${members === '' ? '' : `,${members}`}}`;

type Case = [name: string, before: string, parts: Record<string, string | number>, after: string];

const applied: Case[] = [
  [
    'add: a primitive',
    patient(''),
    { type: 'add', path: 'Patient', name: 'birthDate', value: '"valueDate":"1930-01-01"' },
    patient('"birthDate":"1930-01-01"'),
  ],
  [
    'add: below an item',
    patient('"contact":[{"name":{"text":"a"}}]'),
    { type: 'add', path: 'Patient.contact[0]', name: 'gender', value: '"valueCode":"male"' },
    patient('"contact":[{"name":{"text":"a"},"gender":"male"}]'),
  ],
  [
    'add: a complex type',
    patient(''),
    { type: 'add', path: 'Patient', name: 'maritalStatus', value: '"valueCodeableConcept":{"text":"married"}' },
    patient('"maritalStatus":{"text":"married"}'),
  ],
  [
    'add: behind the last repetition',
    patient('"identifier":[{"value":"a"}]'),
    { type: 'add', path: 'Patient', name: 'identifier', value: '"valueIdentifier":{"value":"b"}' },
    patient('"identifier":[{"value":"a"},{"value":"b"}]'),
  ],
  [
    'add: a backbone element by parts, with repetitions and parts below',
    patient(''),
    {
      type: 'add',
      path: 'Patient',
      name: 'contact',
      value:
        '"part":[{"name":"name","valueHumanName":{"text":"a"}},{"name":"relationship","valueCodeableConcept":{"text":"b"}},' +
        '{"name":"relationship","valueCodeableConcept":{"text":"c"}},{"name":"period","part":[{"name":"start","valueDateTime":"2020"}]}]',
    },
    patient('"contact":[{"name":{"text":"a"},"relationship":[{"text":"b"},{"text":"c"}],"period":{"start":"2020"}}]'),
  ],
  [
    'add: an extension by parts',
    patient(''),
    {
      type: 'add',
      path: 'Patient',
      name: 'extension',
      value: '"part":[{"name":"url","valueUri":"http://x"},{"name":"value","valueDecimal":1.00}]',
    },
    patient('"extension":[{"url":"http://x","valueDecimal":1.00}]'),
  ],
  [
    'add: an extension to a primitive',
    patient('"birthDate":"1930"'),
    {
      type: 'add',
      path: 'Patient.birthDate',
      name: 'extension',
      value: '"part":[{"name":"url","valueUri":"http://x"},{"name":"value[x]","valueBoolean":true}]',
    },
    patient('"birthDate":"1930","_birthDate":{"extension":[{"url":"http://x","valueBoolean":true}]}'),
  ],
  [
    'add: an extension to a repetition of a primitive',
    patient('"name":[{"given":["a","b"]}]'),
    { type: 'add', path: 'Patient.name.given[1]', name: 'id', value: '"valueString":"i"' },
    patient('"name":[{"given":["a","b"],"_given":[null,{"id":"i"}]}]'),
  ],
  [
    'add: a choice by the type of the value, its digits kept',
    '{"resourceType":"Observation"}',
    { type: 'add', path: 'Observation', name: 'value', value: '"valueQuantity":{"value":1.00}' },
    '{"resourceType":"Observation","valueQuantity":{"value":1.00}}',
  ],
  [
    'add: a choice by its name in JSON',
    patient(''),
    { type: 'add', path: 'Patient', name: 'deceasedBoolean', value: '"valueBoolean":false' },
    patient('"deceasedBoolean":false'),
  ],
  [
    'add: a decimal as written',
    '{"resourceType":"Observation","valueQuantity":{"unit":"g"}}',
    { type: 'add', path: 'Observation.value', name: 'value', value: '"valueDecimal":0.10' },
    '{"resourceType":"Observation","valueQuantity":{"unit":"g","value":0.10}}',
  ],
  [
    'add: a primitive with an extension',
    patient(''),
    { type: 'add', path: 'Patient', name: 'active', value: '"valueBoolean":true,"_valueBoolean":{"id":"x"}' },
    patient('"active":true,"_active":{"id":"x"}'),
  ],
  [
    'add: a contained resource',
    patient(''),
    { type: 'add', path: 'Patient', name: 'contained', value: '"resource":{"resourceType":"Basic","id":"b"}' },
    patient('"contained":[{"resourceType":"Basic","id":"b"}]'),
  ],
  [
    'add: in a contained resource',
    patient('"contained":[{"resourceType":"Basic","id":"b"}]'),
    { type: 'add', path: "contained.where(id = 'b')", name: 'created', value: '"valueDate":"2020"' },
    patient('"contained":[{"resourceType":"Basic","id":"b","created":"2020"}]'),
  ],
  [
    'add: a string where a code is wanted',
    patient(''),
    { type: 'add', path: 'Patient', name: 'gender', value: '"valueString":"male"' },
    patient('"gender":"male"'),
  ],
  [
    'insert: in front',
    patient('"identifier":[{"value":"a"},{"value":"b"}]'),
    { type: 'insert', path: 'Patient.identifier', index: 0, value: '"valueIdentifier":{"value":"c"}' },
    patient('"identifier":[{"value":"c"},{"value":"a"},{"value":"b"}]'),
  ],
  [
    'insert: at the end',
    patient('"identifier":[{"value":"a"},{"value":"b"}]'),
    { type: 'insert', path: 'Patient.identifier', index: 2, value: '"valueIdentifier":{"value":"c"}' },
    patient('"identifier":[{"value":"a"},{"value":"b"},{"value":"c"}]'),
  ],
  [
    'insert: into a list without items',
    patient('"name":[{"family":"a"}]'),
    { type: 'insert', path: "Patient.name.where(family = 'a').given", index: 0, value: '"valueString":"c"' },
    patient('"name":[{"family":"a","given":["c"]}]'),
  ],
  [
    'insert: between primitives with extensions',
    patient('"name":[{"given":["a","b"],"_given":[null,{"id":"2"}]}]'),
    { type: 'insert', path: 'Patient.name.given', index: 1, value: '"valueString":"c"' },
    patient('"name":[{"given":["a","c","b"],"_given":[null,null,{"id":"2"}]}]'),
  ],
  [
    'delete: a primitive',
    patient('"birthDate":"1930","active":true'),
    { type: 'delete', path: 'Patient.birthDate' },
    patient('"active":true'),
  ],
  [
    'delete: a primitive with its extensions',
    patient('"birthDate":"1930","_birthDate":{"id":"x"}'),
    { type: 'delete', path: 'Patient.birthDate' },
    patient(''),
  ],
  [
    'delete: nothing to delete',
    patient('"active":true'),
    { type: 'delete', path: 'Patient.birthDate' },
    patient('"active":true'),
  ],
  [
    'delete: an item',
    patient('"name":[{"text":"a"},{"text":"b"}]'),
    { type: 'delete', path: "name.where(text='a')" },
    patient('"name":[{"text":"b"}]'),
  ],
  ['delete: the last item', patient('"name":[{"text":"a"}]'), { type: 'delete', path: 'Patient.name[0]' }, patient('')],
  [
    'delete: an item of a list of primitives with extensions',
    patient('"name":[{"given":["a","b"],"_given":[{"id":"1"},{"id":"2"}]}]'),
    { type: 'delete', path: 'Patient.name.given[0]' },
    patient('"name":[{"given":["b"],"_given":[{"id":"2"}]}]'),
  ],
  [
    'delete: an extension of a primitive',
    patient('"birthDate":"1930","_birthDate":{"id":"i","extension":[{"url":"http://x"}]}'),
    { type: 'delete', path: "Patient.birthDate.extension.where(url='http://x')" },
    patient('"birthDate":"1930","_birthDate":{"id":"i"}'),
  ],
  [
    'delete: a choice',
    '{"resourceType":"Observation","valueString":"x"}',
    { type: 'delete', path: 'Observation.value' },
    '{"resourceType":"Observation"}',
  ],
  [
    'replace: a primitive, and its extensions go',
    patient('"birthDate":"1930","_birthDate":{"id":"x"}'),
    { type: 'replace', path: 'Patient.birthDate', value: '"valueDate":"1931"' },
    patient('"birthDate":"1931"'),
  ],
  [
    'replace: an item',
    patient('"name":[{"text":"a"},{"text":"b"}]'),
    { type: 'replace', path: 'Patient.name[1]', value: '"valueHumanName":{"text":"c"}' },
    patient('"name":[{"text":"a"},{"text":"c"}]'),
  ],
  [
    'replace: an item of a list of primitives',
    patient('"name":[{"given":["a","b"]}]'),
    { type: 'replace', path: "Patient.name.given.where($this='b')", value: '"valueString":"c"' },
    patient('"name":[{"given":["a","c"]}]'),
  ],
  [
    'replace: a choice by another type',
    '{"resourceType":"Observation","valueQuantity":{"value":1.0},"status":"final"}',
    { type: 'replace', path: 'Observation.value', value: '"valueString":"x"' },
    '{"resourceType":"Observation","status":"final","valueString":"x"}',
  ],
  [
    'replace: a backbone element by parts',
    patient('"contact":[{"gender":"male"}]'),
    { type: 'replace', path: 'Patient.contact', value: '"part":[{"name":"gender","valueCode":"female"}]' },
    patient('"contact":[{"gender":"female"}]'),
  ],
  [
    'move: backwards',
    patient('"name":[{"text":"a"},{"text":"b"},{"text":"c"}]'),
    { type: 'move', path: 'Patient.name', source: 2, destination: 0 },
    patient('"name":[{"text":"c"},{"text":"a"},{"text":"b"}]'),
  ],
  [
    'move: forwards',
    patient('"name":[{"text":"a"},{"text":"b"},{"text":"c"}]'),
    { type: 'move', path: 'Patient.name', source: 0, destination: 1 },
    patient('"name":[{"text":"b"},{"text":"a"},{"text":"c"}]'),
  ],
];

type Refusal = [name: string, before: string, parts: Record<string, string | number>, status: number, sentence: string];

const names = '"name":[{"given":["a","b"]},{"given":["c"]}]';
const refused: Refusal[] = [
  [
    'add: an element that is there',
    patient('"active":true'),
    { type: 'add', path: 'Patient', name: 'active', value: '"valueBoolean":false' },
    422,
    '"active" is there already',
  ],
  [
    'add: a choice that is there with another type',
    patient('"deceasedDateTime":"2020"'),
    { type: 'add', path: 'Patient', name: 'deceased', value: '"valueBoolean":false' },
    422,
    '"deceased" is there already',
  ],
  [
    'add: below nothing',
    patient(''),
    { type: 'add', path: 'Patient.maritalStatus', name: 'text', value: '"valueString":"a"' },
    422,
    'the path finds nothing',
  ],
  [
    'add: below several',
    patient(names),
    { type: 'add', path: 'Patient.name', name: 'given', value: '"valueString":"a"' },
    422,
    'the path finds 2 elements, not one',
  ],
  [
    'add: an unknown element',
    patient(''),
    { type: 'add', path: 'Patient', name: 'foo', value: '"valueString":"a"' },
    422,
    'Patient has no element "foo"',
  ],
  [
    'add: a value of another type',
    patient(''),
    { type: 'add', path: 'Patient', name: 'birthDate', value: '"valueQuantity":{"value":1}' },
    422,
    'the element "birthDate" cannot be of the type Quantity',
  ],
  [
    'add: a choice of another type',
    patient(''),
    { type: 'add', path: 'Patient', name: 'deceased', value: '"valueString":"x"' },
    422,
    '"deceased" cannot be of the type string',
  ],
  [
    'add: parts for a choice',
    '{"resourceType":"Observation"}',
    { type: 'add', path: 'Observation', name: 'value', value: '"part":[{"name":"value","valueDecimal":1}]' },
    422,
    '"value" needs a type',
  ],
  [
    'add: no value in the part',
    patient(''),
    { type: 'add', path: 'Patient', name: 'active', value: '"id":"x"' },
    422,
    'must have a value[x]',
  ],
  [
    'add: an unknown part',
    patient(''),
    { type: 'add', path: 'Patient', name: 'contact', value: '"part":[{"name":"foo","valueString":"x"}]' },
    422,
    'Patient.contact has no element "foo"',
  ],
  [
    'add: a part twice',
    patient(''),
    {
      type: 'add',
      path: 'Patient',
      name: 'contact',
      value: '"part":[{"name":"gender","valueCode":"x"},{"name":"gender","valueCode":"y"}]',
    },
    422,
    'the element "gender" is allowed only once',
  ],
  [
    'insert: beyond the end',
    patient(names),
    { type: 'insert', path: 'Patient.name', index: 3, value: '"valueHumanName":{}' },
    422,
    'the index 3 is beyond the end of a list of 2',
  ],
  [
    'insert: no list',
    patient('"active":true'),
    { type: 'insert', path: 'Patient.active', index: 0, value: '"valueBoolean":true' },
    422,
    'Patient has no list "active"',
  ],
  [
    'insert: lists of several elements',
    patient(names),
    { type: 'insert', path: 'Patient.name.given', index: 0, value: '"valueString":"x"' },
    422,
    'finds 2 elements',
  ],
  [
    'insert: a path that ends in a function',
    patient(names),
    { type: 'insert', path: 'Patient.name.first()', index: 0, value: '"valueString":"x"' },
    422,
    'must end with the name of a list',
  ],
  [
    'delete: several',
    patient(names),
    { type: 'delete', path: 'Patient.name.given' },
    422,
    'the path finds 3 elements, not one',
  ],
  ['delete: the resource', patient(''), { type: 'delete', path: 'Patient' }, 422, 'the path finds the whole resource'],
  [
    'delete: what was computed',
    patient('"active":true'),
    { type: 'delete', path: "'x'" },
    422,
    'the path finds no element of the resource',
  ],
  [
    'delete: what was resolved',
    patient('"managingOrganization":{"reference":"Organization/1"}'),
    { type: 'delete', path: 'Patient.managingOrganization.resolve()' },
    422,
    'no element of the resource',
  ],
  [
    'replace: nothing',
    patient(''),
    { type: 'replace', path: 'Patient.active', value: '"valueBoolean":true' },
    422,
    'the path finds nothing',
  ],
  [
    'replace: the resource',
    patient(''),
    { type: 'replace', path: 'Patient', value: '"resource":{"resourceType":"Basic"}' },
    422,
    'the whole resource',
  ],
  [
    'move: an item that is not there',
    patient(names),
    { type: 'move', path: 'Patient.name', source: 2, destination: 0 },
    422,
    'there is no item 2 in a list of 2',
  ],
  [
    'move: behind the end',
    patient(names),
    { type: 'move', path: 'Patient.name', source: 0, destination: 2 },
    422,
    'there is no item 2 in a list of 2',
  ],
  [
    'a path that is no FHIRPath',
    patient(''),
    { type: 'delete', path: 'Patient..name' },
    422,
    'The operation [0] (delete "Patient..name") of the FHIRPath Patch fails',
  ],
  [
    'no type',
    patient(''),
    { path: 'Patient.name' },
    400,
    'The type of the operation [0] must be one of add, insert, delete, replace, move, not ""',
  ],
  ['an unknown type', patient(''), { type: 'merge', path: 'Patient.name' }, 400, 'not "merge"'],
  ['no path', patient(''), { type: 'delete' }, 400, '(delete) of the FHIRPath Patch must have a part "path"'],
  [
    'no name',
    patient(''),
    { type: 'add', path: 'Patient', value: '"valueString":"x"' },
    400,
    'must have a part "name"',
  ],
  ['no value', patient(''), { type: 'replace', path: 'Patient.name' }, 400, 'must have a part "value"'],
  [
    'no index',
    patient(''),
    { type: 'insert', path: 'Patient.name', value: '"valueHumanName":{}' },
    400,
    'must have a part "index"',
  ],
  [
    'an index that is none',
    patient(''),
    { type: 'move', path: 'Patient.name', source: -1, destination: 0 },
    400,
    'The part "source" of the operation [0] must be an integer from 0 on',
  ],
];

function refusalOf(action: () => unknown): OutcomeError {
  try {
    action();
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('fhirpatch.html', () => {
  test.each(applied)('%s', (_name, before, parts, after) => {
    expect(patched(before, patchOf(operation(parts)))).toBe(after);
  });

  test.each(refused)('refused: %s', (_name, before, parts, status, sentence) => {
    const error = refusalOf(() => patched(before, patchOf(operation(parts))));
    expect(error.message).toContain(sentence);
    expect([statusOf(error), error.issues[0]?.expression]).toEqual([status, ['Parameters.parameter[0]']]);
  });

  test.each([
    ['no Parameters', { resourceType: 'Patient' }, 'must be a Parameters resource'],
    ['no object', [], 'must be a Parameters resource'],
    ['another parameter', { resourceType: 'Parameters', parameter: [{ name: 'x' }] }, 'must have the name "operation"'],
    [
      'a part twice',
      { resourceType: 'Parameters', parameter: [{ name: 'operation', part: [{ name: 'path' }, { name: 'path' }] }] },
      'The part "path" of the operation [0] is allowed only once',
    ],
  ])('malformed: %s', (_name, document, sentence) => {
    const error = refusalOf(() => applyPatch({ resourceType: 'Patient' }, document as JsonValue, 'fhirpath'));
    expect(error.message).toContain(sentence);
    expect(statusOf(error)).toBe(400);
  });

  test('operations run in order, each on what the former left', () => {
    const patch = patchOf(
      operation({ type: 'add', path: 'Patient', name: 'name', value: '"valueHumanName":{"family":"a"}' }),
      operation({ type: 'add', path: 'Patient.name[0]', name: 'given', value: '"valueString":"b"' }),
      operation({ type: 'delete', path: 'Patient.name.family' }),
    );
    expect(patched(patient(''), patch)).toBe(patient('"name":[{"given":["b"]}]'));
  });

  test('all or nothing, and the error tells which operation', () => {
    const target = object(patient('"active":true,"extension":[{"url":"http://x","valueDecimal":1.00}]'));
    const patch = patchOf(
      operation({ type: 'delete', path: 'Patient.active' }),
      operation({ type: 'replace', path: 'Patient.birthDate', value: '"valueDate":"2020"' }),
    );
    expect(refusalOf(() => applyPatch(target, patch, 'fhirpath')).message).toContain('The operation [1] (replace');
    expect(serializeJson(target)).toBe(patient('"active":true,"extension":[{"url":"http://x","valueDecimal":1.00}]'));
  });

  test('the result shares nothing with the resource or the patch', () => {
    const target = object(patient('"contact":[{"gender":"male"}]'));
    const patch = patchOf(
      operation({ type: 'add', path: 'Patient', name: 'name', value: '"valueHumanName":{"text":"a"}' }),
    );
    const result = applyPatch(target, patch, 'fhirpath');
    ((result['name'] as JsonValue[])[0] as JsonObject)['text'] = 'changed';
    ((result['contact'] as JsonValue[])[0] as JsonObject)['gender'] = 'changed';
    expect(serializeJson(target) + serializeJson(patch)).not.toContain('changed');
  });

  test('a patch in XML', () => {
    const patch = parseXml(`<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
      <part><name value="type"/><valueCode value="add"/></part><part><name value="path"/><valueString value="Observation"/></part>
      <part><name value="name"/><valueString value="value"/></part>
      <part><name value="value"/><valueQuantity><value value="5.40"/></valueQuantity></part></parameter></Parameters>`);
    expect(patched('{"resourceType":"Observation"}', patch)).toBe(
      '{"resourceType":"Observation","valueQuantity":{"value":5.40}}',
    );
  });

  test('nothing becomes deeper than the server can read', () => {
    const path = (levels: number) => `Patient${'.extension'.repeat(levels)}`;
    const add = (levels: number) =>
      operation({
        type: 'add',
        path: path(levels),
        name: 'extension',
        value: '"part":[{"name":"url","valueUri":"x"}]',
      });
    const deepest = patched(patient(''), patchOf(...Array.from({ length: 49 }, (_, level) => add(level))));
    expect(() => parseJson(deepest)).not.toThrow();
    const error = refusalOf(() => patched(deepest, patchOf(add(49))));
    expect([statusOf(error), error.message]).toEqual([422, expect.stringContaining('100 levels deep')]);
  });
});

test('any operation on any resource is applied or refused with an OutcomeError, and leaves the resource as it is', () => {
  const step = fc.constantFrom(
    'name',
    'extension',
    'value',
    'contained',
    'text',
    'div',
    'id',
    'first()',
    'children()',
    'url',
    'coding[0]',
    'meta',
    'descendants()',
    'ofType(string)',
  );
  const path = fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => steps.join('.'));
  const type = fc.constantFrom('add', 'insert', 'delete', 'replace', 'move');
  const value = fc.constantFrom(
    '"valueString":"x"',
    '"valueQuantity":{"value":1.0}',
    '"part":[{"name":"url","valueUri":"x"}]',
    '"resource":{"resourceType":"Basic"}',
  );
  const name = fc.constantFrom('extension', 'value', 'id', 'name', 'contained', 'text');
  fc.assert(
    fc.property(generatedResource(), type, path, name, value, (resource, type, path, name, value) => {
      const before = serializeJson(resource);
      const parts = { type, path, name, value, index: 0, source: 0, destination: 0 };
      try {
        applyPatch(resource, patchOf(operation(parts)), 'fhirpath');
      } catch (error) {
        expect(error).toBeInstanceOf(OutcomeError);
      }
      expect(serializeJson(resource)).toBe(before);
    }),
    { numRuns: 500 },
  );
});
