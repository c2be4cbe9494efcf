/** Records of LIS02-A2: delimiters, escapes, levels; and every sample, in whatever chunks it comes. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { control, framesOf } from '../../src/astm/frame.ts';
import type { Action } from '../../src/astm/action.ts';
import { astmLink } from '../../src/astm/link.ts';
import { standardLink } from '../../src/astm/settings.ts';
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

const folder = join(import.meta.dirname, '../../../shared/data/astm');
const here = existsSync(folder);
if (!here) process.stderr.write('test/astm/record: samples skipped, there is no ../shared/data/astm\n');
const samples = here
  ? globSync('**/*.{bin,txt,astm,log}', { cwd: folder })
      .filter((path) => statSync(join(folder, path)).isFile())
      .toSorted()
  : [];

/** What a host makes of a transmission: what it stored, and what it answered. */
function received(bytes: Buffer, chunk: number): { stored: string[]; answers: string } {
  const link = astmLink({ ...standardLink, withoutEnq: true, summing: 'optional' });
  const stored: string[] = [];
  let answers = '';
  const act = (actions: readonly Action[]): void => {
    for (const action of actions) {
      if (action.kind === 'send') answers += action.bytes[0] === control.ACK ? 'A' : 'N';
      if (action.kind !== 'message') continue;
      stored.push(action.content.toString('latin1'));
      act(link.stored(true, 0));
    }
  };
  for (let at = 0; at < bytes.length; at += chunk) act(link.take(bytes.subarray(at, at + chunk), 0));
  act(link.take(Buffer.of(control.EOT), 0));
  return { stored, answers };
}

(here ? describe : describe.skip)('samples', () => {
  test.each(samples)('%s is read without loss', (path) => {
    const bytes = readFileSync(join(folder, path));
    expect(writeRecords(readRecords(bytes))).toEqual(bytes);
  });

  test.each(samples.filter((path) => /framed\.bin$|(?:c111|xpert|mock|xlr|550|100)\.txt$/.test(path)))(
    '%s in chunks of 1, 7, 64 and 4,096 bytes is the same records with the same answers',
    (path) => {
      const bytes = readFileSync(join(folder, path));
      const whole = received(bytes, 4_096);
      expect(whole.stored).not.toEqual([]);
      expect(whole.answers).toMatch(/^A+$/);
      for (const chunk of [1, 7, 64]) expect(received(bytes, chunk)).toEqual(whole);
    },
  );

  test('a character that two frames share is whole', () => {
    const [path = ''] = samples.filter((one) => one.includes('cut-inside-multibyte'));
    const { stored } = received(readFileSync(join(folder, path)), 7);
    const { records, charset } = readRecords(Buffer.from(stored.join(''), 'latin1'));
    expect(charset).toBe('utf-8');
    expect(records.map(({ text }) => text).join()).not.toContain('\uFFFD');
    expect(framesOf([Buffer.from(stored.join(''), 'latin1')]).length).toBe(3);
  });
});
