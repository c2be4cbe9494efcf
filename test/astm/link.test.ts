/** The link layer of LIS01-A2, statement by statement: what comes in, what goes out, and when. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checksum, control, frame, framesOf } from '../../src/astm/frame.ts';
import type { Action } from '../../src/astm/action.ts';
import { astmLink, type Link } from '../../src/astm/link.ts';
import { standardLink, type LinkSettings } from '../../src/astm/settings.ts';
import { answers, perfect, run, side } from './channel.ts';
import { bytesOf, chemistry } from './messages.ts';

const { ENQ, EOT, ACK, NAK, STX, ETX } = control;
const records = bytesOf(chemistry);
const content = Buffer.concat(records);

/** What was sent, as letters for single characters; `[n]` for a frame with its number. */
function sent(actions: readonly Action[] | undefined): string {
  const name: Record<number, string> = { [ENQ]: 'ENQ', [EOT]: 'EOT', [ACK]: 'ACK', [NAK]: 'NAK' };
  return (actions ?? [])
    .flatMap((action) => {
      if (action.kind !== 'send') return [];
      return action.bytes[0] === STX
        ? [`[${String.fromCharCode(action.bytes[1] ?? 0)}]`]
        : [name[action.bytes[0] ?? 0]];
    })
    .join(' ');
}

function kinds(actions: readonly Action[]): string[] {
  return actions.filter(({ kind }) => kind !== 'send').map(({ kind }) => kind);
}

function linkOf(settings: Partial<LinkSettings> = {}): Link {
  return astmLink({ ...standardLink, ...settings });
}

const byte = (code: number): Buffer => Buffer.of(code);
const text = (written: string): Buffer => Buffer.from(written, 'latin1');

describe('frames', () => {
  test('the checksum is the sum from the number to ETX, modulo 256, in two capitals (§6.3.3)', () => {
    expect(checksum(text('1H|\\^&\r\x03'))).toBe('E5');
    expect(frame(1, text('H|\\^&\r'), true).toString('latin1')).toBe('\x021H|\\^&\r\x03E5\r\n');
  });

  test('a record longer than a frame goes on in frames that end with ETB; numbers go 1 to 7, then 0 (§6.3.1)', () => {
    const frames = framesOf([Buffer.alloc(500, 'x'), Buffer.alloc(240 * 6, 'y')]);
    expect(frames.map((one) => String.fromCharCode(one[1] ?? 0)).join('')).toBe('123456701');
    expect(frames.map((one) => (one.at(-5) === ETX ? '.' : '-')).join('')).toBe('--.-----.');
    expect(frames.every(({ length }) => length <= 247)).toBe(true);
  });
});

