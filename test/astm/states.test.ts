/** The table of src/astm/link.ts, cell by cell: what each event does in each state, the forbidden ones too. */
import { describe, expect, test } from '@jest/globals';
import type { Action } from '../../src/astm/action.ts';
import { control, frame } from '../../src/astm/frame.ts';
import { astmLink, type Link } from '../../src/astm/link.ts';
import { standardLink } from '../../src/astm/settings.ts';
import { bytesOf } from './messages.ts';

const { ENQ, ACK, NAK, EOT, STX } = control;
const framed = (number: number, text: string): Buffer => frame(number, Buffer.from(`${text}\r`), true);
const [header, patient, order, terminator] = [
  framed(1, 'H|\\^&'),
  framed(2, 'P|1'),
  framed(3, 'O|1|S'),
  framed(2, 'L|1|N'),
];
const damaged = Buffer.from(patient);
damaged[4]! ^= 1;
const message = bytesOf(['H|\\^&', 'L|1|N']);

/** How the link comes into a state. */
const states: Readonly<Record<string, (link: Link) => void>> = {
  neutral: () => undefined,
  receiving: (link) => void link.take(Buffer.concat([Buffer.of(ENQ), header]), 0),
  storing: (link) => void link.take(Buffer.concat([Buffer.of(ENQ), header, terminator]), 0),
  asking: (link) => void link.offer(message, 0),
  sending: (link) => {
    link.offer(message, 0);
    link.take(Buffer.of(ACK), 0);
  },
  'sending the last': (link) => {
    link.offer(message, 0);
    link.take(Buffer.of(ACK, ACK), 0);
  },
};

const comes = (bytes: Buffer | number) => (link: Link) =>
  link.take(typeof bytes === 'number' ? Buffer.of(bytes) : bytes, 1);

const events: Readonly<Record<string, (link: Link) => Action[] | undefined>> = {
  ENQ: comes(ENQ),
  ACK: comes(ACK),
  NAK: comes(NAK),
  EOT: comes(EOT),
  'the next frame': comes(patient),
  'the frame before': comes(header),
  'the last frame': comes(terminator),
  'a damaged frame': comes(damaged),
  'another number': comes(order),
  noise: comes(Buffer.from('xy')),
  offered: (link) => link.offer(message, 1),
  late: (link) => (link.due === undefined ? undefined : link.tick(link.due)),
  stored: (link) => link.stored(true, 1),
  'not stored': (link) => link.stored(false, 1),
};

/** What is done, and the state after it; `no` where it cannot be. Empty: nothing, and the state stays. */
const table: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  neutral: {
    ENQ: 'ACK → receiving',
    ACK: 'noise',
    NAK: 'noise',
    EOT: 'noise',
    'the next frame': 'noise',
    'the frame before': 'noise',
    'the last frame': 'noise',
    'a damaged frame': 'noise',
    'another number': 'noise',
    noise: 'noise',
    offered: 'ENQ → asking',
    late: 'no',
    stored: '',
    'not stored': '',
  },
  receiving: {
    ENQ: 'dropped ACK',
    ACK: 'noise',
    NAK: 'noise',
    EOT: 'message → storing',
    'the next frame': 'ACK',
    'the frame before': 'ACK',
    'the last frame': 'message → storing',
    'a damaged frame': 'refused NAK',
    'another number': 'refused NAK',
    noise: 'noise',
    offered: 'no',
    late: 'dropped → neutral',
    stored: '',
    'not stored': '',
  },
  storing: {
    ...Object.fromEntries(Object.keys(events).map((event) => [event, ''])),
    offered: 'no',
    late: 'no',
    stored: 'ACK → receiving',
    'not stored': 'NAK refused → receiving',
  },
  asking: {
    ENQ: 'undelivered → neutral',
    ACK: '[1] → sending',
    NAK: 'undelivered → neutral',
    EOT: '',
    'the next frame': '',
    'the frame before': '',
    'the last frame': '',
    'a damaged frame': '',
    'another number': '',
    noise: 'noise',
    offered: 'no',
    late: 'EOT undelivered → neutral',
    stored: '',
    'not stored': '',
  },
  sending: {
    ENQ: '[1]',
    ACK: '[2]',
    NAK: '[1]',
    EOT: 'EOT undelivered → neutral',
    'the next frame': '[1]',
    'the frame before': '[1]',
    'the last frame': '[1]',
    'a damaged frame': '[1]',
    'another number': '[1]',
    noise: 'noise',
    offered: 'no',
    late: 'EOT undelivered → neutral',
    stored: '',
    'not stored': '',
  },
  'sending the last': {
    ENQ: '[2]',
    ACK: 'EOT delivered → neutral',
    NAK: '[2]',
    EOT: 'EOT delivered → neutral',
    'the next frame': '[2]',
    'the frame before': '[2]',
    'the last frame': '[2]',
    'a damaged frame': '[2]',
    'another number': '[2]',
    noise: 'noise',
    offered: 'no',
    late: 'EOT undelivered → neutral',
    stored: '',
    'not stored': '',
  },
};

const names: Readonly<Record<number, string>> = { [ENQ]: 'ENQ', [ACK]: 'ACK', [NAK]: 'NAK', [EOT]: 'EOT' };

function told(action: Action): string {
  if (action.kind !== 'send') return action.kind;
  const [first = 0, second = 0] = action.bytes;
  return first === STX ? `[${String.fromCharCode(second)}]` : (names[first] ?? '?');
}

describe.each(Object.entries(states))('%s', (state, enter) => {
  test.each(Object.entries(events))('%s', (event, happens) => {
    const link = astmLink(standardLink);
    enter(link);
    const before = link.state;
    const actions = happens(link);
    const after = link.state === before ? '' : ` → ${link.state}`;
    expect(actions === undefined ? 'no' : `${actions.map(told).join(' ')}${after}`).toBe(table[state]?.[event]);
  });
});
