import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cloneJson, parseJson, serializeJson, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { equalNumbers } from '../../src/fhir/patch/json-equal.ts';
import { applyPatch } from '../../src/fhir/patch/patch.ts';

const object = (text: string) => parseJson(text) as JsonObject;

function patched(target: string, patch: string): string {
  return serializeJson(applyPatch(object(target), parseJson(patch), 'json'));
}

function refusalOf(action: () => unknown): OutcomeError {
  try {
    action();
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const applied: [section: string, target: string, patch: string, result: string][] = [
  ['4.1 add: a member', '{"a":1}', '[{"op":"add","path":"/b","value":2}]', '{"a":1,"b":2}'],
  [
    '4.1 add: a member that exists is replaced',
    '{"a":1}',
    '[{"op":"add","path":"/a","value":{"c":[]}}]',
    '{"a":{"c":[]}}',
  ],
  ['4.1 add: in front of an item', '{"a":[1,3]}', '[{"op":"add","path":"/a/1","value":2}]', '{"a":[1,2,3]}'],
  ['4.1 add: at the index behind the last item', '{"a":[1]}', '[{"op":"add","path":"/a/1","value":2}]', '{"a":[1,2]}'],
  ['4.1 add: "-" is the end', '{"a":[1]}', '[{"op":"add","path":"/a/-","value":[2]}]', '{"a":[1,[2]]}'],
  ['4.1 add: into an empty array', '{"a":[]}', '[{"op":"add","path":"/a/0","value":null}]', '{"a":[null]}'],
  ['4.1 add: "-" of an object is a name', '{"a":1}', '[{"op":"add","path":"/-","value":2}]', '{"a":1,"-":2}'],
  ['4.1 add: the whole document', '{"a":1}', '[{"op":"add","path":"","value":{"b":2}}]', '{"b":2}'],
  ['4.2 remove: a member', '{"a":1,"b":2}', '[{"op":"remove","path":"/a"}]', '{"b":2}'],
  ['4.2 remove: an item', '{"a":[1,2,3]}', '[{"op":"remove","path":"/a/1"}]', '{"a":[1,3]}'],
  ['4.2 remove: null is a value', '{"a":null}', '[{"op":"remove","path":"/a"}]', '{}'],
  [
    '4.3 replace: a member, in its place',
    '{"a":1,"b":2}',
    '[{"op":"replace","path":"/a","value":"x"}]',
    '{"a":"x","b":2}',
  ],
  ['4.3 replace: an item', '{"a":[1,2]}', '[{"op":"replace","path":"/a/1","value":3}]', '{"a":[1,3]}'],
  ['4.3 replace: the whole document', '{"a":1}', '[{"op":"replace","path":"","value":{"b":2.0}}]', '{"b":2.0}'],
  ['4.4 move: a member', '{"a":{"x":1},"b":{}}', '[{"op":"move","from":"/a/x","path":"/b/y"}]', '{"a":{},"b":{"y":1}}'],
  ['4.4 move: an item forwards', '{"a":[1,2,3]}', '[{"op":"move","from":"/a/0","path":"/a/2"}]', '{"a":[2,3,1]}'],
  ['4.4 move: an item to the end', '{"a":[1,2,3]}', '[{"op":"move","from":"/a/0","path":"/a/-"}]', '{"a":[2,3,1]}'],
  ['4.4 move: onto itself', '{"a":[1,2]}', '[{"op":"move","from":"/a/0","path":"/a/0"}]', '{"a":[1,2]}'],
  ['4.4 move: over its own container', '{"a":{"b":1}}', '[{"op":"move","from":"/a/b","path":"/a"}]', '{"a":1}'],
  ['4.4 move: to a name that only begins alike', '{"a":1}', '[{"op":"move","from":"/a","path":"/ab"}]', '{"ab":1}'],
  ['4.5 copy: a member', '{"a":{"x":[1]}}', '[{"op":"copy","from":"/a","path":"/b"}]', '{"a":{"x":[1]},"b":{"x":[1]}}'],
  [
    '4.5 copy: the copy is another value',
    '{"a":{"x":1}}',
    '[{"op":"copy","from":"/a","path":"/b"},{"op":"replace","path":"/a/x","value":2}]',
    '{"a":{"x":2},"b":{"x":1}}',
  ],
  ['4.5 copy: into itself', '{"a":{}}', '[{"op":"copy","from":"/a","path":"/a/a"}]', '{"a":{"a":{}}}'],
  [
    '4.6 test: equal in any order',
    '{"a":{"x":1,"y":[null]}}',
    '[{"op":"test","path":"/a","value":{"y":[null],"x":1}}]',
    '{"a":{"x":1,"y":[null]}}',
  ],
  ['4.6 test: numbers by their value', '{"a":1.0}', '[{"op":"test","path":"/a","value":100e-2}]', '{"a":1.0}'],
  [
    '5 the operations in order',
    '{}',
    '[{"op":"add","path":"/a","value":[]},{"op":"add","path":"/a/-","value":1}]',
    '{"a":[1]}',
  ],
  ['5 unknown members of an operation are ignored', '{}', '[{"op":"add","path":"/a","value":1,"note":"x"}]', '{"a":1}'],
  ['no operation', '{"a":1.00}', '[]', '{"a":1.00}'],
  [
    '6901: ~1 is "/", ~0 is "~"',
    '{"a/b":1,"m~n":2}',
    '[{"op":"remove","path":"/a~1b"},{"op":"remove","path":"/m~0n"}]',
    '{}',
  ],
  ['6901: ~01 is "~1"', '{"~1":1,"/":2}', '[{"op":"remove","path":"/~01"}]', '{"/":2}'],
  ['6901: an empty name', '{"":1,"a":2}', '[{"op":"remove","path":"/"}]', '{"a":2}'],
  ['6901: a name of digits', '{"0":{"1":2}}', '[{"op":"remove","path":"/0/1"}]', '{"0":{}}'],
  ['digits of the target', '{"a":1.00,"b":[1.0,2.00]}', '[{"op":"remove","path":"/b/0"}]', '{"a":1.00,"b":[2.00]}'],
  ['digits of items behind an insertion', '{"b":[1.0,2]}', '[{"op":"add","path":"/b/0","value":3}]', '{"b":[3,1.0,2]}'],
  [
    'digits of the patch',
    '{"a":[]}',
    '[{"op":"add","path":"/a/-","value":1.50},{"op":"add","path":"/b","value":{"c":0.0}}]',
    '{"a":[1.50],"b":{"c":0.0}}',
  ],
  ['digits replaced', '{"a":1.0}', '[{"op":"replace","path":"/a","value":1}]', '{"a":1}'],
  [
    'digits moved and copied',
    '{"a":1.0,"c":[]}',
    '[{"op":"copy","from":"/a","path":"/c/0"},{"op":"move","from":"/a","path":"/b"}]',
    '{"c":[1.0],"b":1.0}',
  ],
  [
    'digits removed do not come back',
    '{"a":1.0}',
    '[{"op":"remove","path":"/a"},{"op":"add","path":"/a","value":1}]',
    '{"a":1}',
  ],
];

const failing: [section: string, target: string, patch: string, status: number, sentence: string][] = [
  [
    '4.1 add below nothing',
    '{}',
    '[{"op":"add","path":"/a/b","value":1}]',
    422,
    '[0] (add "/a/b") of the JSON Patch fails: the path leads to nothing',
  ],
  ['4.1 add below a string', '{"a":"x"}', '[{"op":"add","path":"/a/0","value":1}]', 422, 'the path leads to nothing'],
  [
    '4.1 add beyond the end',
    '{"a":[1]}',
    '[{"op":"add","path":"/a/2","value":1}]',
    422,
    '"2" is no index of an array of 1',
  ],
  ['4.1 add at no index', '{"a":[1]}', '[{"op":"add","path":"/a/x","value":1}]', 422, '"x" is no index'],
  [
    '6901 an index with zeros in front',
    '{"a":[1,2]}',
    '[{"op":"add","path":"/a/01","value":1}]',
    422,
    '"01" is no index',
  ],
  ['6901 a negative index', '{"a":[1]}', '[{"op":"remove","path":"/a/-1"}]', 422, '"-1" is no index'],
  [
    '4.2 remove nothing',
    '{"a":1}',
    '[{"op":"remove","path":"/b"}]',
    422,
    '(remove "/b") of the JSON Patch fails: there is nothing at this path',
  ],
  ['4.2 remove behind the end', '{"a":[1]}', '[{"op":"remove","path":"/a/-"}]', 422, 'there is nothing at this path'],
  [
    '4.2 remove the whole document',
    '{"a":1}',
    '[{"op":"remove","path":""}]',
    422,
    'the whole resource cannot be removed',
  ],
  [
    '4.2 remove what is inherited only',
    '{}',
    '[{"op":"remove","path":"/toString"}]',
    422,
    'there is nothing at this path',
  ],
  ['4.3 replace nothing', '{}', '[{"op":"replace","path":"/a","value":1}]', 422, 'there is nothing at this path'],
  [
    '4.4 move into itself',
    '{"a":{"b":{}}}',
    '[{"op":"move","from":"/a","path":"/a/b/c"}]',
    422,
    'a value cannot be moved into itself',
  ],
  [
    '4.4 move the whole document',
    '{"a":1}',
    '[{"op":"move","from":"","path":"/a"}]',
    422,
    'cannot be moved into itself',
  ],
  ['4.4 move nothing', '{}', '[{"op":"move","from":"/a","path":"/b"}]', 422, 'there is nothing at this path'],
  ['4.5 copy nothing', '{}', '[{"op":"copy","from":"/a","path":"/b"}]', 422, 'there is nothing at this path'],
  [
    '4.6 test another value',
    '{"a":"x"}',
    '[{"op":"test","path":"/a","value":"y"}]',
    422,
    '(test "/a") of the JSON Patch fails: the value there is another one',
  ],
  ['4.6 test a string against a number', '{"a":"1"}', '[{"op":"test","path":"/a","value":1}]', 422, 'another one'],
  ['4.6 test null against an object', '{"a":{}}', '[{"op":"test","path":"/a","value":null}]', 422, 'another one'],
  [
    '4.6 test an array against an object',
    '{"a":[1]}',
    '[{"op":"test","path":"/a","value":{"0":1}}]',
    422,
    'another one',
  ],
  ['4.6 test fewer members', '{"a":{"x":1,"y":2}}', '[{"op":"test","path":"/a","value":{"x":1}}]', 422, 'another one'],
  ['4.6 test nothing', '{}', '[{"op":"test","path":"/a","value":null}]', 422, 'there is nothing'],
  [
    '4.6 test a number that differs in the thirtieth digit',
    '{"a":0.123456789012345678901234567890}',
    '[{"op":"test","path":"/a","value":0.123456789012345678901234567891}]',
    422,
    'another one',
  ],
  [
    '5 the index of the one that fails',
    '{"a":1}',
    '[{"op":"test","path":"/a","value":1},{"op":"remove","path":"/x"}]',
    422,
    'The operation [1] (remove',
  ],
  [
    'a result that is no object',
    '{"a":1}',
    '[{"op":"replace","path":"","value":[1]}]',
    422,
    'there is no resource left',
  ],
  ['__proto__', '{"a":1}', '[{"op":"add","path":"/__proto__","value":{"x":1}}]', 422, '"__proto__" is not allowed'],
  ['below __proto__', '{"a":1}', '[{"op":"add","path":"/__proto__/x","value":1}]', 422, '"__proto__" is not allowed'],
  ['no array', '{}', '{"op":"add","path":"/a","value":1}', 400, 'A JSON Patch must be an array of operations'],
  ['no object', '{}', '[null]', 400, 'The operation [0] of the JSON Patch must be an object'],
  ['no op', '{}', '[{"path":"/a"}]', 400, 'must be one of add, remove, replace, move, copy, test; it is missing'],
  ['an unknown op', '{}', '[{"op":"merge","path":"/a"}]', 400, 'it is "merge"'],
  [
    'no path',
    '{}',
    '[{"op":"add","value":1}]',
    400,
    'The "path" of the operation [0] of the JSON Patch must be a JSON Pointer',
  ],
  ['a path that is no pointer', '{}', '[{"op":"add","path":"a","value":1}]', 400, 'must be a JSON Pointer'],
  ['a wrong escape', '{}', '[{"op":"add","path":"/a~2","value":1}]', 400, 'must be a JSON Pointer'],
  ['an escape cut off', '{}', '[{"op":"add","path":"/a~","value":1}]', 400, 'must be a JSON Pointer'],
  ['no value', '{}', '[{"op":"add","path":"/a"}]', 400, '(add) of the JSON Patch must have a "value"'],
  ['no from', '{}', '[{"op":"move","path":"/a"}]', 400, 'The "from" of the operation [0]'],
];

describe('RFC 6902', () => {
  test.each(applied)('%s', (_section, target, patch, result) => {
    expect(patched(target, patch)).toBe(result);
  });

  test.each(failing)('refused: %s', (_section, target, patch, status, sentence) => {
    const error = refusalOf(() => patched(target, patch));
    expect(error.message).toContain(sentence);
    expect(statusOf(error)).toBe(status);
  });

  test('neither the resource nor the patch is changed, applied or not, and the result shares nothing with them', () => {
    const target = object('{"a":{"b":1.0},"c":[1.50]}');
    const patch = parseJson(
      '[{"op":"add","path":"/c/0","value":{"d":1.0}},{"op":"remove","path":"/a/b"}]',
    ) as JsonValue[];
    const result = applyPatch(target, patch, 'json');
    ((result['c'] as JsonValue[])[0] as JsonObject)['d'] = 7;
    (result['a'] as JsonObject)['b'] = 7;
    refusalOf(() => applyPatch(target, [...patch, { op: 'remove', path: '/x' }], 'json'));
    expect(serializeJson(target)).toBe('{"a":{"b":1.0},"c":[1.50]}');
    expect(serializeJson(patch)).toContain('"value":{"d":1.0}');
  });
});

describe('limits', () => {
  const endless: [name: string, patch: JsonValue[], sentence: string][] = [
    ['copies that double', Array.from({ length: 40 }, () => ({ op: 'copy', from: '/a', path: '/a/-' })), 'at most'],
    [
      'copies that deepen',
      Array.from({ length: 200 }, () => ({ op: 'copy', from: '/o', path: '/o/o' })),
      '100 levels deep',
    ],
    [
      'a move that deepens',
      [
        { op: 'add', path: '/o/p', value: deep(98) },
        { op: 'move', from: '/o', path: '/q/r' },
      ],
      'levels deep',
    ],
    [
      'too many operations',
      Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: [] })),
      'at most 10000',
    ],
  ];
  test.each(endless)('%s', (_name, patch, sentence) => {
    const error = refusalOf(() => applyPatch({ a: [1, 2], o: {}, q: {} }, patch, 'json'));
    expect(error.message).toContain(sentence);
    expect(statusOf(error)).toBe(422);
  });

  function deep(levels: number): JsonValue {
    return parseJson('['.repeat(levels) + ']'.repeat(levels));
  }
});

