/** The encrypted format: any size and range round-trips, any change is refused. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import * as segments from '../../src/files/segments.ts';
import type { ByteRange } from '../../src/files/store.ts';
import { fingerprint, newDataKey, unwrapKey, wrapKey } from '../../src/files/wrap.ts';

const name = '1/binary/a';
const dataKey = randomBytes(32);
const keyId = randomUUID();
const sealedSegment = segments.segmentSize + 16;

async function seal(plain: Buffer): Promise<Buffer> {
  const header = segments.newHeader(keyId);
  return buffer(segments.seal(plain, segments.fileKey(dataKey, header, name), header));
}

async function open(sealed: Buffer, range: ByteRange = { start: 0 }, as = name): Promise<Buffer> {
  const header = segments.readHeader(sealed.subarray(0, segments.headerSize), as);
  expect(header.keyId).toMatch(/^[0-9a-f-]{36}$/);
  const { start, end } = segments.sealedRange(range);
  return buffer(segments.open(sealed.subarray(start, end), segments.fileKey(dataKey, header, as), range, as));
}

/** Sizes round the borders of segments, where off-by-one errors live. */
const size = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -17, max: 17 }))
  .map(([count, offset]) => Math.max(0, count * segments.segmentSize + offset));

function bytesOf(length: number): Buffer {
  return createHash('shake256', { outputLength: Math.max(1, length) })
    .update('content')
    .digest()
    .subarray(0, length);
}

test('any size round-trips, and the plain size follows from the sealed one', async () => {
  await fc.assert(
    fc.asyncProperty(size, async (length) => {
      const sealed = await seal(bytesOf(length));
      expect(segments.plainSize(sealed.length)).toBe(length);
      expect((await open(sealed)).equals(bytesOf(length))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('any range equals the slice', async () => {
  await fc.assert(
    fc.asyncProperty(size, size, fc.option(size, { nil: undefined }), async (length, from, to) => {
      const start = Math.min(from, Math.max(0, length - 1));
      const end = to === undefined ? undefined : Math.max(start + 1, to);
      const read = await open(await seal(bytesOf(length)), end === undefined ? { start } : { start, end });
      expect(read.equals(bytesOf(length).subarray(start, end))).toBe(true);
    }),
    { numRuns: 150, examples: [[131_072, 65_536, 131_072]] },
  );
});

test('any changed byte is refused', async () => {
  const plain = bytesOf(segments.segmentSize + 100);
  const sealed = await seal(plain);
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      // The key id names another key, which the key ring does not hold; that is tested with the tenant's keys.
      fc.pre(at < 4 || at >= 20);
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ flip;
      await expect(open(changed)).rejects.toMatchObject({ issues: [{ code: 'exception' }] });
    }),
    {
      numRuns: 200,
      examples: [
        [0, 1],
        [20, 1],
        [51, 1],
        [52, 1],
        [sealed.length - 1, 1],
        [52 + sealedSegment, 1],
      ],
    },
  );
});

describe('segments', () => {
  const header = segments.headerSize;
  const cut = (sealed: Buffer, n: number) =>
    sealed.subarray(header + n * sealedSegment, header + (n + 1) * sealedSegment);
  const changes: Record<string, (sealed: Buffer) => Buffer> = {
    'cut at a border': (sealed) => sealed.subarray(0, header + 2 * sealedSegment),
    'cut inside': (sealed) => sealed.subarray(0, header + sealedSegment + 5),
    'cut to the header': (sealed) => sealed.subarray(0, header),
    swapped: (sealed) => Buffer.concat([sealed.subarray(0, header), cut(sealed, 1), cut(sealed, 0), cut(sealed, 2)]),
    repeated: (sealed) => Buffer.concat([sealed.subarray(0, header), cut(sealed, 0), cut(sealed, 0), cut(sealed, 2)]),
    dropped: (sealed) => Buffer.concat([sealed.subarray(0, header), cut(sealed, 0), cut(sealed, 2)]),
    'extended by a byte': (sealed) => Buffer.concat([sealed, Buffer.alloc(1)]),
    'extended by a segment': (sealed) => Buffer.concat([sealed, cut(sealed, 0)]),
    'followed by another file': (sealed) => Buffer.concat([sealed, sealed]),
  };
  test.each(Object.keys(changes))('%s are refused', async (change) => {
    const sealed = await seal(bytesOf(3 * segments.segmentSize));
    await expect(open((changes[change] as (b: Buffer) => Buffer)(sealed))).rejects.toMatchObject({
      name: 'OutcomeError',
    });
  });

  test('of another file, or of another tenant, are refused', async () => {
    const sealed = await seal(bytesOf(10));
    await expect(open(sealed, { start: 0 }, '1/binary/b')).rejects.toMatchObject({ name: 'OutcomeError' });
    await expect(open(sealed, { start: 0 }, '2/binary/a')).rejects.toMatchObject({ name: 'OutcomeError' });
  });

  test('before a damaged one are given, the damaged one and what follows are not', async () => {
    const sealed = await seal(bytesOf(3 * segments.segmentSize));
    sealed[header + sealedSegment] = (sealed[header + sealedSegment] as number) ^ 1;
    expect((await open(sealed, { start: 0, end: 65_536 })).equals(bytesOf(65_536))).toBe(true);
    await expect(open(sealed, { start: 65_535, end: 65_537 })).rejects.toMatchObject({ name: 'OutcomeError' });
  });
});

test('two files of the same content share no segment', async () => {
  const [one, other] = [await seal(bytesOf(100)), await seal(bytesOf(100))];
  expect(one.subarray(segments.headerSize).equals(other.subarray(segments.headerSize))).toBe(false);
});

describe('the wrapped data key', () => {
  const master = randomBytes(32);
  const owner = { tenant: 7, keyId };

  test('opens for its tenant and id only', () => {
    const key = newDataKey();
    const wrapped = wrapKey(master, owner, key);
    expect(unwrapKey(master, owner, wrapped).equals(key)).toBe(true);
    expect(() => unwrapKey(master, { ...owner, tenant: 8 }, wrapped)).toThrow(keyId);
    expect(() => unwrapKey(master, { ...owner, keyId: randomUUID() }, wrapped)).toThrow('does not open');
    expect(() => unwrapKey(randomBytes(32), owner, wrapped)).toThrow('another key-encryption key');
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = Buffer.from(wrapped);
      changed[at] = (changed[at] as number) ^ 0x80;
      expect(() => unwrapKey(master, owner, changed)).toThrow('does not open');
    }
  });

  test('is named by a fingerprint that tells keys apart and does not contain them', () => {
    expect(fingerprint(master)).toMatch(/^[0-9a-f]{16}$/);
    expect(fingerprint(master)).not.toBe(fingerprint(randomBytes(32)));
    expect(master.toString('hex')).not.toContain(fingerprint(master));
  });
});
