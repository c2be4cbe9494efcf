/** The starter catalogue: what stands in seed/ is complete, right in its codes and units, and valid FHIR. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ucum from '@lhncbc/ucum-lhc';
import { describe, expect, test } from '@jest/globals';
import { compilePath } from '../../src/fhir/path/compile.ts';
import { compare } from '../../src/fhir/decimal.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { validateForOperation } from '../../src/fhir/validation/operation.ts';
import { catalogue } from '../../src/laboratory/catalogue/catalogue.ts';
import { readTables } from '../../src/laboratory/catalogue/tables.ts';
import { readResultRules } from '../../src/laboratory/result/follow-up.ts';
import { readDefinition } from '../../src/laboratory/definition.ts';
import { codings, loincSystem, names } from '../../src/laboratory/terms.ts';

const folder = resolve(import.meta.dirname, '../../seed');
const tables = readTables((name) => readFileSync(resolve(folder, `${name}.csv`), 'utf8'));
const resources = catalogue(tables);
const of = (type: string): JsonObject[] => resources.filter(({ resourceType }) => resourceType === type);
const definitions = of('ObservationDefinition').map(readDefinition);

/** The digit that LOINC puts behind the hyphen (Luhn). */
function checkDigit(number: string): number {
  const sum = [...number].reverse().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return (10 - (sum % 10)) % 10;
}

