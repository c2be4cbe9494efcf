/** What stands in a report, of data made for it: groups, digits, directions, hostile names. */
import { describe, expect, test } from '@jest/globals';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { composeReport } from '../../src/reports/compose.ts';
import type { Gathered } from '../../src/reports/gathered.ts';
import { reportHtml } from '../../src/reports/html.ts';
import type { ReportModel } from '../../src/reports/model.ts';
import { reportPdf } from '../../src/reports/pdf/report.ts';
import { runsOf } from '../../src/reports/pdf/runs.ts';
import { defaultTemplate } from '../../src/reports/template.ts';
import { fromLeft, inDigits, plain, unmarked } from '../../src/reports/written.ts';
import { readPdf } from './pdf.ts';

const observation = (id: string, more: string, status = 'final'): JsonObject =>
  parseJson(
    `{"resourceType":"Observation","id":"${id}","status":"${status}","code":{"text":"${id}"},"effectiveDateTime":"2026-11-22T08:00:00Z",${more}}`,
  ) as JsonObject;

function modelOf(
  results: readonly JsonObject[],
  more: Partial<Gathered> = {},
  language: 'en' | 'ar' = 'en',
): ReportModel {
  const references = results.map(({ id }) => ({ reference: `Observation/${String(id)}` }));
  const gathered: Gathered = {
    report: { resourceType: 'DiagnosticReport', id: 'r', status: 'final', result: references },
    patient: { resourceType: 'Patient', id: 'p', name: [{ family: 'Haddad' }] },
    orders: [],
    specimens: [],
    results: new Map(results.map((one) => [`Observation/${String(one['id'])}`, one])),
    withdrawn: [],
    missing: [],
    before: new Map(),
    history: [],
    definitions: [],
    people: new Map(),
    releasedBy: [],
    requesters: [],
    ...more,
  };
  return composeReport(gathered, {
    languages: [language],
    digits: 'latn',
    zone: 'UTC',
    template: defaultTemplate,
    laboratory: 'Laboratory',
    address: undefined,
  });
}

const rowsOf = (model: ReportModel): readonly (readonly unknown[])[] =>
  model.sections.flatMap(({ rows }) =>
    rows.map(({ level, name, value, unit }) => [level, name[0], unmarked(value.join()), unmarked(unit)]),
  );

describe('values', () => {
  test.each([
    ['"valueQuantity":{"value":1.00,"unit":"mmol/L"}', '1.00', 'mmol/L'],
    ['"valueQuantity":{"value":0.10000000000000000000001,"unit":"g"}', '0.10000000000000000000001', 'g'],
    ['"valueQuantity":{"value":5,"comparator":"<","unit":"g/L"}', '< 5', 'g/L'],
    ['"valueRatio":{"numerator":{"value":1},"denominator":{"value":160}}', '1:160', ''],
    ['"valueRange":{"low":{"value":2,"unit":"/HPF"},"high":{"value":5,"unit":"/HPF"}}', '2 – 5', '/HPF'],
    ['"valueBoolean":true', 'Positive', ''],
    ['"valueString":"clear"', 'clear', ''],
    ['"dataAbsentReason":{"text":"haemolysed"}', 'haemolysed', ''],
  ])('%s is %s %s', (given, value, unit) => {
    expect(rowsOf(modelOf([observation('o', given)]))).toEqual([[0, 'o', value, unit]]);
  });

  test('a group stands with its members below it, once', () => {
    const organism = observation(
      'organism',
      '"valueString":"E. coli","hasMember":[{"reference":"Observation/amoxicillin"}]',
    );
    const culture = observation('culture', '"valueString":"growth","hasMember":[{"reference":"Observation/organism"}]');
    const amoxicillin = observation('amoxicillin', '"valueString":"R"');
    expect(rowsOf(modelOf([amoxicillin, culture, organism]))).toEqual([
      [0, 'culture', 'growth', ''],
      [1, 'organism', 'E. coli', ''],
      [2, 'amoxicillin', 'R', ''],
    ]);
  });

  test('groups that hold each other end', () => {
    const one = observation('one', '"hasMember":[{"reference":"Observation/two"}]');
    const two = observation('two', '"hasMember":[{"reference":"Observation/one"},{"reference":"Observation/two"}]');
    const zero = observation('zero', '"hasMember":[{"reference":"Observation/one"}]');
    expect(rowsOf(modelOf([zero, one, two])).length).toBeLessThan(20);
    expect(rowsOf(modelOf([one, two])).map(([, name]) => name)).toEqual(expect.arrayContaining(['one', 'two']));
  });

  test('a result that a control holds shows no value', () => {
    const state = '"extension":[{"url":"urn:makhbar:extension:result-state","valueCode":"held"}]';
    expect(rowsOf(modelOf([observation('o', `${state},"valueString":"wrong"`, 'preliminary')]))).toEqual([
      [0, 'o', 'pending', ''],
    ]);
  });
});

