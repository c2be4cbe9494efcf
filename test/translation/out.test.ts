/**
 * Resources of our own with the message that is made of them, one pair of files each in out/: `.fhir` (JSON in which numbers
 * keep their digits; the first resource is the one that is told) and `.hl7`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { makeMessage } from '../../src/translation/out/messages.ts';
import type { Writing } from '../../src/translation/out/source.ts';
import { timeText } from '../../src/translation/out/times.ts';
import { withoutExponent } from '../../src/translation/out/value.ts';

const folder = join(import.meta.dirname, 'out');
const names = readdirSync(folder).flatMap((name) => (name.endsWith('.fhir') ? [name.slice(0, -5)] : []));

const base: Writing = {
  version: '2.5.1',
  zone: 'Asia/Aden',
  authorities: { 'https://north.example/ids': 'NORTH' },
  from: { application: 'LAB', facility: 'NORTH LAB' },
  to: { application: 'HIS', facility: 'HOSP' },
  acknowledgement: 'original',
  charset: 'UNICODE UTF-8',
  now: '2026-01-31T08:15:00.000Z',
  controlId: 'c1',
};

interface Given {
  readonly type: string;
  readonly writing: Partial<Writing>;
  readonly resources: readonly JsonObject[];
}

function made({ type, writing, resources }: Given): string {
  const found = new Map(resources.map((one) => [`${String(one['resourceType'])}/${String(one['id'])}`, one]));
  const find = (one: JsonObject | undefined): JsonObject | undefined => found.get(String(one?.['reference']));
  const [root = {}] = resources;
  return (makeMessage(type, { root, created: true, find }, { ...base, ...writing }) ?? '').replaceAll('\r', '\n');
}

test.each(names)('%s', (name) => {
  const given = parseJson(readFileSync(join(folder, `${name}.fhir`), 'utf8')) as unknown as Given;
  const file = join(folder, `${name}.hl7`);
  if (process.env['WRITE_GOLDEN'] === '1') writeFileSync(file, made(given));
  expect(made(given)).toBe(readFileSync(file, 'utf8'));
});

test.each([
  ['2026-01-31T08:15:00Z', '20260131111500+0300'],
  ['2026-01-31T23:15:00.1234567Z', '20260201021500.1234+0300'],
  ['2026-01-31T08:15:00.5-02:30', '20260131081500.5-0230'],
  ['2026-01', '202601'],
  ['yesterday', ''],
])('the time %s is %s', (time, written) => {
  expect(timeText(time, 'Asia/Aden')).toBe(written);
});

test.each([
  ['1.50e2', '150'],
  ['-1.5E-3', '-0.0015'],
  ['12.5e0', '12.5'],
  ['0.10e1', '1.0'],
  ['1e20', '100000000000000000000'],
  ['4.10', '4.10'],
])('the number %s is %s', (number, written) => {
  expect(withoutExponent(number)).toBe(written);
});

test('a patient without an identifier is no message', () => {
  expect(() => made({ type: 'ADT^A28', writing: {}, resources: [{ resourceType: 'Patient', id: '1' }] })).toThrow(
    'PID-3',
  );
});
