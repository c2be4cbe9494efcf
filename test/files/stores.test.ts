/** What every file store has to do, run over the folder, the bucket and the encrypted view of both. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import S3rver from 's3rver';
import { tenantFiles, type KeyRing } from '../../src/files/encrypted.ts';
import { folderFiles } from '../../src/files/folder.ts';
import { s3Files } from '../../src/files/s3.ts';
import { sealingApart, type SealingApart } from '../../src/files/sealing-apart.ts';
import type { FileStore } from '../../src/files/store.ts';

const mebibyte = 1024 * 1024;
let root = '';
let bucket: S3rver;
const stores: Record<string, FileStore> = {};
const apart = sealingApart();

const dataKey = { id: randomUUID(), key: randomBytes(32) };
const ring: KeyRing = {
  current: () => Promise.resolve(dataKey),
  find: (id) => (id === dataKey.id ? Promise.resolve(dataKey.key) : Promise.reject(new Error('shredded'))),
};

/** The encrypted view gives keys without the tenant; here it is put back so that all stores take the same keys. */
function encrypted(files: FileStore, sealing?: SealingApart['seal']): FileStore {
  const own = tenantFiles(files, 12, ring, sealing);
  const rest = (key: string) => key.replace(/^12\//, '');
  return {
    put: (key, content) => own.put(rest(key), content),
    write: (key, content) => own.write(rest(key), content),
    get: (key, range) => own.get(rest(key), range),
    delete: (key) => own.delete(rest(key)),
    async *list(prefix) {
      for await (const listed of own.list(rest(prefix))) {
        yield { ...listed, key: `12/${listed.key}` };
      }
    },
  };
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'files-'));
  bucket = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: join(root, 's3'),
    configureBuckets: [
      { name: 'plain', configs: [] },
      { name: 'sealed', configs: [] },
    ],
  });
  const { port } = await bucket.run();
  const login = { region: 'us-east-1', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
  stores['folder'] = folderFiles(join(root, 'folder'));
  stores['bucket'] = s3Files({ ...login, endpoint: `http://127.0.0.1:${port}/plain` });
  stores['encrypted folder'] = encrypted(folderFiles(join(root, 'sealed')));
  stores['folder encrypted apart'] = encrypted(folderFiles(join(root, 'apart')), apart.seal);
  stores['encrypted bucket'] = encrypted(s3Files({ ...login, endpoint: `http://127.0.0.1:${port}/sealed` }));
});

afterAll(async () => {
  bucket.httpServer.closeAllConnections();
  await bucket.close();
  await apart.stop();
  await rm(root, { recursive: true });
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

async function keys(store: FileStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) {
    found.push(key);
  }
  return found.sort();
}

const names = ['folder', 'bucket', 'encrypted folder', 'folder encrypted apart', 'encrypted bucket'];

describe.each(names)('%s', (name) => {
  const store = () => stores[name] as FileStore;

  test.each([0, 1, 65_535, 65_536, 65_537, mebibyte, mebibyte + 1, 8 * mebibyte, 17 * mebibyte + 5])(
    'gives back %d streamed bytes with size and digest',
    async (size) => {
      const bytes = randomBytes(size);
      const stored = await store().put('12/binary/sized', pieces(bytes, 100_000));
      expect(stored).toEqual({ size, sha256: createHash('sha256').update(bytes).digest('hex') });
      expect((await buffer(await store().get('12/binary/sized'))).equals(bytes)).toBe(true);
    },
  );

  test('gives ranges, and what there is of a range past the end', async () => {
    const bytes = randomBytes(200_000);
    await store().put('12/binary/ranges', bytes);
    const cases: [number, number | undefined][] = [
      // Not [0, 1]: the test's bucket takes the range 0-0 for the whole file.
      [0, 2],
      [5, 5],
      [65_530, 65_542],
      [65_536, 131_072],
      [199_999, undefined],
      [150_000, 900_000],
    ];
    for (const [start, end] of cases) {
      const read = await buffer(await store().get('12/binary/ranges', end === undefined ? { start } : { start, end }));
      expect(read.equals(bytes.subarray(start, end))).toBe(true);
    }
  });

  test('overwrites, lists by prefix with plain sizes, deletes repeatably', async () => {
    await store().put('12/listed/b', Buffer.from('old'));
    await store().put('12/listed/b', Buffer.from('newer'));
    await store().put('12/listed/sub/a.ndjson', randomBytes(70_000));
    const listed = [];
    for await (const { key, size, modified } of store().list('12/listed/')) {
      expect(Math.abs(Date.now() - modified.getTime())).toBeLessThan(60_000);
      listed.push(`${key} ${size}`);
    }
    expect(listed.sort()).toEqual(['12/listed/b 5', '12/listed/sub/a.ndjson 70000']);
    await store().delete('12/listed/b');
    await store().delete('12/listed/b');
    expect(await keys(store(), '12/listed/')).toEqual(['12/listed/sub/a.ndjson']);
    expect(await keys(store(), '12/nothing/')).toEqual([]);
  });

  test('a file that is not there is not-found', async () => {
    await expect(store().get('12/binary/none')).rejects.toMatchObject({ issues: [{ code: 'not-found' }] });
  });

  test('content that breaks off leaves nothing, and its error comes through', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield randomBytes(9 * mebibyte);
      throw new Error('the sender hung up');
    }
    await expect(store().put('12/broken/x', broken())).rejects.toThrow('the sender hung up');
    expect(await keys(store(), '12/broken/')).toEqual([]);
    await expect(store().get('12/broken/x')).rejects.toMatchObject({ issues: [{ code: 'not-found' }] });
  });

  test('a reader that goes away closes the source', async () => {
    await store().put('12/binary/left', randomBytes(mebibyte));
    const stream = await store().get('12/binary/left');
    stream.destroy();
    await new Promise((done) => stream.once('close', done));
    expect(stream.destroyed).toBe(true);
  });
});

