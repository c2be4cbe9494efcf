/** Acknowledgements as HL7 v2.5.1 §2.9 and §2.15 write them. */
import { expect, test } from '@jest/globals';
import { acknowledge, type Acknowledgement } from '../../src/hl7v2/acknowledge.ts';
import { isEnhanced, isWanted, readHeader } from '../../src/hl7v2/header.ts';
import { parseMessage } from '../../src/hl7v2/message.ts';

const answer: Acknowledgement = { code: 'AA', problems: [], controlId: 'M-1', time: '20260131081500+0300' };
const problem = {
  code: '101' as const,
  sentence: 'OBX-3 must name what was observed: 5|6.',
  place: { segment: 'OBX', sequence: 2, field: 3 },
};

test.each<[string, string | undefined, Acknowledgement, string]>([
  [
    '§2.9.2 original mode: accepted',
    'MSH|^~\\&|APP^1.2^ISO|FAC|LAB|HOSP|20260131||ORU^R01^ORU_R01|42|T|2.5.1||||||UNICODE UTF-8\r',
    answer,
    'MSH|^~\\&|LAB|HOSP|APP^1.2^ISO|FAC|20260131081500+0300||ACK^R01^ACK|M-1|T|2.5.1||||||UNICODE UTF-8\rMSA|AA|42\r',
  ],
  [
    '§2.15.5 an error with its place; delimiters in the sentence are escaped',
    'MSH|^~\\&|APP|FAC|LAB|HOSP|20260131||ORU^R01^ORU_R01|42|P|2.5.1\r',
    { ...answer, code: 'AE', problems: [problem] },
    'MSH|^~\\&|LAB|HOSP|APP|FAC|20260131081500+0300||ACK^R01^ACK|M-1|P|2.5.1\r' +
      'MSA|AE|42|OBX-3 must name what was observed: 5\\F\\6.\r' +
      'ERR||OBX^2^3^1|101^Required field missing^HL70357|E||||OBX-3 must name what was observed: 5\\F\\6.\r',
  ],
  [
    'before 2.5 ERR-1 is segment, sequence, field and code',
    'MSH|^~\\&|APP|FAC|LAB|HOSP|20260131||ORU^R01|42|P|2.3.1\r',
    { ...answer, code: 'AE', problems: [problem] },
    'MSH|^~\\&|LAB|HOSP|APP|FAC|20260131081500+0300||ACK^R01^ACK|M-1|P|2.3.1\r' +
      'MSA|AE|42|OBX-3 must name what was observed: 5\\F\\6.\r' +
      'ERR|OBX^2^3^101&Required field missing&HL70357\r',
  ],
  [
    '§2.5.4 in the delimiters of the message',
    'MSH#*+!%#APP#FAC#LAB#HOSP#20260131##ADT*A04#42#P#2.5\r',
    { ...answer, code: 'CA' },
    'MSH#*+!%#LAB#HOSP#APP#FAC#20260131081500+0300##ACK*A04*ACK#M-1#P#2.5\rMSA#CA#42\r',
  ],
  [
    'what could not be read at all',
    undefined,
    { ...answer, code: 'AR', problems: [{ code: '100', sentence: 'A message begins with the segment MSH.' }] },
    'MSH|^~\\&|||||20260131081500+0300||ACK^ACK|M-1|P|2.5.1\rMSA|AR||A message begins with the segment MSH.\r' +
      'ERR|||100^Segment sequence error^HL70357|E||||A message begins with the segment MSH.\r',
  ],
])('%s', (_, message, acknowledgement, text) => {
  expect(acknowledge(message === undefined ? undefined : parseMessage(message), acknowledgement)).toBe(text);
});

test.each([
  ['', true, true],
  ['AL', false, true],
  ['NE', false, false],
  ['ER', true, false],
  ['ER', false, true],
  ['SU', true, true],
  ['SU', false, false],
])('table 0155: %j, succeeded %s', (condition, succeeded, wanted) => {
  expect(isWanted(condition, succeeded)).toBe(wanted);
});

test('§2.9.2 enhanced mode where MSH-15 or MSH-16 says something', () => {
  const header = (rest: string) =>
    readHeader(parseMessage(`MSH|^~\\&|A|B|C|D|20260131||ADT^A04|1|P|2.5.1|||${rest}\r`));
  expect([header(''), header('AL'), header('|NE')].map(isEnhanced)).toEqual([false, true, true]);
});
