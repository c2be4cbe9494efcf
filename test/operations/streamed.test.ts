/** Text that is sent as it is made: no faster than it is taken, and ended with its reader. */
import { expect, test } from '@jest/globals';
import { streamed, type Send } from '../../src/operations/streamed.ts';

const piece = 'x'.repeat(10_000);

function counting(pieces: number): { work: (send: Send) => Promise<void>; made: () => number; ended: () => string } {
  let [made, ended] = [0, ''];
  const work = async (send: Send): Promise<void> => {
    try {
      for (; made < pieces; made++) await send(piece);
      ended = 'all sent';
    } catch (error) {
      ended = String(error);
      throw error;
    }
  };
  return { work, made: () => made, ended: () => ended };
}

const turn = (milliseconds = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('all of it arrives, empty texts too', async () => {
  const stream = streamed(async (send) => {
    for (const text of ['one', '', 'two', '', '']) await send(text);
  });
  expect((await stream.toArray()).join('')).toBe('onetwo');
});

test('nothing is made before it is asked for, and no more than there is room for', async () => {
  const { work, made } = counting(1_000);
  const stream = streamed(work);
  await turn();
  expect(made()).toBe(0);
  stream.read(0);
  await turn();
  expect(made()).toBeGreaterThan(0);
  expect(made()).toBeLessThan(20);
  let length = 0;
  for await (const chunk of stream) length += String(chunk).length;
  expect(length).toBe(1_000 * piece.length);
});

test('a reader who goes away ends the work', async () => {
  const { work, ended } = counting(1_000);
  const stream = streamed(work);
  stream.read(0);
  await turn();
  stream.destroy();
  await turn();
  expect(ended()).toBe('Error: The reader has gone.');
});

test('so does one who takes nothing, and the stream is broken off', async () => {
  const { work, ended } = counting(1_000);
  const stream = streamed(work, 50);
  const broken = new Promise((resolve) => stream.once('error', resolve));
  stream.read(0);
  expect(String(await broken)).toBe('Error: The reader has gone.');
  expect(ended()).toBe('Error: The reader has gone.');
});

test('work that fails breaks the stream off', async () => {
  const stream = streamed(async (send) => {
    await send('half');
    throw new Error('no more');
  });
  await expect(stream.toArray()).rejects.toThrow('no more');
});
