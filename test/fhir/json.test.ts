import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cloneJson,
  decodeUtf8,
  EXACT,
  jsonbKeepsNumber,
  jsonbSafe,
  numberText,
  parseJson,
  serializeJson,
  setMember,
  type JsonObject,
  type JsonValue,
} from '../../src/fhir/json.ts';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';

function refusalOf(action: () => unknown): OutcomeError {
  try {
    action();
  } catch (error) {
    if (error instanceof OutcomeError) {
      return error;
    }
    throw error;
  }
  throw new Error('nothing was refused');
}

const object = (text: string) => parseJson(text) as JsonObject;

const refused: Record<string, [text: string, sentence: string]> = {
  'an empty text': ['', 'line 1, column 1: a value is expected, not the end of the text'],
  'only space': [' \n ', 'line 2, column 2: a value is expected, not the end of the text'],
  'a property twice': ['{"a":1,"b":2,\n "a":3}', 'line 2, column 2: the property "a" appears twice'],
  'a property twice by escapes': ['{"ab":1,"\\u0061b":2}', 'column 9: the property "ab" appears twice'],
  __proto__: ['{"__proto__":{"x":1}}', 'the property "__proto__" is not allowed'],
  '__proto__ by escapes': ['{"\\u005f_proto__":{"x":1}}', 'the property "__proto__" is not allowed'],
  'a raw high surrogate': ['{"a":"\ud83d"}', 'column 7: half of a surrogate pair'],
  'a raw low surrogate': ['{"a":"x\ude00"}', 'column 8: half of a surrogate pair'],
  'an escaped high surrogate': ['{"a":"\\ud83d"}', 'column 7: half of a surrogate pair'],
  'an escaped low surrogate': ['"\\ude00"', 'column 2: half of a surrogate pair'],
  'two high surrogates': ['"\\ud83d\\ud83d"', 'half of a surrogate pair'],
  'a lone surrogate in a name': ['{"\\ud83d":1}', 'half of a surrogate pair'],
  'an escaped NUL': ['"a\\u0000"', 'column 3: the character U+0000 is not allowed'],
  'a raw NUL': ['"a\u0000"', 'control character'],
  'a raw line break in a string': ['"a\nb"', 'column 3: a control character'],
  'an unknown escape': ['"\\x41"', 'column 3: one of the escapes of JSON is expected, not "x"'],
  'a short unicode escape': ['"\\u12"', 'four hexadecimal digits'],
  'an open string': ['{"a":"b', 'the closing quote of a string is expected, not the end of the text'],
  'an open string after an escape': ['"\\n', 'the closing quote'],
  'an open object': ['{"a":1', 'column 7: a comma or "}" is expected, not the end of the text'],
  'an open array': ['[1', 'a comma or "]"'],
  'a bracket of the other kind': ['[1}', 'a comma or "]" is expected, not "}"'],
  'a comma at the end of an object': ['{"a":1,}', 'a property name in double quotes is expected, not "}"'],
  'a comma at the end of an array': ['[1,]', 'a value is expected, not "]"'],
  'two commas': ['[1,,2]', 'a value is expected, not ","'],
  'a name without quotes': ['{a:1}', 'a property name in double quotes'],
  'single quotes': ["{'a':1}", 'a property name in double quotes'],
  'no colon': ['{"a" 1}', 'a colon is expected, not "1"'],
  'text after the value': ['{} {}', 'column 4: the end of the text is expected, not "{"'],
  'a comment': ['{/* */}', 'not "/"'],
  'a byte order mark inside': ['\ufeff{}', 'not U+FEFF'],
  NaN: ['[NaN]', 'a value is expected, not "N"'],
  '-Infinity': ['[-Infinity]', 'a digit is expected, not "I"'],
  'a cut literal': ['[tru]', 'a value is expected'],
  'a long literal': ['[nullx]', 'a comma or "]"'],
  '1.': ['{"a":1.}', 'column 8: a digit is expected, not "}"'],
  '.5': ['[.5]', 'a value is expected'],
  '01': ['[01]', 'a comma or "]" is expected, not "1"'],
  '-01': ['[-01]', 'a comma or "]"'],
  '+1': ['[+1]', 'a value is expected, not "+"'],
  '1e': ['[1e]', 'a digit is expected'],
  '1e+': ['[1e+]', 'a digit is expected'],
  '0x10': ['[0x10]', 'a comma or "]" is expected, not "x"'],
  '-': ['-', 'a digit is expected, not the end of the text'],
  'a number beyond a double': ['[1e400]', 'column 2: the number 1e400 is too large'],
  'a negative one beyond a double': ['[-1e400]', 'is too large'],
  'a number that reads as zero': ['[1e-400]', 'the number 1e-400 is too close to zero'],
  'a number of 1,001 digits': [`[0.${'1'.repeat(1000)}]`, '1… has more than 1000 characters'],
  'nested too deep': ['['.repeat(101), 'column 101: arrays and objects may be nested at most 100 levels deep'],
};