describe('receiving', () => {
  test('ENQ, each frame and the end are answered; the last frame after the message is stored', () => {
    const link = linkOf();
    expect(sent(link.take(byte(ENQ), 0))).toBe('ACK');
    const frames = framesOf(records);
    for (const one of frames.slice(0, -1)) expect(sent(link.take(one, 1))).toBe('ACK');
    const last = link.take(frames.at(-1)!, 2);
    expect(sent(last)).toBe('');
    expect(last).toEqual([{ kind: 'message', content, acknowledged: false }]);
    expect(link.state).toBe('storing');
    expect(sent(link.stored(true, 3))).toBe('ACK');
    expect(sent(link.take(byte(EOT), 4))).toBe('');
    expect(link.state).toBe('neutral');
  });

  test('what could not be stored is refused, and taken when it comes again', () => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    const frames = framesOf(records);
    for (const one of frames) link.take(one, 1);
    expect(sent(link.stored(false, 2))).toBe('NAK');
    expect(kinds(link.take(frames.at(-1)!, 3))).toEqual(['message']);
    expect(sent(link.stored(true, 4))).toBe('ACK');
    expect(sent(link.take(byte(EOT), 5))).toBe('');
  });

  test('what comes while a message is stored waits; the last frame again is one message', () => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    const frames = framesOf(records);
    for (const one of frames) link.take(one, 1);
    expect(link.take(frames.at(-1)!, 2)).toEqual([]);
    const after = link.stored(true, 3);
    expect(sent(after)).toBe('ACK ACK');
    expect(kinds(after)).toEqual([]);
  });

  test.each<[string, Buffer, string, RegExp]>([
    ['a wrong checksum', text('\x021H|\\^&\r\x03E6\r\n'), 'NAK', /checksum is E6, its bytes give E5/],
    ['no checksum', text('\x021H|\\^&\r\x03\r\n'), 'NAK', /no checksum/],
    ['a checksum that is none', text('\x021H|\\^&\r\x03G5\r\n'), 'NAK', /two hexadecimal/],
    ['another number', frame(2, text('H|\\^&\r'), true), 'NAK', /is 2, and not 1/],
    ['no number', frame(8, text('H|\\^&\r'), true), 'NAK', /begins with its number/],
    ['a character that is not allowed', frame(1, text('H|\\^&\x11\r'), true), 'NAK', /0x11 is not allowed/],
    ['a line feed in the text', text('\x021H|\\^&\r\n'), 'NAK', /no LF/],
  ])('%s is refused with its reason (§6.4)', (_name, bytes, answer, rule) => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    const actions = link.take(bytes, 1);
    expect(sent(actions)).toBe(answer);
    expect(actions.find(({ kind }) => kind === 'refused')).toMatchObject({ rule: expect.stringMatching(rule) });
    expect(sent(link.take(frame(1, text('H|\\^&\r'), true), 2))).toBe('ACK');
  });

  test('the frame before again is acknowledged and dropped; the same number with another text is refused (§6.3.2)', () => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    const [one, two] = [frame(1, records[0]!, true), frame(2, records[1]!, true)];
    expect(sent(link.take(one, 1))).toBe('ACK');
    expect(sent(link.take(one, 2))).toBe('ACK');
    expect(sent(link.take(frame(1, records[3]!, true), 3))).toBe('NAK');
    expect(sent(link.take(two, 4))).toBe('ACK');
    const end = link.take(frame(3, text('L|1|N\r'), true), 5);
    expect(end).toEqual([
      { kind: 'message', content: Buffer.concat([records[0]!, records[1]!, text('L|1|N\r')]), acknowledged: false },
    ]);
  });

  test('noise between frames is ignored (§6.6)', () => {
    const link = linkOf();
    link.take(text('noise'), 0);
    expect(sent(link.take(byte(ENQ), 0))).toBe('ACK');
    expect(sent(link.take(text('\0\0xy\x00'), 1))).toBe('');
    expect(sent(link.take(frame(1, records[0]!, true), 2))).toBe('ACK');
  });

  test('after 30 s of nothing what came is dropped; each frame begins them anew (§6.5.2)', () => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    expect(link.due).toBe(30_000);
    link.take(frame(1, records[0]!, true), 20_000);
    expect(link.tick(30_000)).toEqual([]);
    expect(link.due).toBe(50_000);
    expect(kinds(link.tick(50_000))).toEqual(['dropped']);
    expect(link.state).toBe('neutral');
    expect(link.due).toBeUndefined();
  });

  test('ENQ within a transmission begins it anew', () => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    link.take(frame(1, records[0]!, true), 1);
    const actions = link.take(byte(ENQ), 2);
    expect([sent(actions), kinds(actions)]).toEqual(['ACK', ['dropped']]);
    expect(sent(link.take(frame(1, records[0]!, true), 3))).toBe('ACK');
  });

  test('a message without L is given up to be stored at EOT', () => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    link.take(frame(1, records[0]!, true), 1);
    link.take(frame(2, records[1]!.subarray(0, -1), true), 2);
    expect(link.take(byte(EOT), 3)).toEqual([
      { kind: 'message', content: Buffer.concat([records[0]!, records[1]!]), acknowledged: true },
    ]);
    expect([sent(link.stored(true, 4)), link.state]).toEqual(['', 'neutral']);
  });

  test('of a record that was cut by EOT nothing is taken', () => {
    const link = linkOf();
    link.take(byte(ENQ), 0);
    link.take(frame(1, records[0]!, true), 1);
    link.take(frame(2, text('R|1|^^^GLU|5.'), false), 2);
    const actions = link.take(byte(EOT), 3);
    expect(actions).toEqual([
      { kind: 'dropped', bytes: 13, reason: expect.any(String) },
      { kind: 'message', content: records[0], acknowledged: true },
    ]);
  });

  test('a text longer than what is allowed is refused, and takes no more memory', () => {
    const link = linkOf({ frameIn: 1_000 });
    link.take(byte(ENQ), 0);
    const actions = link.take(frame(1, Buffer.alloc(1_001, 'x'), true), 1);
    expect(actions).toMatchObject([
      { kind: 'refused', rule: expect.stringContaining('at most 1000') },
      { kind: 'send' },
    ]);
    expect(sent(link.take(frame(1, Buffer.alloc(1_000, 'x'), true), 2))).toBe('ACK');
  });

  test('a message longer than what is allowed is refused', () => {
    const link = linkOf({ messageLimit: 300 });
    link.take(byte(ENQ), 0);
    expect(sent(link.take(frame(1, Buffer.alloc(200, 'x'), false), 1))).toBe('ACK');
    expect(sent(link.take(frame(2, Buffer.alloc(200, 'x'), false), 1))).toBe('NAK');
  });

  test.each<[string, Partial<LinkSettings>, string]>([
    ['no checksum', { summing: 'optional' }, '\x05\x021H|\\^&\rL|1\r\x03\r\n'],
    ['a checksum that means nothing', { summing: 'ignored' }, '\x05\x021H|\\^&\rL|1\r\x0300\r\n'],
    [
      'numbers that mean nothing',
      { numbers: 'any' },
      `\x05${frame(5, text('H|\\^&\rL|1\r'), true).toString('latin1')}`,
    ],
    ['no ENQ', { withoutEnq: true }, frame(1, text('H|\\^&\rL|1\r'), true).toString('latin1')],
    ['line feeds', { lineFeeds: true }, `\x05${frame(1, text('H|\\^&\r\nL|1\r\n'), true).toString('latin1')}`],
  ])('a driver may allow %s', (_name, settings, bytes) => {
    expect(kinds(linkOf(settings).take(text(bytes), 0))).toEqual(['message']);
    expect(kinds(linkOf().take(text(bytes), 0))).not.toContain('message');
  });
});

