/** Samples of analyzers over a real connection, frame by frame: each is kept as the link gave it, byte for byte. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { control } from '../../src/astm/frame.ts';
import { astmLink } from '../../src/astm/link.ts';
import { standardLink } from '../../src/astm/settings.ts';
import { listMessages, type StoredMessage } from '../../src/store/messages.ts';
import { here, sent, whole } from '../astm/sample-files.ts';
import { makeAstmBench, sessionOf, type AstmBench } from './astm-bench.ts';

const { ENQ, EOT, ACK } = control;

let bench: AstmBench;
beforeAll(async () => {
  if (here) bench = await makeAstmBench();
}, 120_000);

/** What the link makes of the bytes. */
function contentOf(bytes: Buffer): Buffer {
  return Buffer.concat(
    astmLink(standardLink)
      .take(bytes, 0)
      .flatMap((one) => (one.kind === 'message' ? [one.content] : [])),
  );
}

/** ENQ and each frame, and what each was answered with. */
async function play(socket: Socket, bytes: Buffer): Promise<Buffer> {
  const answers: Buffer[] = [];
  const say = async (part: Buffer): Promise<void> => {
    socket.write(part);
    answers.push(((await once(socket, 'data')) as [Buffer])[0]);
  };
  await say(Buffer.of(ENQ));
  for (let at = bytes.indexOf(2); at >= 0;) {
    const next = bytes.indexOf(2, at + 1);
    const stop = next < 0 ? bytes.indexOf(EOT, at) : next;
    await say(bytes.subarray(at, stop));
    at = next;
  }
  socket.write(Buffer.of(EOT));
  return Buffer.concat(answers);
}

(here ? describe : describe.skip)('samples', () => {
  test.each(sent.map((sample) => [sample.path, sample] as const))('%s', async (_path, sample) => {
    const bytes = whole(sample);
    const { socket } = await bench.open();
    expect(await play(socket, bytes)).toEqual(Buffer.alloc(1 + sample.frames, ACK));
    socket.destroy();
    const kept = (await listMessages(sessionOf(bench.lab), { count: 500 })).map(({ raw }: StoredMessage) => raw);
    const content = contentOf(bytes);
    expect(content.length).toBeGreaterThan(0);
    expect(kept.some((raw) => raw.equals(content))).toBe(true);
  });
});
