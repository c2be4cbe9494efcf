/** OBX-5, OBX-7 and times, keyed by data type (HL7 v2.5.1 §2.A). */
import { describe, expect, test } from '@jest/globals';
import { serializeJson, type JsonObject } from '../../src/fhir/json.ts';
import { parseMessage, readSegment } from '../../src/hl7v2/message.ts';
import { dateOnly, dateTime, instant } from '../../src/translation/times.ts';
import { newTarget } from '../../src/translation/translation.ts';
import { decimalText, observationValue, referenceRange } from '../../src/translation/value.ts';

const { target } = newTarget({ zone: 'Asia/Aden', systems: {}, mapped: () => undefined }, () => 'x');

function obx(type: string, value: string, unit = '', range = '') {
  const message = parseMessage(`MSH|^~\\&|A|B\rOBX|1|${type}|1^X^LN||${value}|${unit}|${range}\r`);
  return readSegment(message, 1);
}

const ucum = 'mmol/L^^UCUM';
const unit = '"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"';

describe('OBX-5', () => {
  test.each<[string, string, string, string, string]>([
    ['NM', 'NM', '4.10', ucum, `{"valueQuantity":{${unit},"value":4.10}}`],
    ['NM without a unit', 'NM', '-0.50', '', '{"valueQuantity":{"value":-0.50}}'],
    ['NM with a comma', 'NM', '4,10', ucum, `{"valueQuantity":{${unit},"value":4.10}}`],
    ['NM with leading zeros and plus', 'NM', '+007.0', '', '{"valueQuantity":{"value":7.0}}'],
    ['NM of many digits', 'NM', '3.14159265358979323846', '', '{"valueQuantity":{"value":3.14159265358979323846}}'],
    ['NM that is below a limit', 'NM', '<0.01', ucum, `{"valueQuantity":{"comparator":"<",${unit},"value":0.01}}`],
    ['NM that is no number', 'NM', 'haemolysed', '', '{"valueString":"haemolysed"}'],
    [
      'ST that is below a limit, with a unit',
      'ST',
      '> 60',
      ucum,
      `{"valueQuantity":{"comparator":">",${unit},"value":60}}`,
    ],
    ['ST that looks like a number', 'ST', '007', '', '{"valueString":"007"}'],
    ['ST in any script', 'ST', 'سلبي', '', '{"valueString":"سلبي"}'],
    ['TX in several lines', 'TX', 'one~two', '', '{"valueString":"one\\ntwo"}'],
    ['FT with line breaks', 'FT', 'one\\.br\\two', '', '{"valueString":"one\\ntwo"}'],
    ['SN compared', 'SN', '>=^100', ucum, `{"valueQuantity":{"comparator":">=",${unit},"value":100}}`],
    ['SN equal', 'SN', '^4.0', '', '{"valueQuantity":{"value":4.0}}'],
    ['SN range', 'SN', '^5^-^10', '', '{"valueRange":{"low":{"value":5},"high":{"value":10}}}'],
    ['SN ratio', 'SN', '^1^:^128', '', '{"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}}'],
    ['SN plus', 'SN', '^3^+', '', '{"valueString":"3+"}'],
    ['DT', 'DT', '20260131', '', '{"valueDateTime":"2026-01-31"}'],
    ['TS', 'TS', '202601310815', '', '{"valueDateTime":"2026-01-31T08:15:00+03:00"}'],
    ['TM', 'TM', '0815', '', '{"valueTime":"08:15:00"}'],
    ['DT that is none', 'DT', '20260231', '', '{"valueString":"20260231"}'],
    [
      'CWE',
      'CWE',
      '260373001^Detected^SCT',
      '',
      '{"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260373001","display":"Detected"}],"text":"Detected"}}',
    ],
    ['CE with a text alone', 'CE', '^Detected', '', '{"valueCodeableConcept":{"text":"Detected"}}'],
    ['nothing', 'NM', '', '', '{}'],
    ['null', 'NM', '""', '', '{}'],
  ])('%s', (_, type, value, written, found) => {
    expect(serializeJson(observationValue(target, obx(type, value, written), 1))).toBe(found);
  });
});

