/** Questions of analyzers and what answers them: LIS02-A2 §12 and §13. */
import { describe, expect, test } from '@jest/globals';
import { readQuery, workRecords, type SpecimenWork } from '../../src/astm/query.ts';
import { componentsAt, readRecords, repeatsOf, fieldOf, textAt, type Record } from '../../src/astm/record.ts';
import { messagesOf } from '../../src/astm/structure.ts';

const asked = (line: string): Record => readRecords(Buffer.from(`H|\\^&\r${line}\rL|1|N\r`)).records[1]!;
const nothing = { cancels: false, all: false, specimens: [], patients: [], upTo: '', tests: [] };

test.each([
  ['Q|1|^S1||ALL||||||||O', { specimens: ['S1'] }],
  ['Q|1|P1^S1||^^^GLU\\^^^CREA||||||||O', { specimens: ['S1'], tests: ['GLU', 'CREA'] }],
  ['Q|1|^S1\\^S2||', { specimens: ['S1', 'S2'] }],
  ['Q|1|^^S&S&1', { specimens: ['S^1'] }],
  ['Q|1|P1', { patients: ['P1'] }],
  ['Q|1|^S1|^S9|ALL', { specimens: ['S1'], upTo: 'S9' }],
  ['Q|1|ALL||ALL', { all: true }],
  ['Q|1|^S1||ALL||||||||A', { cancels: true, specimens: ['S1'] }],
])('%s', (line, expected) => {
  expect(readQuery(asked(line))).toEqual({ ...nothing, ...expected });
});

const work: SpecimenWork = {
  specimen: 'S|1',
  patient: 'P-4711',
  family: 'حداد',
  given: 'Samir',
  birthDate: '19710512',
  sex: 'M',
  tests: ['GLU', 'A^B'],
  priority: 'S',
  action: 'A',
};

describe('the answer', () => {
  const told = (works: readonly SpecimenWork[], answers: boolean) => {
    const text = workRecords(works, { sender: 'Makhbar', at: '20260301101500', answers }).join('');
    const [message] = messagesOf(readRecords(Buffer.from(text)).records);
    return { message, ended: message?.terminator && textAt(message.terminator, 3) };
  };

  test.each([
    [true, 'Q', 'F'],
    [false, 'O', 'N'],
  ])('holds the work of a specimen; to a question: %s', (answers, type, end) => {
    const { message, ended } = told([work], answers);
    expect(ended).toBe(end);
    expect(textAt(message!.header!.record, 14)).toBe('20260301101500');
    const [patient] = message!.patients;
    expect(textAt(patient!.record, 4)).toBe('P-4711');
    expect(componentsAt(patient!.record, 6)).toEqual(['حداد', 'Samir']);
    expect([8, 9].map((field) => textAt(patient!.record, field))).toEqual(['19710512', 'M']);
    const { record } = patient!.orders[0]!;
    expect([3, 6, 12, 26].map((field) => textAt(record, field))).toEqual(['S|1', 'S', 'A', type]);
    expect(repeatsOf(record, fieldOf(record, 5))).toEqual(['^^^GLU', '^^^A&S&B']);
  });

  test('without work says that nothing is known', () => {
    expect(told([], true)).toMatchObject({ ended: 'I', message: { patients: [] } });
  });
});
