/** Results of analyzers → Observations: what is known of specimens is handed in. LIS02-A2 §7 to §11. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readRecords } from '../../src/astm/record.ts';
import { messagesOf } from '../../src/astm/structure.ts';
import { serializeJson, type JsonObject } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { qualityControl, specimensOf, translateResults, type Work } from '../../src/translation/astm/results.ts';
import type { Translation } from '../../src/translation/translation.ts';
import { bytesOf, chemistry } from '../astm/messages.ts';

const known: Work = {
  specimen: { reference: 'Specimen/s1' },
  subject: { reference: 'Patient/p1' },
  patientNumbers: ['P-4711'],
  requests: [
    { reference: 'ServiceRequest/glu', codes: [{ system: 'http://loinc.org', code: '2345-7' }] },
    { reference: 'ServiceRequest/crea', codes: [{ system: 'urn:makhbar:astm:code', code: 'CREA' }] },
  ],
};

type Works = Readonly<Record<string, Work>>;

function translated(records: readonly string[], works: Works = { 'S260301-0007': known }, sender = 'e1') {
  const [message] = messagesOf(readRecords(Buffer.concat(bytesOf(records))).records);
  if (message === undefined) throw new Error('no message');
  let made = 0;
  const settings = {
    zone: 'Asia/Beirut',
    systems: {},
    mapped: (_: string, code: string) => (code === 'GLU' ? { system: 'http://loinc.org', code: '2345-7' } : undefined),
    work: (number: string) => works[number],
    sender,
  };
  const translation = translateResults(message, settings, () => `${++made}`);
  return { message, translation };
}

function observations({ entries }: Translation): JsonObject[] {
  return entries.map(({ resource }) => {
    expect(validateResource(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
    return resource;
  });
}

/** The chemistry message with a field of its n-th record of a type set to something else. */
function changed(type: string, field: number, value: string): string[] {
  let done = false;
  return chemistry.map((record) => {
    if (done || !record.startsWith(`${type}|`)) return record;
    done = true;
    const fields = record.split('|');
    while (fields.length < field) fields.push('');
    fields[field - 1] = value;
    return fields.join('|');
  });
}

const first = (records: readonly string[]): JsonObject => observations(translated(records).translation)[0] ?? {};

describe('a result', () => {
  test('has its digits, unit, range, flag, times, order and specimen', () => {
    const { message, translation } = translated(chemistry);
    expect(specimensOf(message)).toEqual(['S260301-0007']);
    const [glucose = {}, creatinine = {}] = observations(translation);
    expect(translation.problems).toEqual([]);
    expect(glucose).toMatchObject({
      status: 'final',
      basedOn: [{ reference: 'ServiceRequest/glu' }],
      code: { coding: [{ system: 'http://loinc.org' }, { system: 'urn:makhbar:astm:code', code: 'GLU' }] },
      subject: { reference: 'Patient/p1' },
      specimen: { reference: 'Specimen/s1' },
      effectiveDateTime: '2026-03-01T09:30:00+02:00',
      issued: '2026-03-01T10:12:00+02:00',
      performer: [{ display: 'OP1' }],
      device: { display: 'Chem-77' },
      note: [{ text: 'SLIGHTLY HAEMOLYTIC' }],
      interpretation: [{ coding: [{ code: 'N' }] }],
    });
    expect(serializeJson(glucose)).toContain('"value":5.40');
    expect(serializeJson(glucose)).toContain('"low":{"unit":"mmol/L","value":3.9}');
    expect(serializeJson(creatinine)).toContain('"value":1.00');
    expect(creatinine['basedOn']).toEqual([{ reference: 'ServiceRequest/crea' }]);
    expect(translation.unmapped.map(({ code }) => code)).toEqual(['CREA']);
  });

  test.each([
    ['<0.010', '"valueQuantity":{"comparator":"<","unit":"mmol/L","value":0.010}'],
    ['0,325', '"value":0.325'],
    ['^1234.56', '"value":1234.56'],
    ['1:80', '"valueString":"1:80"'],
    ['DÉTECTÉ', '"valueString":"DÉTECTÉ"'],
    ['POS&F&1', '"valueString":"POS|1"'],
    ['-1^0.325', '"valueString":"-1^0.325"'],
    [
      '',
      '"dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"}]}',
    ],
  ])('R.4 %j is %s', (value, expected) => {
    expect(serializeJson(first(changed('R', 4, value)))).toContain(expected);
  });

  test.each([
    ['F', 'final'],
    ['P', 'preliminary'],
    ['C', 'corrected'],
    ['R', 'final'],
    ['X', 'cancelled'],
    ['I', 'registered'],
    ['Q', 'final'],
    ['V', 'final'],
    ['', 'unknown'],
    ['?', 'unknown'],
  ])('R.9 %j is %s', (sent, status) => {
    expect(first(changed('R', 9, sent))['status']).toBe(status);
  });

  test('flags of the standard are codes, others are texts; ranges are repeated with what they are about', () => {
    const coding = (code: string): JsonObject => ({
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code }],
    });
    expect(first(changed('R', 7, 'HH\\U\\ERR1'))['interpretation']).toEqual([
      coding('HH'),
      coding('U'),
      { text: 'ERR1' },
    ]);
    const ranges = serializeJson(first(changed('R', 6, '-2.0 to 2.0^adult\\<5')));
    expect(ranges).toContain('"type":{"text":"adult"},"low":{"unit":"mmol/L","value":-2.0}');
    expect(ranges).toContain('"high":{"unit":"mmol/L","value":5},"text":"<5"');
  });

  test('a correction meets what it corrects; one test twice in an order is two results', () => {
    const number = (records: readonly string[]): unknown => first(records)['identifier'];
    expect(number(changed('R', 9, 'C'))).toEqual(number(chemistry));
    const twice = [...chemistry.slice(0, 4), chemistry[3] ?? '', 'L|1|N'];
    expect(observations(translated(twice).translation)).toHaveLength(2);
  });

  test('two analyzers that test one specimen have two results', () => {
    const [one, other] = ['e1', 'e2'].map((sender) =>
      observations(translated(chemistry, undefined, sender).translation),
    );
    expect(one?.[0]?.['identifier']).not.toEqual(other?.[0]?.['identifier']);
  });

  test('a common code of R.3 needs no map', () => {
    const { translation } = translated(changed('R', 3, '2951-2^Sodium^LN^NA'));
    expect(translation.unmapped.map(({ code }) => code)).toEqual(['CREA']);
    expect(observations(translation)[0]?.['code']).toEqual({
      coding: [
        { system: 'http://loinc.org', code: '2951-2', display: 'Sodium' },
        { system: 'urn:makhbar:astm:code', code: 'NA' },
      ],
    });
  });
});

