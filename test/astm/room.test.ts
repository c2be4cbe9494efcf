/** What all lines may take together: one that finds no room is refused and not lost, and all of it is given back. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Action } from '../../src/astm/action.ts';
import { control, framesOf } from '../../src/astm/frame.ts';
import { astmLink, type Link } from '../../src/astm/link.ts';
import { makeRoom, type Room } from '../../src/astm/room.ts';
import { standardLink, times } from '../../src/astm/settings.ts';
import { bytesOf, chemistry } from './messages.ts';

const { ENQ, EOT, ACK, NAK } = control;

/** Whether all of a room of this size is free. */
function isWhole(room: Room, size: number): boolean {
  const all = room.take(size);
  if (all) room.give(size);
  return all;
}

const answerOf = (actions: readonly Action[]): number | undefined =>
  actions.flatMap((one) => (one.kind === 'send' ? [one.bytes[0]] : []))[0];

test('a line that finds no room is told so, and goes on when another has ended', () => {
  const frames = framesOf([Buffer.alloc(200, 'a'), Buffer.from('L|1\r')]);
  const room = makeRoom(300);
  const [one, other] = [astmLink(standardLink, room), astmLink(standardLink, room)];
  for (const link of [one, other]) expect(answerOf(link.take(Buffer.of(ENQ), 0))).toBe(ACK);
  expect(answerOf(one.take(frames[0]!, 0))).toBe(ACK);
  const refused = other.take(frames[0]!, 0);
  expect(answerOf(refused)).toBe(NAK);
  expect(refused).toContainEqual(
    expect.objectContaining({ kind: 'refused', number: 1, rule: expect.stringContaining('no room') }),
  );
  one.take(frames[1]!, 0);
  expect(answerOf(one.stored(true, 0))).toBe(ACK);
  expect(answerOf(other.take(frames[0]!, 0))).toBe(ACK);
  other.take(frames[1]!, 0);
  other.stored(true, 0);
  expect(isWhole(room, 300)).toBe(true);
});

test('however lines end, nothing of the room is lost', () => {
  const size = 1_000;
  const frames = framesOf(bytesOf(chemistry));
  const deeds: readonly ((link: Link, now: number) => void)[] = [
    (link, now) => link.take(Buffer.of(ENQ), now),
    (link, now) => link.take(Buffer.of(EOT), now),
    ...frames.map((one) => (link: Link, now: number) => void link.take(one, now)),
    (link, now) => link.stored(true, now),
    (link, now) => link.stored(false, now),
    (link, now) => link.tick(now + times.receive),
  ];
  const step = fc.record({ line: fc.nat(2), deed: fc.nat(deeds.length - 1) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const room = makeRoom(size);
      const links = [0, 1, 2].map(() => astmLink(standardLink, room));
      let now = 0;
      for (const { line, deed } of steps) deeds[deed]!(links[line]!, (now += 1));
      for (const link of links) link.end();
      expect(isWhole(room, size)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
