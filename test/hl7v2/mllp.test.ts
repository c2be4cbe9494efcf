/** Frames cut anywhere, and what peers do to them. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mllpDecoder, mllpFrame, type Frame } from '../../src/hl7v2/mllp.ts';

const message = 'MSH|^~\\&|A|B|C|D|20260131||ADT^A04|1|P|2.5.1\rPID|1||7\r';
const other = message.replace('|1|P', '|2|P');
const frame = (text: string): string => mllpFrame(Buffer.from(text)).toString();
const VT = '\x0b';
const FS = '\x1c';

function decode(chunks: readonly Buffer[], limit = 10_000): (string | Frame)[] {
  const decoder = mllpDecoder(limit);
  return chunks
    .flatMap((chunk) => decoder.take(chunk))
    .map((found) => (found.kind === 'message' ? found.content.toString() : found));
}

describe('what comes out of what came in', () => {
  test.each<[string, string, (string | Frame)[]]>([
    ['one frame', frame(message), [message]],
    ['two in one chunk', frame(message) + frame(other), [message, other]],
    ['LF after FS', `${VT}${message}${FS}\n`, [message]],
    ['CRLF after FS', `${VT}${message}${FS}\r\n`, [message]],
    ['nothing after FS', `${VT}${message}${FS}${VT}${other}${FS}`, [message, other]],
    ['no VT', `${message}${FS}\r`, [message]],
    ['no VT, the second time', `${frame(message)}${other}${FS}\r`, [message, other]],
    ['rubbish before VT', `hello${frame(message)}`, [{ kind: 'rubbish', bytes: 5 }, message]],
    [
      'a frame that is cut and sent again',
      `${VT}${message.slice(0, 30)}${frame(message)}`,
      [{ kind: 'rubbish', bytes: 30 }, message],
    ],
    ['no message inside', `${VT}GET / HTTP/1.1${FS}\r${frame(message)}`, [{ kind: 'rubbish', bytes: 14 }, message]],
    ['an empty frame', `${VT}${FS}\r${frame(message)}`, [message]],
    ['a byte order mark', frame(`\uFEFF${message}`), [`\uFEFF${message}`]],
    [
      'a batch',
      frame(`FHS|^~\\&\rBHS|^~\\&\r${message}BTS|1\rFTS|1\r`),
      [`FHS|^~\\&\rBHS|^~\\&\r${message}BTS|1\rFTS|1\r`],
    ],
    ['only line ends', '\r\n\r\n', []],
    ['a frame without its end', `${VT}${message}`, []],
  ])('%s', (_, sent, found) => {
    const bytes = Buffer.from(sent);
    expect(decode([bytes])).toEqual(found);
    // Byte by byte, and in two pieces cut at every place.
    expect(decode(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(found);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(found);
    }
  });

  test('a frame that is too long is told once with its beginning, and the next is read', () => {
    const long = `MSH|${'x'.repeat(5_000)}`;
    const bytes = Buffer.from(frame(long) + frame(message));
    for (const size of [1, 7, 100, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const [first, ...rest] = decode(chunks, 500);
      expect(first).toMatchObject({ kind: 'too-long' });
      expect((first as Extract<Frame, { kind: 'too-long' }>).begin.toString()).toBe(long.slice(0, 500));
      expect(rest).toEqual([message]);
    }
  });

  test('an endless frame keeps no more than the limit', () => {
    const decoder = mllpDecoder(1_000);
    decoder.take(Buffer.from(VT));
    for (let i = 0; i < 1_000; i++) {
      decoder.take(Buffer.alloc(1_000, 'x'));
      expect(decoder.pending).toBeLessThanOrEqual(1_000);
    }
  });

  test('any frames in any chunks come out whole and in their order', () => {
    const content = fc.string({ unit: 'binary' }).map((text) => `MSH|${text.replaceAll(/[\x0b\x1c]/g, '')}`);
    fc.assert(
      fc.property(fc.array(content, { maxLength: 5 }), fc.array(fc.nat(40), { minLength: 1 }), (messages, sizes) => {
        const bytes = Buffer.concat(messages.map((text) => mllpFrame(Buffer.from(text))));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = (sizes[i % sizes.length] ?? 0) + 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(decode(chunks)).toEqual(messages);
      }),
    );
  });
});
