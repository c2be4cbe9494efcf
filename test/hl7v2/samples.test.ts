/** Real messages, where they lie beside the checkout: each is read and written back byte by byte. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeMessage, encodeMessage } from '../../src/hl7v2/charset.ts';
import { readHeader } from '../../src/hl7v2/header.ts';
import { parseMessage, readSegments, serializeMessage } from '../../src/hl7v2/message.ts';
import { mllpDecoder, mllpFrame } from '../../src/hl7v2/mllp.ts';

const folder = join(import.meta.dirname, '../../../shared/data/hl7v2');
const here = existsSync(join(folder, 'INDEX.csv'));
if (!here) process.stderr.write('test/hl7v2/samples: skipped, there is no ../shared/data/hl7v2\n');

interface Sample {
  readonly path: string;
  readonly type: string;
  readonly bytes: Buffer;
}

function samples(): Sample[] {
  const [, ...lines] = readFileSync(join(folder, 'INDEX.csv'), 'utf8').trim().split(/\r?\n/);
  return lines.map((line) => {
    const [path = '', type = ''] = line.split(',');
    return { path, type, bytes: readFileSync(join(folder, path)) };
  });
}

/** Without the frame around it; of a document that shows messages, from the first one on; none of what holds no line of one. */
function content(bytes: Buffer): Buffer[] {
  const [first] = mllpDecoder(bytes.length).take(bytes);
  if (first?.kind === 'message') return [first.content];
  const begin = bytes.toString('latin1').search(/^(?:\xef\xbb\xbf)?(?:MSH|FHS|BHS)[^A-Za-z]/m);
  return begin < 0 ? [] : [bytes.subarray(begin)];
}

(here ? describe : describe.skip)('samples', () => {
  const all = here
    ? samples().flatMap(({ bytes, ...sample }) => content(bytes).map((whole) => ({ ...sample, whole })))
    : [];

  test('all are there', () => {
    expect(all.length).toBeGreaterThan(500);
  });

  test('are written back byte by byte', () => {
    const differing = all.flatMap(({ path, whole }) => {
      const { text, charset } = decodeMessage(whole);
      const marked = whole[0] === 0xef && whole[1] === 0xbb ? '\uFEFF' : '';
      const written = encodeMessage(marked + serializeMessage(parseMessage(text)), charset);
      return written.equals(whole) ? [] : [path];
    });
    expect(differing).toEqual([]);
  });

  test('every field of every segment can be read, and the type is the one of the index', () => {
    for (const { path, type, whole } of all) {
      const message = parseMessage(decodeMessage(whole).text);
      for (const segment of readSegments(message)) {
        for (let field = 1; field < 60; field++) segment.repetitions(field).forEach((one) => one.text(1, 1));
      }
      const { code } = readHeader(message);
      // Of documents and batches the index says nothing.
      if (type !== '') expect([path, code]).toEqual([path, type.split(/[\^~!]/)[0]]);
    }
  });

  test('come through MLLP in pieces of seven bytes', () => {
    for (const { whole } of all) {
      const framed = mllpFrame(whole);
      const decoder = mllpDecoder(framed.length);
      const found = Array.from({ length: Math.ceil(framed.length / 7) }, (_, i) => framed.subarray(i * 7, i * 7 + 7));
      const messages = found.flatMap((chunk) => decoder.take(chunk));
      expect(messages.map((one) => one.kind === 'message' && one.content.equals(whole))).toEqual([true]);
    }
  });
});