describe('OBX-7', () => {
  const q = (digits: string): string => `{${unit},"value":${digits}}`;
  test.each([
    ['3.5-5.1', `[{"low":${q('3.5')},"high":${q('5.1')},"text":"3.5-5.1"}]`],
    ['3,50 - 5,10', `[{"low":${q('3.50')},"high":${q('5.10')},"text":"3,50 - 5,10"}]`],
    ['3.5 to 5.1', `[{"low":${q('3.5')},"high":${q('5.1')},"text":"3.5 to 5.1"}]`],
    ['-2.0--1.0', `[{"low":${q('-2.0')},"high":${q('-1.0')},"text":"-2.0--1.0"}]`],
    ['<0.01', `[{"high":${q('0.01')},"text":"<0.01"}]`],
    ['> 60', `[{"low":${q('60')},"text":"> 60"}]`],
    ['negative', '[{"text":"negative"}]'],
    ['5.1-3.5', '[{"text":"5.1-3.5"}]'],
    ['', '[]'],
  ])('%j', (range, found) => {
    expect(serializeJson(referenceRange(obx('NM', '1', ucum, range)))).toBe(found);
  });
});

describe('§2.A.22 DTM', () => {
  test.each<[string, string | undefined, string | undefined, string | undefined]>([
    ['2026', '2026', '2026', undefined],
    ['202601', '2026-01', '2026-01', undefined],
    ['20260131', '2026-01-31', '2026-01-31', undefined],
    ['2026013108', '2026-01-31T08:00:00+03:00', '2026-01-31', '2026-01-31T08:00:00+03:00'],
    ['202601310815-0500', '2026-01-31T08:15:00-05:00', '2026-01-31', '2026-01-31T08:15:00-05:00'],
    ['20260131081530.1234+0000', '2026-01-31T08:15:30.1234+00:00', '2026-01-31', '2026-01-31T08:15:30.1234+00:00'],
    ['20260230', undefined, undefined, undefined],
    ['20261301', undefined, undefined, undefined],
    ['2026013124', undefined, undefined, undefined],
    ['31.01.2026', undefined, undefined, undefined],
    ['', undefined, undefined, undefined],
  ])('%j', (text, time, day, moment) => {
    expect([dateTime(text, 'Asia/Aden'), dateOnly(text), instant(text, 'Asia/Aden')]).toEqual([time, day, moment]);
  });

  test.each([
    // Cairo puts its clocks forward on the last Friday of April and back on the last Thursday of October.
    ['20260423120000', 'Africa/Cairo', '2026-04-23T12:00:00+02:00'],
    ['20260424120000', 'Africa/Cairo', '2026-04-24T12:00:00+03:00'],
    ['20261101120000', 'Africa/Cairo', '2026-11-01T12:00:00+02:00'],
    ['20260101000000', 'Asia/Kolkata', '2026-01-01T00:00:00+05:30'],
    ['20260101000000', 'UTC', '2026-01-01T00:00:00+00:00'],
  ])('%s in %s', (text, zone, found) => {
    expect(dateTime(text, zone)).toBe(found);
  });
});

test.each<[string, string | undefined]>([
  ['1.00', '1.00'],
  ['.5', '0.5'],
  ['5.', '5'],
  ['-0', '-0'],
  ['1e5', undefined],
  ['1 000', undefined],
  ['0x10', undefined],
  ['', undefined],
])('decimal %j', (text, digits) => {
  expect(decimalText(text)).toBe(digits);
});

test('what is written is JSON', () => {
  const value: JsonObject = observationValue(target, obx('NM', '00.10', ucum), 1);
  expect(JSON.parse(serializeJson(value))).toEqual({
    valueQuantity: { value: 0.1, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
  });
});
