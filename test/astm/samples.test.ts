/** Samples of analyzers: in whatever chunks they come, with each byte damaged once, and what a bad frame is answered with. */
import { describe, expect, test } from '@jest/globals';
import { control, frame } from '../../src/astm/frame.ts';
import { astmLink, type Link } from '../../src/astm/link.ts';
import { readRecords, writeRecords } from '../../src/astm/record.ts';
import { standardLink, times, type LinkSettings } from '../../src/astm/settings.ts';
import { messagesOf } from '../../src/astm/structure.ts';
import { framesIn, here, samples, sent, whole } from './sample-files.ts';

const { ENQ, EOT, ACK, NAK } = control;
interface Heard {
  readonly stored: Buffer[];
  /** A, N: what each ENQ and frame was answered with. */
  trace: string;
  readonly refused: string[];
  take(bytes: Buffer, now?: number): void;
  readonly link: Link;
}

function host(settings: Partial<LinkSettings> = {}): Heard {
  const link = astmLink({ ...standardLink, ...settings });
  const heard: Heard = {
    link,
    stored: [],
    trace: '',
    refused: [],
    take: (bytes, now = 0) => {
      for (const action of link.take(bytes, now)) {
        if (action.kind === 'send') heard.trace += action.bytes[0] === ACK ? 'A' : action.bytes[0] === NAK ? 'N' : '?';
        if (action.kind === 'refused') heard.refused.push(action.rule);
        if (action.kind !== 'message') continue;
        heard.stored.push(action.content);
        for (const after of link.stored(true, now)) {
          if (after.kind === 'send') heard.trace += after.bytes[0] === ACK ? 'A' : 'N';
        }
      }
    },
  };
  return heard;
}

(here ? describe : describe.skip)('samples', () => {
  test.each(samples.map((sample) => [sample.path, sample] as const))('%s is read without loss', (_path, { bytes }) => {
    expect(writeRecords(readRecords(bytes))).toEqual(bytes);
  });

  test.each(sent.map((sample) => [sample.path, sample] as const))(
    '%s in chunks of 1, 7, 64 and 4,096 bytes is the same records; ENQ and each frame are acknowledged',
    (_path, sample) => {
      const bytes = whole(sample);
      for (const size of [1, 7, 64, 4_096]) {
        const heard = host();
        for (let at = 0; at < bytes.length; at += size) heard.take(bytes.subarray(at, at + size));
        expect([size, heard.trace]).toEqual([size, 'A'.repeat(1 + sample.frames)]);
        const { records } = readRecords(Buffer.concat(heard.stored));
        expect(new Set(records.map(({ type }) => type))).toEqual(new Set(sample.records));
        expect(messagesOf(records)).toHaveLength(1);
        expect(heard.link.state).toBe('neutral');
      }
    },
  );

  test.each(samples.filter(({ frames }) => frames > 0).map((sample) => [sample.path, sample] as const))(
    '%s: a frame with a right checksum is acknowledged, any other refused and named',
    (_path, { bytes, frames, right }) => {
      const found = framesIn(bytes);
      let good = 0;
      for (const one of found) {
        const heard = host({ numbers: 'any' });
        heard.take(Buffer.concat([Buffer.of(ENQ), one, Buffer.from('\r\n')]));
        if (heard.trace === 'AA') {
          good++;
          continue;
        }
        expect([heard.trace, heard.refused]).toEqual(['AN', [expect.stringMatching(/checksum/)]]);
        heard.take(frame(1, Buffer.from('H|\\^&\r'), true));
        expect(heard.trace).toBe('ANA');
      }
      expect([found.length, good]).toEqual([frames, right]);
    },
  );

  test.each(sent.map((sample) => [sample.path, sample] as const))(
    '%s with each byte damaged once: no wrong record is taken, and all arrives',
    (_path, sample) => {
      const frames = framesIn(sample.bytes).map((one) => Buffer.concat([one, Buffer.from('\r\n')]));
      const right = host();
      transmit(right, frames, -1);
      const [content = Buffer.alloc(0)] = right.stored;
      const total = 1 + frames.reduce((sum, { length }) => sum + length, 0);
      // Of long ones some bytes of each kind; of short ones all.
      const stride = total < 600 ? 1 : Math.ceil(total / 211);
      for (const damage of [0x01, 0x40]) {
        for (let at = 0; at <= total; at += stride) {
          const heard = host();
          transmit(heard, frames, at, damage);
          const wrong = heard.stored.filter((message) => !content.subarray(0, message.length).equals(message));
          expect([at, wrong, heard.stored.some((message) => message.equals(content))]).toEqual([at, [], true]);
        }
      }
    },
  );
});

(here ? test : test.skip)('a character that two frames share is whole', () => {
  const [sample] = sent.filter(({ path }) => path.includes('cut-inside-multibyte'));
  const heard = host();
  heard.take(whole(sample!));
  const { records, charset } = readRecords(Buffer.concat(heard.stored));
  expect(charset).toBe('utf-8');
  expect(records.map(({ text }) => text).join()).not.toContain('\uFFFD');
});

/** Plays the analyzer of a recording: what is refused is sent again, and what is not answered from the beginning. */
function transmit(heard: Heard, frames: readonly Buffer[], damaged: number, damage = 0): void {
  let [at, now] = [0, 0];
  const send = (bytes: Buffer): string => {
    const before = heard.trace.length;
    const sent = Buffer.from(bytes);
    if (damaged >= at && damaged < at + bytes.length) sent[damaged - at]! ^= damage;
    at += bytes.length;
    heard.take(sent, now);
    return heard.trace.slice(before, before + 1);
  };
  const wait = (milliseconds: number): void => {
    now += milliseconds;
    heard.link.tick(now);
  };
  const isTaken = (bytes: Buffer): boolean => {
    for (let tries = 0; tries < 6; tries++) {
      const answer = send(bytes);
      if (answer === 'A') return true;
      if (answer === '') {
        wait(times.reply);
        return false;
      }
    }
    return false;
  };
  for (let tries = 0; tries < 4; tries++) {
    const done = isTaken(Buffer.of(ENQ)) && frames.every(isTaken);
    send(Buffer.of(EOT));
    if (done) return;
    wait(times.afterNak);
  }
}