describe('4.6 equality of numbers', () => {
  test.each([
    ['0', '-0.00e5', true],
    ['1', '1.000', true],
    ['100', '1e2', true],
    ['0.001', '1E-3', true],
    ['120', '12e1', true],
    ['-1', '1', false],
    ['10', '1', false],
    ['9007199254740993', '9007199254740992', false],
    ['0.1', '0.10000000000000001', false],
  ])('%s and %s: %s', (a, b, equal) => {
    expect([equalNumbers(a, b), equalNumbers(b, a)]).toEqual([equal, equal]);
  });
});

test('a patch that takes everything apart and puts it back gives the same', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 3 }, fc.constantFrom<JsonValue>(null, 'x', 1, true), tie('array'), tie('object')),
    array: fc.array(tie('any'), { maxLength: 4 }),
    object: fc.dictionary(fc.stringMatching(/^[a-z~/0]{0,3}$/), tie('any'), { maxKeys: 4, noNullPrototype: true }),
  })).object as fc.Arbitrary<JsonObject>;
  fc.assert(
    fc.property(value, value, (from, to) => {
      const pointer = (key: string) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const patch: JsonValue[] = [
        ...Object.keys(from).map((key) => ({ op: 'test', path: pointer(key), value: from[key] as JsonValue })),
        ...Object.keys(from).map((key) => ({ op: 'remove', path: pointer(key) })),
        ...Object.keys(to).map((key) => ({ op: 'add', path: pointer(key), value: to[key] as JsonValue })),
        { op: 'test', path: '', value: to },
      ];
      const before = cloneJson(from);
      expect(applyPatch(from, patch, 'json')).toEqual(to);
      expect(from).toEqual(before);
    }),
  );
});