describe('parseJson refuses', () => {
  test.each(Object.entries(refused))('%s', (_name, [text, sentence]) => {
    const error = refusalOf(() => parseJson(text));
    expect(error.message).toContain(sentence);
    expect(statusOf(error)).toBe(400);
  });

  test('a million levels without exhausting the stack', () => {
    expect(refusalOf(() => parseJson('{"a":['.repeat(1_000_000))).message).toContain('nested');
  });

  test('and quotes no more than forty characters of a name', () => {
    const name = 'n'.repeat(5000);
    const { message } = refusalOf(() => parseJson(`{"${name}":1,"${name}":2}`));
    expect(message).toContain(`"${'n'.repeat(39)}…"`);
    expect(message.length).toBeLessThan(160);
  });
});

describe('parseJson reads', () => {
  test('a nesting as deep as the limit', () => {
    expect(() => parseJson('['.repeat(100) + ']'.repeat(100))).not.toThrow();
    expect(() => parseJson('[[]]', { depth: 1 })).toThrow(OutcomeError);
  });

  test('every escape, and pairs of surrogates', () => {
    expect(parseJson('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uD83D\\ude00😀"')).toBe('"\\/\b\f\n\r\tA😀😀');
  });

  test('names that objects inherit', () => {
    const value = object('{"constructor":1,"toString":2.0,"hasOwnProperty":"x"}');
    expect(Object.keys(value)).toEqual(['constructor', 'toString', 'hasOwnProperty']);
    expect(serializeJson(value)).toBe('{"constructor":1,"toString":2.0,"hasOwnProperty":"x"}');
  });

  test('what JSON.parse reads, with the same result', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t', '\r\n  '), (text, space) => {
        fc.pre(!/__proto__|\\u0000|5e-324|\\ud[89a-f]/i.test(text));
        const value: unknown = JSON.parse(text);
        expect(withoutNotes(parseJson(JSON.stringify(value, undefined, space)))).toEqual(value);
      }),
    );
  });

  test('or refuses what JSON.parse refuses, whatever is cut out or put in', () => {
    const mutation = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.nat(4),
      fc.constantFrom('', '"', '\\', '{', ']', ',', '1', '.', ' '),
    );
    fc.assert(
      fc.property(mutation, ([text, at, cut, put]) => {
        const start = at % (text.length + 1);
        const mutant = text.slice(0, start) + put + text.slice(start + cut);
        if (!jsonParses(mutant)) {
          expect(() => parseJson(mutant)).toThrow(OutcomeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function jsonParses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function withoutNotes(value: JsonValue): unknown {
  return JSON.parse(JSON.stringify(value));
}

const written = [
  '1.00',
  '-0',
  '-0.0',
  '0.0',
  '1e2',
  '1E+2',
  '1.10e-3',
  '12345678901234567890.123456789012345678901234567890',
];

describe('digits', () => {
  test.each(written)('%s is written as it was read', (text) => {
    const document = `{"a":${text},"b":[1,${text}],"c":{"d":"x"}}`;
    expect(serializeJson(parseJson(document))).toBe(document);
    expect(numberText(object(document), 'a')).toBe(text);
    expect(numberText(object(document)['b'] as JsonValue[], 1)).toBe(text);
  });

  test('are not noted where JavaScript writes them so anyway', () => {
    expect(Object.getOwnPropertySymbols(object('{"a":1,"b":-2.5,"c":1e+21}'))).toEqual([]);
    expect(object('{"a":1.0,"b":2}')[EXACT as never]).toEqual({ a: '1.0' });
  });

  test('are written in any generated document, pretty or not', () => {
    const number = fc.stringMatching(/^-?(0|[1-9]\d{0,25})(\.\d{1,25})?([eE][+-]?[1-9]\d?)?$/);
    const { document } = fc.letrec((tie) => ({
      document: fc.oneof({ maxDepth: 4 }, number, tie('array'), tie('object')),
      array: fc.array(tie('document')).map((items) => `[${items.join(',')}]`),
      object: fc.array(tie('document')).map((items) => `{${items.map((item, i) => `"k${i}":${item}`).join(',')}}`),
    }));
    fc.assert(
      fc.property(document as fc.Arbitrary<string>, (body) => {
        const text = `{"root":${body}}`;
        const value = parseJson(text);
        expect(serializeJson(value)).toBe(text);
        expect(serializeJson(cloneJson(value))).toBe(text);
        expect(serializeJson(value, true).replace(/\s/g, '')).toBe(text);
      }),
    );
  });

  test('survive a spread copy, and are dropped when the copy gets another number', () => {
    const value = object('{"value":1.00,"low":2.0}');
    expect(serializeJson({ ...value })).toBe('{"value":1.00,"low":2.0}');
    expect(serializeJson({ ...value, value: 3 })).toBe('{"value":3,"low":2.0}');
    expect(serializeJson({ ...value, value: 'x' })).toBe('{"value":"x","low":2.0}');
    expect(serializeJson({ ...value, low: 0 })).toBe('{"value":1.00,"low":0}');
  });

  test('setMember keeps, replaces and clears them without touching a copy', () => {
    const value = object('{"value":1.00}');
    const copy = { ...value };
    setMember(copy, 'value', 2, '2.000');
    expect([serializeJson(copy), serializeJson(value)]).toEqual(['{"value":2.000}', '{"value":1.00}']);
    setMember(copy, 'value', 2);
    expect(serializeJson(copy)).toBe('{"value":2}');
    const array: JsonValue[] = [];
    setMember(array, 0, 5, '5.0');
    expect(serializeJson(array)).toBe('[5.0]');
  });

  test('numberText of something else is a fault of the caller', () => {
    expect(() => numberText({ a: 'x' }, 'a')).toThrow(TypeError);
  });
});

describe('cloneJson', () => {
  test('shares no object with the original', () => {
    const value = object('{"a":[{"b":1.0}],"c":{}}');
    const copy = cloneJson(value);
    ((copy['a'] as JsonValue[])[0] as JsonObject)['b'] = 9;
    (copy['c'] as JsonObject)['new'] = true;
    expect(serializeJson(value)).toBe('{"a":[{"b":1.0}],"c":{}}');
    expect(serializeJson(copy)).toBe('{"a":[{"b":9}],"c":{"new":true}}');
  });
});

describe('serializeJson', () => {
  test('leaves the value as it is', () => {
    const value = object('{"a":{"b":[1.0]}}');
    serializeJson(value);
    expect((value['a'] as JsonObject)['b']).toEqual(Object.assign([1], { [EXACT]: { 0: '1.0' } }));
  });

  test('indents by two spaces when pretty', () => {
    expect(serializeJson(parseJson('{"a":[1.0,{"b":"x"}]}'), true)).toBe(
      '{\n  "a": [\n    1.0,\n    {\n      "b": "x"\n    }\n  ]\n}',
    );
  });
});

describe('decodeUtf8', () => {
  test('drops a byte order mark and keeps every script', () => {
    const text = '{"a":"مختبر 😀 é"}';
    expect(decodeUtf8(Buffer.from(`\ufeff${text}`))).toBe(text);
    expect(decodeUtf8(new Uint8Array(Buffer.from(`xx${text}`)).subarray(2))).toBe(text);
  });

  test.each([
    ['a cut character', [0xd9]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0x65, 0xe9, 0x65]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses %s', (_name, bytes) => {
    const error = refusalOf(() => decodeUtf8(Uint8Array.from(bytes)));
    expect([statusOf(error), error.message]).toEqual([400, 'The body is not valid UTF-8.']);
  });
});

describe('jsonb', () => {
  const kept = ['0', '0.0', '1.00', '-1.50', '100', '123456789012345678901234567890.10', '0.0000000001'];
  const changed = ['-0', '-0.0', '1e2', '1E2', '1.0e-3', '1e+21', '-0.000'];
  test.each(kept)('gives %s back as it is', (text) => {
    expect([jsonbKeepsNumber(text), jsonbSafe(parseJson(`{"a":[${text}]}`))]).toEqual([true, true]);
  });
  test.each(changed)('changes %s', (text) => {
    expect([jsonbKeepsNumber(text), jsonbSafe(parseJson(`{"a":{"b":${text}},"c":1}`))]).toEqual([false, false]);
  });
  test('would expand a number that JavaScript writes with an exponent', () => {
    expect([jsonbSafe({ a: 1e21 }), jsonbSafe({ a: 1e-7 }), jsonbSafe({ a: -0 })]).toEqual([false, false, true]);
  });
});