describe('sending', () => {
  test('ENQ, a frame for each ACK, EOT', () => {
    const link = linkOf();
    expect(sent(link.offer(bytesOf(['H|\\^&', 'L|1|N']), 0))).toBe('ENQ');
    expect(link.offer(records, 0)).toBeUndefined();
    expect(sent(link.take(byte(ACK), 1))).toBe('[1]');
    expect(sent(link.take(byte(ACK), 2))).toBe('[2]');
    const end = link.take(byte(ACK), 3);
    expect([sent(end), kinds(end), link.state]).toEqual(['EOT', ['delivered'], 'neutral']);
  });

  test.each<[string, number, string]>([
    ['ENQ', 0, 'ENQ'],
    ['a frame', 1, '[1]'],
  ])('no answer to %s for 15 s: EOT, and the message is kept (§6.5.2)', (_name, acks, before) => {
    const link = linkOf();
    let said = sent(link.offer(records, 0));
    for (let i = 0; i < acks; i++) said = sent(link.take(byte(ACK), 0));
    expect([said, link.due]).toEqual([before, 15_000]);
    expect(link.tick(14_999)).toEqual([]);
    const end = link.tick(15_000);
    expect([sent(end), kinds(end), link.state]).toEqual(['EOT', ['undelivered'], 'neutral']);
    expect(sent(link.offer(records, 15_000))).toBe('ENQ');
  });

  test('NAK to ENQ: again after 10 s (§6.2.7.1)', () => {
    const link = linkOf();
    link.offer(records, 0);
    expect(kinds(link.take(byte(NAK), 100))).toEqual(['undelivered']);
    expect(link.offer(records, 10_099)).toBeUndefined();
    expect(sent(link.offer(records, 10_100))).toBe('ENQ');
  });

  test.each([
    ['host', 20_000],
    ['instrument', 1_000],
  ] as const)('both ask: the %s asks again after %i ms (§6.2.7.2)', (role, wait) => {
    const link = linkOf({ role });
    link.offer(records, 0);
    const actions = link.take(byte(ENQ), 0);
    expect([sent(actions), kinds(actions)]).toEqual(['', ['undelivered']]);
    expect(link.offer(records, wait - 1)).toBeUndefined();
    expect(sent(link.take(byte(ENQ), wait - 1))).toBe('ACK');
    link.take(byte(EOT), wait);
    expect(sent(link.offer(records, wait))).toBe('ENQ');
  });

  test.each([
    ['NAK', byte(NAK)],
    ['what is no answer', byte(ENQ)],
  ])('%s: the frame again, six times in all, then EOT (§6.5.1.2)', (_name, answer) => {
    const link = linkOf();
    link.offer(records, 0);
    link.take(byte(ACK), 1);
    for (let i = 2; i <= 6; i++) expect(sent(link.take(answer, i))).toBe('[1]');
    const end = link.take(answer, 7);
    expect([sent(end), kinds(end)]).toEqual(['EOT', ['undelivered']]);
  });

  test('EOT for an answer: the receiver interrupts; the message is kept, but for its last frame (§6.3.5)', () => {
    const link = linkOf();
    link.offer(records, 0);
    link.take(byte(ACK), 1);
    const end = link.take(byte(EOT), 2);
    expect([sent(end), kinds(end)]).toEqual(['EOT', ['undelivered']]);
    expect(link.offer(records, 15_001)).toBeUndefined();
    expect(sent(link.offer(bytesOf(['L|1']), 15_002))).toBe('ENQ');
    link.take(byte(ACK), 15_003);
    expect(kinds(link.take(byte(EOT), 15_004))).toEqual(['delivered']);
  });
});