describe('directions', () => {
  test('digits of either script stand from the left, with all that is between them', () => {
    expect(
      runsOf(fromLeft(inDigits('3.50 – 5.1', 'arab')), 'rtl')
        .map(({ text }) => text)
        .join(''),
    ).toBe('٣٫٥٠ – ٥٫١');
    expect(
      runsOf(fromLeft('2026-01-31 08:15'), 'rtl')
        .map(({ text }) => text)
        .join(''),
    ).toBe('2026-01-31 08:15');
  });

  test('Latin names and units inside Arabic keep their order', () => {
    const seen = runsOf(`الفيتامين ${fromLeft('B12')} ${fromLeft('4.1 mmol/L')}`, 'rtl').map(({ text }) => text.trim());
    expect(seen.filter((text) => text !== '')).toEqual(['4.1 mmol/L', 'B12', 'الفيتامين']);
  });

  test('a name turns nothing round and leaves no markup', () => {
    const family = 'A\u202E<script>\u2067alert(1)</script>\u0000\nB';
    expect(plain(family)).not.toMatch(/[\u202A-\u202E\u2066-\u2069\u0000\n]/);
    const model = modelOf([observation('o', '"valueString":"<b>x</b>"')], {
      patient: { resourceType: 'Patient', id: 'p', name: [{ family }] },
    });
    expect(reportHtml(model)).not.toMatch(/<script|<b>|\u202E/);
  });
});

test('what is long goes on over pages, each with its number and the heads of the columns', async () => {
  const many = Array.from({ length: 120 }, (_, i) =>
    observation(
      `analyte ${i} ${'word '.repeat(i % 9)}`,
      `"valueQuantity":{"value":${i}.0,"unit":"mmol/L"},"note":[{"text":"${'long '.repeat(i % 40)}"}]`,
    ),
  );
  const { pages } = await readPdf(await reportPdf(modelOf(many)));
  expect(pages.length).toBeGreaterThan(3);
  pages.slice(0, -1).forEach((page, at) => {
    expect(page).toContain(`Page ${at + 1} of ${pages.length}`);
    expect(page).toContain('Examination');
  });
  for (let i = 0; i < 120; i++) expect(pages.join('\n')).toMatch(new RegExp(`analyte ${i}\\b`));
  expect(pages.join('\n')).toContain('119.0');
});

test.each(['𝔘nicode 検査 🧪', '', ' ', 'x'.repeat(300), 'ﷺ ﻻ لا'])('a name such as %j is drawn', async (family) => {
  const model = modelOf([], { patient: { resourceType: 'Patient', id: 'p', name: [{ family }] } }, 'ar');
  const { pages } = await readPdf(await reportPdf(model));
  expect(pages.length).toBeGreaterThan(0);
});

test('metadata are XML whatever the laboratory is called', async () => {
  const model = modelOf([]);
  const letterhead = { ...model.letterhead, name: 'Haddad & Sons <Tunis>' };
  const { metadata, pages } = await readPdf(await reportPdf({ ...model, letterhead }));
  expect(metadata).toContain('<rdf:li>Haddad &amp; Sons &lt;Tunis&gt;</rdf:li>');
  expect(pages[0]).toContain('Haddad & Sons <Tunis>');
});
