/** Segments, fields, escapes and character sets, keyed by the sections of HL7 v2.5.1. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import { charsetLabel, decodeMessage, encodeMessage } from '../../src/hl7v2/charset.ts';
import { escapeText, unescapeText } from '../../src/hl7v2/escape.ts';
import { readHeader } from '../../src/hl7v2/header.ts';
import {
  NoMessage,
  parseMessage,
  readSegments,
  serializeMessage,
  standardDelimiters,
} from '../../src/hl7v2/message.ts';
import { isBatch, splitBatch } from '../../src/hl7v2/batch.ts';

const head = 'MSH|^~\\&|APP|FAC^1.2.3^ISO|LAB|HOSP|20260131081500+0300||ORU^R01^ORU_R01|42|P|2.5.1|||AL|NE';

describe('reading', () => {
  const message = parseMessage(
    `${head}\rPID|1||7^^^MRN^MR~8^^^NID^NI||القاسم^ليلى||19870309|""\rOBX|1|NM|K^a&b^L||4.10\r`,
  );
  const [msh, pid, obx] = readSegments(message);

  test.each([
    ['§2.15.9.1 MSH-1 is the separator itself', msh?.text(1), '|'],
    ['§2.15.9.2 MSH-2', msh?.raw(2), '^~\\&'],
    ['§2.15.9.3 MSH-3', msh?.text(3), 'APP'],
    ['MSH-4.2', msh?.text(4, 2), '1.2.3'],
    ['§2.5.3 a component', pid?.text(3), '7'],
    ['§2.5.3 a later component', pid?.text(3, 5), 'MR'],
    ['§2.5.3 a repetition', pid?.repetitions(3)[1]?.text(1), '8'],
    ['any script', pid?.text(5), 'القاسم'],
    ['a subcomponent', obx?.text(3, 2, 2), 'b'],
    ['a decimal as it was written', obx?.text(5), '4.10'],
    ['a field that is not there', obx?.text(40), ''],
    ['§2.5.3 null is no text', pid?.text(8), ''],
  ])('%s', (_, found, wanted) => {
    expect(found).toBe(wanted);
  });

  test('§2.5.3 null is not the same as empty', () => {
    expect([pid?.isNull(8), pid?.isNull(9)]).toEqual([true, false]);
  });

  test('the header', () => {
    expect(readHeader(message)).toMatchObject({
      application: 'APP',
      facility: 'FAC',
      code: 'ORU',
      event: 'R01',
      controlId: '42',
      version: '2.5.1',
      acceptAck: 'AL',
      applicationAck: 'NE',
    });
  });

  test.each([
    ['', 'A message begins with the segment MSH.'],
    ['PID|1\r', 'A message begins with the segment MSH.'],
    ['MSH', 'MSH-1 must be the character that separates fields.'],
    ['MSHA', 'A message begins with the segment MSH.'],
  ])('%j is refused', (text, sentence) => {
    expect(() => parseMessage(text)).toThrow(new NoMessage(sentence));
  });

  test('§2.5.4 delimiters that do not differ are told, and the fields can be read', () => {
    const message = parseMessage(head.replace('^~', '^^'));
    expect(message.problem).toMatch(/^MSH-2 must be/);
    expect(readHeader(message)).toMatchObject({ application: 'APP', controlId: '42' });
  });

  test('§2.5.4 other delimiters', () => {
    const [header, line] = readSegments(parseMessage('MSH#*+!%#A#B\rPID#1##7*x%y+8\r'));
    expect([header?.text(3), line?.text(3, 2, 2), line?.repetitions(3).length]).toEqual(['A', 'y', 2]);
  });
});

describe('what is written back is what was read', () => {
  test.each(['\r', '\n', '\r\n'])('line ends %j', (end) => {
    const text = `${head}${end}PID|1${end}${end}  odd line${end}ZZZ|é|`;
    expect(serializeMessage(parseMessage(text))).toBe(text);
  });

  test('any text after a header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (rest) => {
        expect(serializeMessage(parseMessage(`${head}\r${rest}`))).toBe(`${head}\r${rest}`);
      }),
    );
  });
});

describe('§2.7 escapes', () => {
  test.each([
    ['\\F\\\\S\\\\T\\\\R\\\\E\\', '|^&~\\'],
    ['a\\X0D0A\\b', 'a\nb'],
    ['\\XD984\\', 'ل'],
    ['\\XE9\\', 'é'],
    ['one\\.br\\two', 'one\ntwo'],
    ['\\.sp2\\x', '\n\nx'],
    ['\\H\\bold\\N\\', 'bold'],
    ['5\\10 and C:\\temp', '5\\10 and C:\\temp'],
    ['lone \\', 'lone \\'],
    ['\\Zlocal\\', '\\Zlocal\\'],
    ['a\\b\\F\\c', 'a\\b|c'],
  ])('%s', (written, meant) => {
    expect(unescapeText(written, standardDelimiters)).toBe(meant);
  });

  test('what is escaped comes back, and holds no delimiter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = escapeText(text, standardDelimiters);
        expect(escaped).not.toMatch(/[|^~&\r\n]/);
        expect(unescapeText(escaped, standardDelimiters)).toBe(text.replaceAll(/\r\n?/g, '\n'));
      }),
    );
  });
});

describe('table 0211, character sets', () => {
  const line = (set: string): string =>
    `MSH|^~\\&|A|B|C|D|20260131||ORU^R01|1|P|2.5.1||||||${set}\rPID|1||7||القاسم^ليلى\r`;
  test.each([
    ['UNICODE UTF-8', 'utf-8', 'utf-8', undefined],
    ['8859/6', 'iso-8859-6', 'iso-8859-6', undefined],
    ['CP1256', 'windows-1256', 'windows-1256', undefined],
    ['8859/1~UNICODE UTF-8', 'utf-8', 'utf-8', undefined],
    // The wrong name, and none.
    ['8859/1', 'utf-8', 'utf-8', '8859/1'],
    ['ASCII', 'windows-1256', 'windows-1256', 'ASCII'],
    ['', 'windows-1256', 'windows-1256', undefined],
    ['', 'utf-8', 'utf-8', undefined],
  ])('%j in %s is read as %s', (set, sent, read, disagreed) => {
    const bytes = iconv.encode(line(set), sent);
    const found = decodeMessage(bytes, 'windows-1256');
    expect(found).toEqual({ text: line(set), charset: read, ...(disagreed !== undefined && { disagreed }) });
    expect(encodeMessage(found.text, found.charset)).toEqual(bytes);
  });

  test.each([
    ['8859/2', 'iso-8859-2', 'Łódź'],
    ['8859/10', 'iso-8859-10', 'Þingeyri'],
    ['8859/11', 'iso-8859-11', 'สมชาย'],
    ['8859/13', 'iso-8859-13', 'Šiauliai'],
    ['8859/14', 'iso-8859-14', 'Ŵyn'],
    ['8859/15', 'iso-8859-15', 'Œuvre'],
    ['GB 18030-2000', 'gb18030', '王小明'],
    ['BIG-5', 'big5', '許功蓋'],
    ['KS X 1001', 'euc-kr', '홍길동'],
  ])('%s is read, and written under its name', (set, charset, name) => {
    const text = `MSH|^~\\&|A|B|C|D|20260131||ADT^A04|1|P|2.5.1||||||${set}\rPID|1||7||${name}|x\r`;
    const found = decodeMessage(iconv.encode(text, charset));
    expect(found).toEqual({ text, charset });
    expect([charsetLabel(charset), encodeMessage(text, charset)]).toEqual([set, iconv.encode(text, charset)]);
  });

  test('a byte order mark is no part of the message', () => {
    expect(decodeMessage(Buffer.from(`\uFEFF${line('')}`)).text).toBe(line(''));
  });

  test('ISO IR87', () => {
    const bytes = Buffer.concat([
      Buffer.from('MSH|^~\\&|||||||ORU^R01|1|P|2.5||||||ISO IR87\rPID|||||'),
      Buffer.from('1b24423b3345441b2842', 'hex'),
    ]);
    const { text, charset } = decodeMessage(bytes);
    expect([text.slice(-2), charset]).toEqual(['山田', 'iso-2022-jp']);
  });

  test('what a set does not have is refused', () => {
    expect(() => encodeMessage('ل', 'iso-8859-1')).toThrow(RangeError);
  });
});

describe('§2.10.3 batches', () => {
  test('each MSH begins a message', () => {
    const whole = parseMessage(`FHS|^~\\&\rBHS|^~\\&\r${head}\rPID|1\r${head}\rPID|2\rBTS|2\rFTS|1\r`);
    expect(isBatch(whole)).toBe(true);
    const { messages, told } = splitBatch(whole);
    expect(messages.map((one) => serializeMessage(one))).toEqual([`${head}\rPID|1\r`, `${head}\rPID|2\r`]);
    expect(told).toBe(2);
  });

  test('a single message is none', () => {
    expect(isBatch(parseMessage(`${head}\rPID|1\r`))).toBe(false);
  });
});
