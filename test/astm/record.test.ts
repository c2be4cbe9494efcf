/** Records of LIS02-A2: delimiters, escapes, levels. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  componentsAt,
  escapeText,
  fieldOf,
  readRecords,
  recordText,
  repeatsOf,
  standardDelimiters,
  textAt,
  unescape,
  writeRecords,
  type Record,
} from '../../src/astm/record.ts';
import { messagesOf } from '../../src/astm/structure.ts';
import { bytesOf, chemistry } from './messages.ts';

function read(...lines: string[]): readonly Record[] {
  return readRecords(Buffer.from(lines.map((line) => `${line}\r`).join(''))).records;
}

function only(line: string, header = 'H|\\^&'): Record {
  return read(header, line)[1]!;
}

describe('fields', () => {
  test.each<[string, string, string, string[]]>([
    ['the standard delimiters', 'H|\\^&', 'R|1|^^^GLU^2|5.40', ['', '', '', 'GLU', '2']],
    ['those of a header', 'H|@^\\', 'R|1|^^^GLU\\S\\2@^^^X|5.40', ['', '', '', 'GLU^2']],
    ['others altogether', 'H;~:!', 'R;1;:::GLU:2~:::X;5.40', ['', '', '', 'GLU', '2']],
    ['a backslash that is doubled', 'H|\\\\^&', 'R|1|^^^GLU\\^^^X|5.40', ['', '', '', 'GLU']],
  ])('%s (§5.4.1)', (_name, header, line, expected) => {
    const record = only(line, header);
    expect([componentsAt(record, 3), textAt(record, 4), fieldOf(record, 30)]).toEqual([expected, '5.40', '']);
  });

  test.each([
    ['&F&', '|'],
    ['&S&', '^'],
    ['&R&', '\\'],
    ['&E&', '&'],
    ['a&X41420D&b', 'aAB\rb'],
    ['&H&a&N&', 'a'],
    ['DB&E&23', 'DB&23'],
    ['AT&T', 'AT&T'],
    ['&Q&', '&Q&'],
    ['&X4&', '&X4&'],
  ])('the escape %s (§5.4.3)', (written, expected) => {
    expect(unescape(written, standardDelimiters)).toBe(expected);
  });

  test('what is written is read again, whatever it holds', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 6 }), (values) => {
        const line = recordText(
          'R',
          [...values, 'end'].map((one) => escapeText(one, standardDelimiters)),
          standardDelimiters,
        );
        const record = only(line);
        values.forEach((value, i) => expect(unescape(fieldOf(record, i + 2), standardDelimiters)).toBe(value));
      }),
    );
  });

  test('a repeat is a value of its own', () => {
    const record = only('O|1|S1||^^^GLU\\^^^CREA\\^^^NA');
    expect(repeatsOf(record, fieldOf(record, 5))).toEqual(['^^^GLU', '^^^CREA', '^^^NA']);
  });
});

describe('lines', () => {
  test.each([
    ['CR', '\r'],
    ['LF', '\n'],
    ['CR LF', '\r\n'],
  ])('end with %s', (_name, end) => {
    expect(readRecords(Buffer.from(`H|\\^&${end}L|1`)).records.map(({ type }) => type)).toEqual(['H', 'L']);
  });

  test('comments, blank lines and NULs are kept and are no records', () => {
    const bytes = Buffer.from('# a comment\r\n\r\n\0\0H|\\^&\r\nL|1\r\n\r\n');
    const found = readRecords(bytes);
    expect(found.records.map(({ text }) => text)).toEqual(['H|\\^&', 'L|1']);
    expect(writeRecords(found)).toEqual(bytes);
  });

  test.each<[string, Buffer, string, string]>([
    ['UTF-8', Buffer.from('H|\\^&\rP|1||||حداد^سمير\r'), 'windows-1256', 'حداد'],
    [
      'the set of the interface',
      Buffer.from('48 7c 5c 5e 26 0d 50 7c 31 7c 7c 7c 7c cd cf c7 cf 0d'.replaceAll(' ', ''), 'hex'),
      'windows-1256',
      'حداد',
    ],
    ['Latin-1', Buffer.from('H|\\^&\rP|1||||D\xc9TECT\xc9\r', 'latin1'), 'iso-8859-1', 'DÉTECTÉ'],
  ])('%s', (_name, bytes, charset, expected) => {
    const found = readRecords(bytes, charset);
    expect(componentsAt(found.records[1]!, 6)[0]).toBe(expected);
    expect(writeRecords(found)).toEqual(bytes);
  });

  test('any bytes are written as they were read', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.constantFrom('utf-8', 'windows-1256', 'iso-8859-6', 'ascii'),
        (bytes, charset) => {
          const content = Buffer.from(bytes);
          expect(writeRecords(readRecords(content, charset))).toEqual(content);
        },
      ),
    );
  });
});

describe('levels', () => {
  test('each record belongs to the nearest above it (§5.1)', () => {
    const [message] = messagesOf(readRecords(Buffer.concat(bytesOf(chemistry))).records);
    const [patient] = message?.patients ?? [];
    expect(message?.header?.record.type).toBe('H');
    expect(patient?.orders[0]?.results.map(({ record }) => textAt(record, 4))).toEqual(['5.40', '1.00']);
    expect(patient?.orders[0]?.results[0]?.comments.map((record) => textAt(record, 4))).toEqual([
      'SLIGHTLY HAEMOLYTIC',
    ]);
    expect([message?.terminator?.text, message?.loose]).toEqual(['L|1|N', []]);
  });

  test.each<[string, string[], (number | string)[]]>([
    ['two messages', ['H|\\^&', 'L|1', 'H|\\^&', 'Q|1|^S1', 'L|1'], [0, 1]],
    ['an order without a patient', ['H|\\^&', 'O|1|S1', 'R|1|^^^A|1'], [0]],
    ['no header', ['P|1', 'O|1|S1', 'R|1|^^^A|1', 'L|1'], [0]],
    ['the header twice', ['H|\\^&', 'H|\\^&', 'P|1', 'L|1'], [0]],
  ])('%s', (_name, lines, queries) => {
    expect(messagesOf(read(...lines)).map((message) => message.queries.length)).toEqual(queries);
  });

  test('a result without an order is told', () => {
    expect(messagesOf(read('H|\\^&', 'P|1', 'R|1|^^^A|1'))[0]?.loose.map(({ type }) => type)).toEqual(['R']);
  });
});
