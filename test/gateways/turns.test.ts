/**
 * Turns of messages: what has a part in common goes in order, what has none at the same time, what is alone is alone; and
 * what another process has acknowledged comes first.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { makeTurns } from '../../src/gateways/turns.ts';
import { newId } from '../../src/interactions/new-id.ts';
import { addMessage, listMessages, readMessage } from '../../src/store/messages.ts';
import { lockKeys } from '../../src/store/lock.ts';
import { send, type Json } from '../erasure/laboratory.ts';
import { makeBench, message, session } from './bench.ts';
import { codeOf } from './mllp-client.ts';

/** Works that end when they are told to; what began and ended, in order. */
function makeWorks(): { log: string[]; work: (name: string) => () => Promise<string>; end: (name: string) => void } {
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    log,
    work: (name) => async () => {
      log.push(`${name} begins`);
      await new Promise<void>((done) => ends.set(name, done));
      log.push(`${name} ends`);
      return name;
    },
    end: (name) => ends.get(name)?.(),
  };
}

test('a common part is waited for; another key or part is not', async () => {
  const turns = makeTurns();
  const { log, work, end } = makeWorks();
  const taken = [
    turns.take('i', ['p', 'q'], work('a')),
    turns.take('i', ['q', 'r'], work('b')),
    turns.take('i', ['s'], work('c')),
    turns.take('other', ['p'], work('d')),
  ];
  await turn();
  expect(log).toEqual(['a begins', 'c begins', 'd begins']);
  end('a');
  await taken[0];
  await turn();
  expect(log.slice(3)).toEqual(['a ends', 'b begins']);
  for (const name of ['b', 'c', 'd']) end(name);
  expect(await Promise.all(taken)).toEqual(['a', 'b', 'c', 'd']);
});

test('what has no parts waits for all before it, and all after it for it', async () => {
  const turns = makeTurns();
  const { log, work, end } = makeWorks();
  const taken = [
    turns.take('i', ['p'], work('a')),
    turns.take('i', ['q'], work('b')),
    turns.take('i', undefined, work('alone')),
    turns.take('i', ['z'], work('after')),
  ];
  await turn();
  end('b');
  await taken[1];
  await turn();
  expect(log).not.toContain('alone begins');
  end('a');
  await taken[0];
  await turn();
  expect(log.at(-1)).toBe('alone begins');
  end('alone');
  await taken[2];
  await turn();
  expect(log.at(-1)).toBe('after begins');
  end('after');
  await turns.done();
});

test('one that fails is out of the way of the next', async () => {
  const turns = makeTurns();
  const failed = turns.take('i', ['p'], () => Promise.reject(new Error('no')));
  const next = turns.take('i', ['p'], () => Promise.resolve('next'));
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('next');
});

test('a thousand at once take few seats, and all have their turn', async () => {
  const turns = makeTurns();
  let [now, most] = [0, 0];
  const work = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await turn();
    now--;
  };
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => turns.take(`i${i % 7}`, [`p${i % 50}`], work)));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(6);
});

test.each<[string, (tenant: number) => readonly string[] | undefined]>([
  ['anything', () => undefined],
  ['the same patient', (tenant) => lockKeys(tenant, ['Patient urn:makhbar:hl7v2:authority:MRN|4711'])],
])(
  'what another process has taken and not applied yet, about %s, is applied first',
  async (_, about) => {
    const made = await makeBench();
    const { lab, sender } = made;
    const patient = (name: string): string => `PID|1||4711^^^MRN^MR||${name}^Omar`;
    const [probe] = await listMessages(session(lab), { count: 1 });
    const received = Date.now();
    const raw = Buffer.from(message(made, 'ADT^A08', 'first', patient('First')));
    const id = newId(received);
    const keys = about(lab.tenant.id);
    await addMessage(session(lab), {
      id,
      received,
      direction: 'in',
      protocol: 'hl7v2',
      status: 'received',
      interface: probe?.interface ?? '',
      peer: '127.0.0.1',
      sender: 'APP',
      type: 'ADT^A08',
      controlId: 'first',
      charset: 'utf-8',
      content: Buffer.from(id),
      raw,
      ...(keys !== undefined && { about: keys }),
    });
    const [answer] = await sender.send(message(made, 'ADT^A08', 'second', patient('Second')));
    expect(codeOf(answer)).toBe('AA');
    expect((await readMessage(session(lab), id))?.status).toBe('applied');
    const [entry] = (await send(lab, 'GET', 'Patient?identifier=4711'))['entry'] as { resource: Json }[];
    expect(entry?.resource).toMatchObject({ meta: { versionId: '2' }, name: [{ family: 'Second' }] });
    sender.close();
  },
  90_000,
);