describe('what is not of a patient', () => {
  test.each([
    ['O', 12],
    ['H', 12],
  ])('%s.%i is Q: a control, of no patient and no order', (type, field) => {
    const { message, translation } = translated(changed(type, field, 'Q'));
    expect(specimensOf(message)).toEqual([]);
    for (const one of observations(translation)) {
      expect(one['category']).toEqual([qualityControl]);
      expect(Object.keys(one)).not.toEqual(expect.arrayContaining(['subject']));
      expect(Object.keys(one)).not.toEqual(expect.arrayContaining(['basedOn']));
    }
    expect(translation.entries).toHaveLength(2);
  });

  test('each run of a control is a result of its own; a repetition is not', () => {
    const control = changed('O', 12, 'Q');
    const later = control.map((record) => record.replaceAll('20260301101', '20260302101'));
    const number = (records: readonly string[]): unknown => first(records)['identifier'];
    expect(number(later)).not.toEqual(number(control));
    expect(number([...control])).toEqual(number(control));
  });

  test.each(['T', 'D'])('H.12 is %s: nothing', (purpose) => {
    const { translation } = translated(changed('H', 12, purpose));
    expect(translation.entries).toEqual([]);
    expect(translation.problems.map(({ severity }) => severity)).toEqual(['I']);
  });
});

describe('what waits', () => {
  test.each([
    ['a specimen that is not known', changed('O', 3, 'S9'), 'O.3 names a specimen that is not known.'],
    ['no specimen', changed('O', 3, ''), 'O.3 must name the specimen.'],
    ['another patient', changed('P', 4, 'P-1'), 'P names another patient than the one whose specimen O.3 names.'],
    ['no test', changed('R', 3, ''), 'R.3 must name what was tested.'],
    ['no order', chemistry.filter((one) => !one.startsWith('O')), 'A result must stand after the order that it is of.'],
  ])('%s', (_, records, sentence) => {
    const { problems } = translated(records).translation;
    expect(problems.map((problem) => [problem.severity ?? 'E', problem.sentence])).toEqual([['E', sentence]]);
  });
});

test('an order that was cancelled (O.26 is X) without results is cancelled for each of its tests', () => {
  const records = changed('O', 26, 'X').filter((one) => !/^[RC]/.test(one));
  const made = observations(translated(records).translation);
  expect(made.map(({ status, basedOn }) => [status, basedOn])).toEqual([
    ['cancelled', [{ reference: 'ServiceRequest/glu' }]],
    ['cancelled', [{ reference: 'ServiceRequest/crea' }]],
  ]);
});

const folder = join(import.meta.dirname, '../../../shared/data/astm');
const here = existsSync(join(folder, 'INDEX.csv'));
if (!here) process.stderr.write('test/translation/astm: skipped, there is no ../shared/data/astm\n');

(here ? test : test.skip)('samples: each R after an O with a test is an Observation that is valid', () => {
  let results = 0;
  const paths = globSync('*/**/*.{astm,txt}', { cwd: folder }).filter((path) => statSync(join(folder, path)).isFile());
  for (const path of paths) {
    for (const message of messagesOf(readRecords(readFileSync(join(folder, path))).records)) {
      let made = 0;
      const settings = {
        zone: 'UTC',
        systems: {},
        mapped: () => undefined,
        work: () => ({ ...known, patientNumbers: [] }),
        sender: 'e1',
      };
      const translation = translateResults(message, settings, () => `${++made}`);
      const orders = message.patients.flatMap(({ orders: own }) => own);
      const sent = orders.flatMap((order) => order.results);
      const refused = translation.problems.length;
      results += sent.length;
      if (refused === 0) expect([path, observations(translation).length]).toEqual([path, sent.length]);
      else
        expect(translation.problems.every(({ sentence }) => /^(O\.3|R\.3|A result|H\.12)/.test(sentence))).toBe(true);
    }
  }
  expect(results).toBeGreaterThan(50);
});
