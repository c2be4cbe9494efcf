import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { structureDefinition } from '../../src/fhir/definitions.ts';
import { type JsonObject, parseJson } from '../../src/fhir/json.ts';
import { primitiveRule } from '../../src/fhir/validation/primitive.ts';

/** Whether the rule of a type accepts a JSON text. */
function accepts(code: string, json: string): boolean {
  const holder = parseJson(`{"value":${json}}`) as JsonObject;
  return primitiveRule(code).test(holder['value']!, holder, 'value');
}

const texts: Record<string, { right: string[]; wrong: string[] }> = {
  date: {
    right: ['2020', '2020-02', '2020-02-29', '2000-02-29', '1900-02-28', '9999-12-31', '0001-01-01'],
    wrong: [
      '2021-02-29',
      '1900-02-29',
      '2020-04-31',
      '2020-13',
      '2020-00',
      '2020-1-1',
      '20200101',
      '0000',
      '20',
      '2020-01-01T00:00:00Z',
      '2020-02-30 ',
    ],
  },
  dateTime: {
    right: [
      '2020',
      '2020-02',
      '2020-02-29',
      '2020-02-29T23:59:60Z',
      '2020-01-01T00:00:00.123456789+14:00',
      '2020-01-01T10:00:00-11:30',
    ],
    wrong: [
      '2020-01-01T10:00:00',
      '2020-01-01T10:00Z',
      '2020-01-01T24:00:00Z',
      '2021-02-29T10:00:00Z',
      '2020-01-01T10:00:00+15:00',
      '2020-01-01T10:00:00z',
      '2020-01-01 10:00:00Z',
      '2020-01-01T',
      '2020-01-01T10:00:00.Z',
    ],
  },
  instant: {
    right: ['2020-02-29T23:59:59Z', '2020-01-01T10:00:00.1+03:00'],
    wrong: ['2020', '2020-01-01', '2020-01-01T10:00:00', '2020-02-30T10:00:00Z', '2020-06-31T10:00:00Z'],
  },
  time: { right: ['00:00:00', '23:59:59.999', '12:00:60'], wrong: ['24:00:00', '12:00', '12:00:00Z', '1:00:00'] },
  id: { right: ['a', 'A-1.b', 'x'.repeat(64)], wrong: ['a_b', 'a b', 'x'.repeat(65), 'a/b', 'é', 'a\n'] },
  code: { right: ['a', 'a b', 'a-b.c'], wrong: [' a', 'a ', 'a  b', '\t', 'a\n'] },
  uri: { right: ['a', 'http://e.org/ä', 'urn:x:y'], wrong: ['a b', ' a', 'a\u00a0b'] },
  url: { right: ['http://e.org', 'ftp://e.org/x?y'], wrong: ['http://e.org/a b'] },
  canonical: { right: ['http://e.org/V|1.0', '#a'], wrong: ['http://e.org/V |1'] },
  oid: { right: ['urn:oid:1.2.840', 'urn:oid:2.0'], wrong: ['1.2.3', 'urn:oid:3.1', 'urn:oid:1', 'urn:oid:1.02'] },
  uuid: {
    right: ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520'],
    wrong: [
      'c757873d-ec9a-4326-a141-556f43239520',
      'urn:uuid:C757873D-EC9A-4326-A141-556F43239520',
      'urn:uuid:c757873d',
    ],
  },
  base64Binary: {
    right: ['AAAA', 'AAA=', 'AA==', 'AA AA', 'AAAA\r\nAAAA', ' AAAA '],
    wrong: ['AAA', 'A===', 'AA=A', '====', 'AA-_', ' ', 'AAAAA'],
  },
  string: {
    right: ['a', ' a ', 'مختبر', '😀', 'line\nbreak\ttab\r', '\u007f', 'x'.repeat(1_048_576)],
    wrong: [' ', '\u00a0', '\u0001', 'a\u001fb', '\u000b', '\ufffe', 'x'.repeat(1_048_577)],
  },
  markdown: { right: ['# a\n\nb'], wrong: ['\u0007'] },
  boolean: { right: [], wrong: ['true', 'false'] },
  decimal: { right: [], wrong: ['1', '1.0'] },
  integer: { right: [], wrong: ['1'] },
};