describe('both sides on a line', () => {
  test.each([1, 7, 64, 4_096])('chunks of %i bytes', (chunk) => {
    const [instrument, host] = [side({ role: 'instrument' }), side()];
    run(instrument, host, { ...perfect(), chunk }, instrument.link.offer(records, 0) ?? []);
    expect(host.messages).toEqual([content]);
    expect(answers(host)).toBe('A'.repeat(chemistry.length + 1));
    expect(instrument.delivered).toEqual(['delivered']);
  });

  test('both ask at once: the instrument goes first, then the host', () => {
    const [instrument, host] = [side({ role: 'instrument' }), side()];
    const order = bytesOf(['H|\\^&', 'L|1|N']);
    const line = perfect();
    const asked = host.link.offer(order, 0) ?? [];
    const first = instrument.link.offer(records, 0) ?? [];
    expect([sent(asked), sent(first)]).toEqual(['ENQ', 'ENQ']);
    host.link.take(byte(ENQ), 0);
    instrument.link.take(byte(ENQ), 0);
    line.now = 1_000;
    run(instrument, host, line, instrument.link.offer(records, 1_000) ?? []);
    expect([host.messages, instrument.delivered]).toEqual([[content], ['delivered']]);
    line.now = 20_000;
    run(host, instrument, line, host.link.offer(order, 20_000) ?? []);
    expect(instrument.messages).toEqual([Buffer.concat(order)]);
  });

  test('each byte damaged once: no record is wrong, and the message arrives', () => {
    const total = 1 + framesOf(records).reduce((sum, { length }) => sum + length, 0);
    const damages = [(one: number) => one ^ 0x01, (one: number) => one ^ 0x40, () => 0x00, () => undefined];
    for (const damage of damages) {
      for (let at = 0; at <= total; at++) {
        const [instrument, host] = [side({ role: 'instrument' }), side()];
        const line = perfect();
        line.damage = (one, place, from) => (from === 'instrument' && place === at ? damage(one) : one);
        for (let tries = 0; tries < 3 && !instrument.delivered.includes('delivered'); tries++) {
          const first = instrument.link.offer(records, line.now);
          if (first === undefined) line.now += 30_000;
          run(instrument, host, line, first ?? [], line.now + 200_000);
        }
        // A sender that gives up has sent whole records so far; all of them come again.
        const wrong = host.messages.filter((message) => !content.subarray(0, message.length).equals(message));
        const messages = host.messages.some((message) => message.equals(content));
        expect({ at, wrong, delivered: instrument.delivered.at(-1), messages }).toEqual({
          at,
          wrong: [],
          delivered: 'delivered',
          messages: true,
        });
      }
    }
  });

  test('whatever comes, each state has its end and nothing is handed out that was not sent', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (chunks) => {
        const link = linkOf();
        let now = 0;
        for (const chunk of chunks)
          for (const action of link.take(Buffer.from(chunk), (now += 10)))
            if (action.kind === 'message') link.stored(true, now);
        for (let i = 0; i < 4 && link.due !== undefined; i++) link.tick((now = link.due));
        expect(link.state).toBe('neutral');
        expect(sent(link.take(byte(ENQ), now + 1))).toMatch(/ACK$/);
      }),
    );
  });
});
