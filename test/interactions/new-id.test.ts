/** UUIDv7, RFC 9562 §5.7. */
import { expect, test } from '@jest/globals';
import { newId } from '../../src/interactions/new-id.ts';

test('version 7, variant 10, the time in the first 48 bits', () => {
  const id = newId(0x0123_4567_89ab);
  expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('ids are different and sort by time', () => {
  const ids = Array.from({ length: 10_000 }, (_, i) => newId(1_700_000_000_000 + i));
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});
