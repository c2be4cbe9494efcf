/** Decimals are exact and nodes know where they stand. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { compileInvariant, compilePath } from '../../src/fhir/path/compile.ts';
import { add, multiply } from '../../src/fhir/decimal.ts';
import { compareTexts, decimalKey, divide, formatDecimal, parseDecimal } from '../../src/fhir/path/decimal.ts';
import { evaluateToLocations } from '../../src/fhir/path/location.ts';
import { numberText } from '../../src/fhir/json.ts';
import { rootNode } from '../../src/fhir/path/node.ts';
import { patient } from './path-resources.ts';

function observationWith(value: string): JsonObject {
  return parseJson(
    `{"resourceType":"Observation","valueQuantity":{"value":${value},"code":"g","system":"http://unitsofmeasure.org"}}`,
  ) as JsonObject;
}

function holds(rule: string, value: string): boolean {
  const root = rootNode(observationWith(value));
  return compileInvariant(rule)(root, { resource: root });
}

describe('decimals of a resource', () => {
  test.each([
    ['value.value = 1.0', '1.00', true],
    ["value.value.toString() = '1.00'", '1.00', true],
    ["value.value.toString().contains('.')", '1.0', true],
    ['value.value = 0.1234567890123456789012345678901', '0.1234567890123456789012345678901', true],
    ['value.value = 0.1234567890123456789012345678901', '0.1234567890123456789012345678902', false],
    ['value.value < 9007199254740993', '9007199254740992', true],
    ['value.value > 9007199254740992', '9007199254740993', true],
    ['value.value + 0.2 = 0.3', '0.1', true],
    ['value.value = 100', '1e2', true],
    ["value > 999 'mg'", '1.0000000000000000000001', true],
    ["value = 1000 'mg'", '1.00', true],
    ['value.value.toString().length() = 902', `1.${'0'.repeat(900)}`, true],
    ['value.value > 1', `1.${'0'.repeat(900)}1`, true],
  ])('%s for %.40s', (rule, value, expected) => {
    expect(holds(rule, value)).toBe(expected);
  });

  test('the exact text of what a path finds is at hand', () => {
    const root = rootNode(observationWith('7.250'));
    const [node] = compilePath('value.value')(root, { resource: root });
    expect(numberText(node!.parent!, node!.key)).toBe('7.250');
  });
});

const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 12 }))
  .map(([digits, places]) => ({ digits, exponent: 0 - places }));

describe('arithmetic on decimals', () => {
  test('text and back', () => {
    fc.assert(fc.property(decimals, (value) => expect(parseDecimal(formatDecimal(value))).toEqual(value)));
  });

  test('a sum less a term is the other term; a product over a factor is the other factor', () => {
    fc.assert(
      fc.property(decimals, decimals, (a, b) => {
        const sum = formatDecimal(add(add(a, b), { ...b, digits: -b.digits }));
        expect(compareTexts(sum, formatDecimal(a))).toBe(0);
        const quotient = b.digits === 0n ? a : divide(multiply(a, b), b)!;
        expect(compareTexts(formatDecimal(quotient), formatDecimal(a))).toBe(0);
      }),
    );
  });

  test('the order of texts is that of scaled whole numbers, and equal numbers have equal keys', () => {
    fc.assert(
      fc.property(decimals, decimals, (a, b) => {
        const [left, right] = [a.digits * 10n ** BigInt(12 + a.exponent), b.digits * 10n ** BigInt(12 + b.exponent)];
        const expected = left < right ? -1 : left > right ? 1 : 0;
        expect(Math.sign(compareTexts(formatDecimal(a), formatDecimal(b)))).toBe(expected);
        expect(decimalKey(formatDecimal(a)) === decimalKey(formatDecimal(b))).toBe(expected === 0);
      }),
    );
  });
});

describe('locations', () => {
  test.each([
    ["name.where(use = 'usual').given", ['Patient.name[1].given[0]']],
    ['Patient.multipleBirth', ['Patient.multipleBirthInteger']],
    ['birthDate.extension.value', ['Patient.birthDate.extension[0].valueDateTime']],
    ['address.line[1]', ['Patient.address[0].line[1]']],
    ['contained.name', ['Patient.contained[0].name']],
    ['Patient', [undefined]],
    ['name.count()', [undefined]],
  ])('%s', (expression, paths) => {
    expect(evaluateToLocations(expression, patient).map((location) => location?.path)).toEqual(paths);
  });

  test('a location leads to the value', () => {
    for (const location of evaluateToLocations('descendants()', patient)) {
      const { holder, name, index, node } = location!;
      const held = index === undefined ? holder[name] : (holder[name] as unknown[] | undefined)?.[index];
      expect(held ?? undefined).toBe(node.value);
    }
  });
});
