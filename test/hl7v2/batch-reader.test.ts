/** Messages of a file, wherever its bytes are cut, in no more memory than one of them. */
import { expect, test } from '@jest/globals';
import { batchItems, type BatchItem } from '../../src/hl7v2/batch-reader.ts';

async function* cutAt(bytes: Buffer, ...at: number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const to of [...at, bytes.length]) {
    if (to > from) yield await Promise.resolve(bytes.subarray(from, to));
    from = to;
  }
}

async function shown(content: AsyncIterable<Uint8Array>, most = 1_000): Promise<string[]> {
  const found: string[] = [];
  for await (const item of batchItems(content, most)) found.push(textOf(item));
  return found;
}

function textOf(item: BatchItem): string {
  if (item.kind === 'message') return item.bytes.toString('utf8');
  return item.kind === 'count' ? `${item.segment} ${item.told} ${item.came}` : item.kind;
}

const whole = 'FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&|1\rPID|MSH\rMSH|^~\\&|ل\r\nNTE|x\nBTS|2|comment\rMSH|a\rBTS|5\rFTS|2\r';
const items = ['MSH|^~\\&|1\rPID|MSH\r', 'MSH|^~\\&|ل\r\nNTE|x\n', 'BTS 2 2', 'MSH|a\r', 'BTS 5 1', 'FTS 2 2'];

test('a file is the same wherever it is cut', async () => {
  const bytes = Buffer.from(whole);
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect([cut, await shown(cutAt(bytes, cut))]).toEqual([cut, items]);
  }
  const each = Array.from({ length: bytes.length }, (_, i) => i);
  expect(await shown(cutAt(bytes, ...each))).toEqual(items);
});

test.each<[string, string, string[]]>([
  ['messages alone', 'MSH|1\rPID\rMSH|2\r', ['MSH|1\rPID\r', 'MSH|2\r']],
  ['a byte order mark', '\uFEFFMSH|1\r', ['MSH|1\r']],
  ['what stands before any message', 'rubbish\rPID|1\rMSH|1\r', ['MSH|1\r']],
  [
    'frames of MLLP',
    '\u000BMSH|1\rPID\r\u001C\r\u000BMSH|2\r\u001C\r',
    ['MSH|1\rPID\r\u001C\r\u000B', 'MSH|2\r\u001C\r'],
  ],
  ['a trailer that says nothing', 'BHS|\rMSH|1\rBTS\r', ['MSH|1\r', 'BTS undefined 1']],
  ['nothing', '', []],
  ['an end within a line', 'MSH|1\rPI', ['MSH|1\rPI']],
])('%s', async (_, text, found) => {
  expect(await shown(cutAt(Buffer.from(text)))).toEqual(found);
});

test('a message that is too long is told, and the next one is read', async () => {
  async function* long(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from('MSH|1\rOBX|'));
    for (let i = 0; i < 200; i++) yield Buffer.alloc(10_000, 'a');
    yield Buffer.from('\rMSH|2\r');
  }
  expect(await shown(long(), 1_000)).toEqual(['too-long', 'MSH|2\r']);
});

test('nothing is read ahead of the message that is given', async () => {
  let given = 0;
  async function* many(): AsyncGenerator<Uint8Array> {
    for (; given < 100; given++) yield await Promise.resolve(Buffer.from(`MSH|${given}\r`));
  }
  const reader = batchItems(many(), 1_000);
  for (let i = 0; i < 50; i++) await reader.next();
  expect(given).toBeLessThanOrEqual(52);
  await reader.return(undefined);
});