test.each([
  '',
  '12',
  '12/',
  'x/binary/a',
  '../12/a',
  '12/../13/a',
  '12/./a',
  '12//a',
  '12/.shard/a',
  '12/binary/..',
  '12/a\\b',
  '12/a\0b',
  '12/a%2fb',
  '/12/a',
  `12/${'a'.repeat(129)}`,
])('the key %j is refused by folder and bucket', async (key) => {
  for (const name of ['folder', 'bucket']) {
    const store = stores[name] as FileStore;
    await expect((async () => store.put(key, Buffer.from('x')))()).rejects.toThrow(RangeError);
    await expect((async () => store.get(key))()).rejects.toThrow(RangeError);
    await expect((async () => store.delete(key))()).rejects.toThrow(RangeError);
  }
});

test('listing takes no prefix that ends inside a name, so tenant 1 does not see tenant 12', () => {
  expect(() => (stores['folder'] as FileStore).list('1')).toThrow(RangeError);
  expect(() => (stores['bucket'] as FileStore).list('1')).toThrow(RangeError);
  expect(() => (stores['folder'] as FileStore).list('1/../')).toThrow(RangeError);
});

test('the encrypted view leaves no plain text in the folder, and no part files', async () => {
  const folder = join(root, 'plaincheck');
  await encrypted(folderFiles(folder)).put('12/binary/secret', Buffer.from('haemoglobin'.repeat(1_000)));
  const raw = await buffer(await folderFiles(folder).get('12/binary/secret'));
  expect(raw.includes('haemoglobin')).toBe(false);
  expect(await readdir(join(folder, '.part'))).toEqual([]);
});

test('the bucket refuses a wrong secret with no-store', async () => {
  const { port } = bucket.httpServer.address() as { port: number };
  const stranger = s3Files({
    endpoint: `http://127.0.0.1:${port}/plain`,
    region: 'us-east-1',
    accessKeyId: 'nobody',
    secretAccessKey: 'x',
  });
  await expect(stranger.put('12/a', Buffer.from('x'))).rejects.toMatchObject({ issues: [{ code: 'no-store' }] });
});

describe('encryption in a thread of its own', () => {
  test('keeps contents that are written at the same time apart', async () => {
    const contents = [3, 5, 4].map((size) => randomBytes(size * mebibyte + 70_000));
    const store = stores['folder encrypted apart'] as FileStore;
    await Promise.all(contents.map((bytes, i) => store.write(`12/together/${i}`, pieces(bytes, 300_000))));
    for (const [i, bytes] of contents.entries())
      expect((await buffer(await store.get(`12/together/${i}`))).equals(bytes)).toBe(true);
  });

  test('a thread that ends fails what it had, and the next content has another', async () => {
    const own = sealingApart();
    const store = encrypted(folderFiles(join(root, 'ended')), own.seal);
    async function* content(end: boolean): AsyncGenerator<Buffer> {
      yield Buffer.alloc(4 * mebibyte, 1);
      if (end) await own.stop();
      yield Buffer.alloc(4 * mebibyte, 2);
    }
    // What was asked before the end is answered or fails; what comes after has a new thread.
    await store.write('12/ended/a', content(true)).catch((error: unknown) => {
      expect(error).toMatchObject({ issues: [{ code: 'transient' }] });
    });
    const expected = Buffer.concat([Buffer.alloc(4 * mebibyte, 1), Buffer.alloc(4 * mebibyte, 2)]);
    await store.write('12/ended/a', content(false));
    expect((await buffer(await store.get('12/ended/a'))).equals(expected)).toBe(true);
    await own.stop();
  });
});
