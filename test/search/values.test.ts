/** The values below the index: folded text, dates as intervals, exact decimals, units, paths. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { alternatives, parseBranch } from '../../src/search/branch.ts';
import {
  add,
  compare,
  decimalText,
  divide,
  multiply,
  parseDecimal,
  precision,
  round,
  subtract,
  type Decimal,
} from '../../src/fhir/decimal.ts';
import { implicitInterval, tenPercent } from '../../src/search/number-interval.ts';
import { fold } from '../../src/search/fold.ts';
import { hash32, hash64 } from '../../src/search/hash.ts';
import { dateInterval } from '../../src/search/interval.ts';
import { prefixEnd } from '../../src/search/string-sql.ts';
import { cut } from '../../src/search/string-rows.ts';
import { canonicalUnit } from '../../src/search/ucum.ts';
import { ancestors } from '../../src/search/uri.ts';
import { prefixOf, split, unescape } from '../../src/search/value.ts';

const decimal = (text: string): Decimal => {
  const value = parseDecimal(text);
  if (value === undefined) throw new Error(text);
  return value;
};

describe('folding', () => {
  test.each([
    ['أحمد', 'احمد'],
    ['إِبْرَاهِيم', 'ابراهيم'],
    ['فاطمة', 'فاطمه'],
    ['مـــحمد', 'محمد'],
    ['مصطفى', 'مصطفي'],
    ['١٢٣', '123'],
    ['۱۲۳', '123'],
    ['Müller', 'muller'],
    ['MÜLLER', 'muller'],
    ['Straße', 'strasse'],
    ['İstanbul', 'istanbul'],
    ['  Two   words ', 'two words'],
    ['Ærø', 'aero'],
  ])('%s → %s', (text, folded) => {
    expect(fold(text)).toBe(folded);
  });

  test('folding twice is folding once', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => fold(fold(text)) === fold(text)));
  });
});

const at = (text: string): number => Date.parse(text);

describe('dates', () => {
  test.each([
    ['2024', 'UTC', '2024-01-01T00:00:00Z', '2025-01-01T00:00:00Z'],
    ['2024-02', 'UTC', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['2024-12-31', 'UTC', '2024-12-31T00:00:00Z', '2025-01-01T00:00:00Z'],
    ['2024-02-29', 'Asia/Riyadh', '2024-02-28T21:00:00Z', '2024-02-29T21:00:00Z'],
    ['2024-02-29T10:00', 'UTC', '2024-02-29T10:00:00Z', '2024-02-29T10:01:00Z'],
    ['2024-02-29T10:00:30+03:00', 'UTC', '2024-02-29T07:00:30Z', '2024-02-29T07:00:31Z'],
    ['2024-02-29T10:00:30.25Z', 'UTC', '2024-02-29T10:00:30.250Z', '2024-02-29T10:00:30.260Z'],
    // The day on which clocks go forward in Cairo has 23 hours.
    ['2024-04-26', 'Africa/Cairo', '2024-04-25T22:00:00Z', '2024-04-26T21:00:00Z'],
  ])('%s in %s', (text, zone, low, high) => {
    expect(dateInterval(text, zone)).toEqual({ low: at(low), high: at(high) });
  });

  test.each([
    '',
    '24',
    '2024-13',
    '2024-00',
    '2023-02-29',
    '2024-1-1',
    '2024-01-01T10',
    '2024-01-01T24:01',
    '2024-01-01T10:00:00+3',
    ' 2024',
    '0000',
  ])('"%s" is no date', (text) => {
    expect(dateInterval(text, 'UTC')).toBeUndefined();
  });
});

const number = fc
  .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: -20, max: 20 }))
  .map(([digits, exponent]): Decimal => ({ digits, exponent }));

describe('decimals', () => {
  test('arithmetic agrees with itself', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(compare(subtract(add(a, b), b), a)).toBe(0);
        expect(compare(add(a, b), add(b, a))).toBe(0);
        expect(Math.sign(compare(a, b))).toBe(-Math.sign(compare(b, a)));
        expect(compare(decimal(decimalText(a)), a)).toBe(0);
        if (b.digits !== 0n) expect(compare(round(divide(multiply(a, b), b), 12), round(a, 12))).toBe(0);
      }),
    );
  });

  test.each([
    ['100', '99.5', '100.5'],
    ['100.00', '99.995', '100.005'],
    ['1e2', '50', '150'],
    ['0.0054', '0.00535', '0.00545'],
    ['-3', '-3.5', '-2.5'],
  ])('%s stands for %s to %s', (text, low, high) => {
    const interval = implicitInterval(decimal(text));
    expect([compare(interval.low, decimal(low)), compare(interval.high, decimal(high))]).toEqual([0, 0]);
  });

  test('ap is ten per cent to either side, also below zero', () => {
    expect(compare(tenPercent(decimal('-50')).low, decimal('-55'))).toBe(0);
    expect(compare(tenPercent(decimal('5.4')).high, decimal('5.94'))).toBe(0);
  });

  test.each(['', '.', '1.', '.5', '1e', 'NaN', 'Infinity', '0x1', '1 ', '1,0', '1e9999'])(
    '"%s" is no decimal',
    (text) => {
      expect(parseDecimal(text)).toBeUndefined();
    },
  );

  test('precision does not count trailing zeros', () => {
    expect(precision(decimal('100.00'))).toBe(1);
    expect(precision(decimal('0.00123'))).toBe(3);
  });
});

describe('units', () => {
  const same = (a: [string, string], b: [string, string]): boolean => {
    const [one, other] = [canonicalUnit(a[1]), canonicalUnit(b[1])];
    if (one === undefined || other === undefined) throw new Error(`${a[1]} or ${b[1]} is no unit.`);
    return one.key === other.key && compare(one.convert(decimal(a[0])), other.convert(decimal(b[0]))) === 0;
  };

  test.each<[[string, string], [string, string], boolean]>([
    [['5.4', 'mmol/L'], ['5400', 'umol/L'], true],
    [['5.4', 'mmol/L'], ['5401', 'umol/L'], false],
    [['1', 'g/L'], ['100', 'mg/dL'], true],
    [['60', '/h'], ['1', '/min'], true],
    [['37.0', 'Cel'], ['98.6', '[degF]'], true],
    [['1', 'm[IU]/L'], ['1', 'u[IU]/mL'], true],
    [['1', '[IU]/L'], ['1', 'mol/L'], false],
    [['1', '10*9/L'], ['1000', '10*6/L'], true],
    [['1', '10*3/uL'], ['1', '10*9/L'], true],
    [['1', 'mg'], ['1', 'mL'], false],
    [['1', '[in_i]'], ['2.54', 'cm'], true],
    [['1', 'U/L'], ['1', 'umol/min/L'], true],
    [['1', '%'], ['0.01', '1'], true],
  ])('%j is %j: %s', (a, b, expected) => {
    expect(same(a, b)).toBe(expected);
  });

  test.each(['', 'bogus', '{', '}', 'mg/', '10*', 'x'.repeat(500)])('"%s" breaks nothing', (code) => {
    expect(() => canonicalUnit(code)).not.toThrow();
  });
});

describe('texts of values', () => {
  test('an escaped separator parts nothing', () => {
    expect(split('a\\,b,c', ',').map(unescape)).toEqual(['a,b', 'c']);
    expect(split('a\\|b|c\\\\|d', '|').map(unescape)).toEqual(['a|b', 'c\\', 'd']);
    expect(split('a\\', ',')).toEqual(['a\\']);
  });

  test.each([
    ['gt5', ['gt', '5']],
    ['ge-5', ['ge', '-5']],
    ['5', ['eq', '5']],
    ['lego', ['eq', 'lego']],
    ['ap2020-01', ['ap', '2020-01']],
  ])('the prefix of %s', (text, parts) => {
    expect(prefixOf(text)).toEqual(parts);
  });

  test('the end of a prefix is the least text after all that begin with it', () => {
    const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (prefix, rest) => {
        const end = prefixEnd(prefix);
        if (end !== undefined) expect(Buffer.compare(bytes(prefix + rest), bytes(end))).toBe(-1);
        if (end !== undefined) expect(Buffer.compare(bytes(prefix), bytes(end))).toBe(-1);
      }),
    );
    expect(prefixEnd('smith')).toBe('smiti');
    expect(prefixEnd('\ud7ff')).toBe('\ue000');
    expect(prefixEnd('\u{10ffff}')).toBeUndefined();
  });

  test('a cut never parts a character', () => {
    expect(cut(`${'a'.repeat(199)}😀`)).toBe('a'.repeat(199));
    expect(cut('short')).toBe('short');
  });

  test('what a URL is under', () => {
    expect(ancestors('http://a.org/b/c')).toEqual([
      'http://a.org/b/c',
      'http://a.org/b/c/',
      'http://a.org/b',
      'http://a.org/b/',
      'http://a.org',
      'http://a.org/',
    ]);
  });

  test('hashes are stable: they are stored', () => {
    expect(hash64('Observation.code|2345-7')).toBe('6409860536944747930');
    expect(hash32('token:Observation.code')).toBe(-2086770545);
  });
});

describe('paths of expressions', () => {
  test.each([
    ['Observation.value.ofType(Quantity)', 'Observation.value.ofType(Quantity)', undefined],
    ['(Observation.value as Quantity)', 'Observation.value.ofType(Quantity)', undefined],
    ['Observation.subject.where(resolve() is Patient)', 'Observation.subject', 'Patient'],
    ["Patient.telecom.where(system='phone')", "Patient.telecom.where(system='phone')", undefined],
    ['Bundle.entry[0].resource', 'Bundle.entry.first().resource', undefined],
    ["Patient.extension.where(url='http://x/y').value", "Patient.extension.where(url='http://x/y').value", undefined],
  ])('%s', (text, key, target) => {
    const branch = parseBranch(text, text.replace('(', '').split('.')[0] ?? '');
    expect(branch?.key).toBe(key);
    expect(branch?.target).toBe(target);
  });

  test.each([
    'Patient.deceased.exists() and Patient.deceased != false',
    'Patient.name.count()',
    'Patient.name.where(use = %x)',
    '(Patient.name',
  ])('%s needs the expression engine', (text) => {
    expect(parseBranch(text, 'Patient')).toBeUndefined();
  });

  test('alternatives are parted outside of parentheses and quotes', () => {
    expect(alternatives("a.b | (c | d) | e.where(x='|')")).toEqual(['a.b', '(c | d)', "e.where(x='|')"]);
  });
});