describe('the starter catalogue', () => {
  test('is what a laboratory can begin with', () => {
    expect(of('ObservationDefinition').length).toBeGreaterThanOrEqual(150);
    expect(of('PlanDefinition').length).toBeGreaterThanOrEqual(40);
    const sections = ['haematology', 'chemistry', 'lipids', 'thyroid', 'hormones', 'coagulation', 'urinalysis'];
    sections.push('serology', 'tumour-markers', 'blood-bank', 'microbiology');
    expect(sections.filter((one) => !definitions.some(({ section }) => section === one))).toEqual([]);
    const paediatric = definitions.filter(({ intervals }) => intervals.some(({ age }) => age?.to !== undefined));
    expect(paediatric.length).toBeGreaterThanOrEqual(25);
  });

  test('has LOINC codes whose check digits are right', () => {
    const codes = resources.flatMap((one) => [
      ...codings(one['code'])
        .filter(({ system }) => system === loincSystem)
        .map(({ code }) => String(code)),
      ...(one['resourceType'] === 'PlanDefinition' ? ((one['identifier'] ?? []) as JsonObject[]) : [])
        .filter(({ system }) => system === loincSystem)
        .map(({ value }) => String(value)),
    ]);
    expect(codes.length).toBeGreaterThanOrEqual(150);
    const wrong = codes.filter((code) => code !== `${code.split('-')[0]}-${checkDigit(code.split('-')[0] ?? '')}`);
    expect(wrong).toEqual([]);
    const ofAnalytes = definitions.flatMap(({ codings: all }) => all.filter(({ system }) => system === loincSystem));
    expect(new Set(ofAnalytes.map(({ code }) => code)).size).toBe(definitions.length);
  });

  test('has units that UCUM knows, and intervals in the unit of their analyte', () => {
    const known = ucum.UcumLhcUtils.getInstance();
    for (const { code, unit, types, intervals } of definitions) {
      expect([code, types[0], unit !== undefined]).toEqual([code, types[0], types[0] === 'Quantity']);
      if (unit === undefined) continue;
      expect([unit.code, known.getSpecifiedUnit(unit.code, 'validate').status]).toEqual([unit.code, 'valid']);
      const others = intervals.flatMap(({ low, high }) => [low, high]).filter((one) => one && one.unit !== unit.code);
      expect([code, others]).toEqual([code, []]);
    }
  });

  test('has names in English, French and Arabic', () => {
    for (const { code, names: found } of definitions)
      expect([code, [...found.keys()]]).toEqual([code, ['en', 'fr', 'ar']]);
    for (const one of [...of('ActivityDefinition'), ...of('PlanDefinition')]) {
      expect([one['id'], [...names(one, 'title').keys()]]).toEqual([one['id'], ['en', 'fr', 'ar']]);
    }
    for (const { names: found } of definitions) expect(found.get('ar')).toMatch(/[؀-ۿ]|^[\w \-()/.]+$/);
  });

  test('has intervals with a source, whose bounds are in order and whose ages leave no two for one patient', () => {
    for (const { code, intervals } of definitions) {
      for (const { category, low, high, age, source } of intervals) {
        expect([code, low && high ? compare(low.value, high.value) <= 0 : true]).toEqual([code, true]);
        if (category === 'reference')
          expect([code, source]).toEqual([code, expect.stringMatching(/; verify locally$/)]);
        if (age?.from && age.to) expect([code, days(age.from) < days(age.to)]).toEqual([code, true]);
      }
      const plain = intervals.filter(({ category, pregnant }) => category === 'reference' && !pregnant);
      for (const [i, one] of plain.entries()) {
        const same = plain.slice(i + 1).filter((other) => overlap(one, other));
        expect([code, same]).toEqual([code, []]);
      }
    }
  });

  test('has formulas in FHIRPath over inputs that are in it', () => {
    const codes = new Set(definitions.map(({ code }) => code));
    const calculated = definitions.flatMap(({ calculation }) => calculation ?? []);
    expect(calculated.length).toBeGreaterThanOrEqual(15);
    for (const { formula, inputs } of calculated) {
      expect(() => compilePath(formula)).not.toThrow();
      expect(inputs.filter(({ analyte }) => !codes.has(analyte))).toEqual([]);
      const used = [...formula.matchAll(/%(\w+)/g)].map(([, name]) => name);
      expect(used.filter((name) => !['age', 'sex', ...inputs.map((one) => one.name)].includes(name ?? ''))).toEqual([]);
    }
  });

  test('has rules that a laboratory can activate, which order what is in it', () => {
    const plans = of('PlanDefinition').filter(({ url }) => String(url).startsWith('urn:makhbar:catalogue:rules:'));
    const { verification, reflex, repeat } = readResultRules(plans);
    expect(plans.map(({ status }) => status)).toEqual(['draft', 'draft', 'draft']);
    expect([verification.length, reflex.length, repeat.length]).toEqual([8, 6, 3]);
    const tests = new Set(of('ActivityDefinition').map((one) => (one['identifier'] as JsonObject[])[0]?.['value']));
    const ordered = reflex.flatMap((one) => one.tests.map((token) => token.split('|')[1]));
    expect(ordered.filter((code) => !tests.has(code))).toEqual([]);
    const analytes = new Set(definitions.map(({ code }) => code));
    for (const { condition } of [...verification, ...reflex, ...repeat]) {
      expect(() => compilePath(condition)).not.toThrow();
      const asked = [...condition.matchAll(/%analyte = '([\w-]+)'/g)].map(([, code]) => code);
      expect(asked.filter((code) => !analytes.has(code))).toEqual([]);
    }
  });

  test('is valid, as $validate sees it', () => {
    const found = resources.flatMap((one) =>
      validateForOperation(one)
        .filter(({ severity }) => severity !== 'information')
        .map(({ diagnostics, expression }) => `${String(one['id'])}: ${expression?.[0]} ${diagnostics}`),
    );
    expect(found.slice(0, 10)).toEqual([]);
  });

  test('is the same each time, and another version of all that says something else', () => {
    expect(catalogue(tables)).toEqual(resources);
    const intervals = tables.intervals.map((row) =>
      row['analyte'] === 'sodium' && row['source'] === 'norip' ? { ...row, 'low..high': '136..145' } : row,
    );
    const changed = catalogue({ ...tables, intervals });
    const before = new Set(resources.map(({ resourceType, id }) => `${String(resourceType)}/${String(id)}`));
    const after = changed.map(({ resourceType, id }) => `${String(resourceType)}/${String(id)}`);
    const other = after.filter((id) => !before.has(id)).map((id) => id.replace(/-[0-9a-f]{8}$/, ''));
    expect(other).toContain('ObservationDefinition/sodium');
    expect(other).toContain('ActivityDefinition/sodium');
    expect(other).toContain('PlanDefinition/electrolytes');
    expect(other.length).toBeLessThan(15);
  });
});

function days({ value, unit }: { value: { digits: bigint; exponent: number }; unit: string }): number {
  const lengths: Record<string, number> = { d: 1, wk: 7, mo: 30.4, a: 365 };
  return Number(value.digits) * 10 ** value.exponent * (lengths[unit] ?? 0);
}

type Interval = (typeof definitions)[number]['intervals'][number];

function overlap(a: Interval, b: Interval): boolean {
  const from = (one: Interval): number => (one.age?.from ? days(one.age.from) : 0);
  const to = (one: Interval): number => (one.age?.to ? days(one.age.to) : Infinity);
  const sex = a.sex === undefined || b.sex === undefined || a.sex === b.sex;
  return sex && a.meaning === b.meaning && from(a) < to(b) && from(b) < to(a);
}
