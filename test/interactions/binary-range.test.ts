/** RFC 9110 §14: which part of the content a Range header means. */
import { describe, expect, test } from '@jest/globals';
import { contentRange, rangeOf } from '../../src/interactions/binary-range.ts';

const size = 1_000;

test.each([
  ['bytes=0-0', 0, 1],
  ['bytes=0-499', 0, 500],
  ['bytes=500-', 500, 1_000],
  ['bytes=-1', 999, 1_000],
  ['bytes=-5000', 0, 1_000],
  ['bytes=999-999', 999, 1_000],
  ['bytes=10-99999', 10, 1_000],
  [' bytes=1-2 ', 1, 3],
])('%s of 1,000 bytes is %d up to %d', (header, start, end) => {
  expect(rangeOf(header, size)).toEqual({ start, end });
  expect(contentRange({ start, end }, size)).toBe(`bytes ${start}-${end - 1}/1000`);
});

test.each([
  undefined,
  '',
  'bytes=',
  'bytes=-',
  'bytes=5-2',
  'bytes=0-1,5-6',
  'items=0-1',
  'bytes=a-b',
  'bytes=1.5-2',
  'bytes=--1',
])('%j counts as no range', (header) => {
  expect(rangeOf(header, size)).toBeUndefined();
});

describe('outside of the content', () => {
  test.each(['bytes=1000-', 'bytes=1000-2000', 'bytes=-0'])('%s is 416 with the size', (header) => {
    expect(() => rangeOf(header, size)).toThrow(
      expect.objectContaining({ status: 416, headers: { 'content-range': 'bytes */1000' } }),
    );
  });

  test('every range of empty content is', () => {
    expect(() => rangeOf('bytes=0-', 0)).toThrow(expect.objectContaining({ status: 416 }));
  });
});
