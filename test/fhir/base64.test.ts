/** What base64 is, for short texts and for those that are decoded instead of looked at. */
import { expect, test } from '@jest/globals';
import { isPlainBase64 } from '../../src/fhir/base64.ts';

const cases: [string, boolean][] = [
  ['', true],
  ['QUJD', true],
  ['QUI=', true],
  ['QQ==', true],
  ['Q===', false],
  ['QUJ', false],
  ['QQ==QUJD', false],
  ['QUI=QUI=', false],
  ['QUJD====', false],
  ['QU D', false],
  ['QUJ\n', false],
  ['QU-_', false],
  ['QUJ*', false],
  ['QUJ\u0141', false],
  ['QUJ\u00c1', false],
  ['\u0141UI=', false],
];

test.each(cases)('%j: %s, alone and after many others', (text, expected) => {
  expect(isPlainBase64(text)).toBe(expected);
  expect(isPlainBase64('QUJD'.repeat(20_000) + text)).toBe(expected);
});