const numbers: Record<string, { right: string[]; wrong: string[] }> = {
  boolean: { right: ['true', 'false'], wrong: ['0', '1', 'null', '[]', '{}'] },
  decimal: { right: ['0', '-0', '1.00', '1e2', '1E-30', '0.000000000000000000000000000001'], wrong: ['true', 'null'] },
  integer: {
    right: ['0', '-0', '-2147483648', '2147483647'],
    wrong: ['1.0', '1.5', '1e2', '2147483648', '-2147483649'],
  },
  unsignedInt: { right: ['0', '2147483647'], wrong: ['-1', '0.0', '2147483648'] },
  positiveInt: { right: ['1', '2147483647'], wrong: ['0', '-1', '1.0', '1e0'] },
  string: { right: [], wrong: ['1', 'true', 'null', '{}', '["a"]'] },
};

describe('https://hl7.org/fhir/R4/datatypes.html#primitive', () => {
  const cases = (table: typeof texts, json: (text: string) => string) =>
    Object.entries(table).flatMap(([code, { right, wrong }]) => [
      ...right.map((text) => [code, json(text), true] as const),
      ...wrong.map((text) => [code, json(text), false] as const),
    ]);
  const all = [...cases(texts, (text) => JSON.stringify(text)), ...cases(numbers, (text) => text)];
  test.each(all.map(([code, json, right]) => [code, json.slice(0, 60), right, json] as const))(
    '%s %s: %p',
    (code, _shown, right, json) => expect(accepts(code, json)).toBe(right),
  );

  test('the empty string is no value of any type', () => {
    for (const code of Object.keys(texts)) expect([code, accepts(code, '""')]).toEqual([code, false]);
  });
});

/** The regular expression that R4 publishes for a type. */
function published(code: string): RegExp {
  const { snapshot } = structureDefinition(code) as unknown as {
    snapshot: { element: { path: string; type?: { extension?: { url: string; valueString?: string }[] }[] }[] };
  };
  const value = snapshot.element.find((element) => element.path === `${code}.value`);
  const regex = value?.type?.[0]?.extension?.find((item) => item.url.endsWith('/regex'))?.valueString;
  return new RegExp(`^(?:${regex})$`);
}

describe('the rules agree with the regular expressions that R4 publishes', () => {
  // Not compared: base64Binary and string, where ours is stricter (padding, control characters).
  const codes = ['date', 'dateTime', 'instant', 'time', 'id', 'oid', 'uuid', 'code', 'uri', 'url', 'canonical'];
  test.each(codes)('%s', (code) => {
    const regex = published(code);
    const seeds = texts[code]!.right.filter((text) => text.length < 100);
    const changed = fc
      .tuple(fc.constantFrom(...seeds), fc.nat(40), fc.constantFrom(...'0123456789-:.TZ+ azA/_#\n'), fc.nat(2))
      .map(([text, at, character, remove]) => text.slice(0, at) + character + text.slice(at + remove));
    fc.assert(
      fc.property(changed, (text) => {
        const exists = text.length < 10 || !Number.isNaN(Date.parse(text.slice(0, 10)));
        const isDay = !['date', 'dateTime', 'instant'].includes(code) || (exists && realDay(text));
        expect([text, accepts(code, JSON.stringify(text))]).toEqual([text, regex.test(text) && isDay]);
      }),
      { numRuns: 2000 },
    );
  });

  function realDay(text: string): boolean {
    if (text.length < 10) return true;
    const date = new Date(`${text.slice(0, 10)}T00:00:00Z`);
    return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text.slice(0, 10);
  }
});
