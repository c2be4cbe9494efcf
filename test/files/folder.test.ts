/** The folder under failing disks and a killed process: nothing half-written is ever visible. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as disk from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { type Disk, folderFiles, sweepParts } from '../../src/files/folder.ts';
import type { FileStore } from '../../src/files/store.ts';

let root = '';
beforeAll(async () => {
  root = await disk.mkdtemp(join(tmpdir(), 'folder-'));
});
afterAll(() => disk.rm(root, { recursive: true }));

async function count(files: FileStore): Promise<number> {
  let found = 0;
  for await (const _ of files.list('')) {
    found += 1;
  }
  return found;
}

describe('a full disk', () => {
  /** Every file opened for writing is the device that answers ENOSPC, so the error is the kernel's own. */
  const full: Disk = {
    ...disk,
    open: (path, flags, mode) => disk.open(flags === 'wx' ? '/dev/full' : path, flags === 'wx' ? 'w' : flags, mode),
  };

  test('is the outcome no-store and leaves nothing', async () => {
    const files = folderFiles(join(root, 'full'), full);
    await expect(files.put('1/binary/a', Buffer.from('x'))).rejects.toMatchObject({
      name: 'OutcomeError',
      issues: [{ code: 'no-store', diagnostics: expect.stringContaining('ENOSPC') }],
    });
    expect(await count(files)).toBe(0);
    expect(await disk.readdir(join(root, 'full', '.part'))).toEqual([]);
  });

  test('keeps the earlier file of the same key', async () => {
    await folderFiles(join(root, 'kept')).put('1/binary/a', Buffer.from('earlier'));
    await expect(folderFiles(join(root, 'kept'), full).put('1/binary/a', Buffer.from('later'))).rejects.toThrow();
    expect((await buffer(await folderFiles(join(root, 'kept')).get('1/binary/a'))).toString()).toBe('earlier');
  });
});

describe('a disk whose n-th call fails', () => {
  const calls = ['open', 'rename', 'mkdir'] as const;

  function failing(nth: number): { disk: Disk; failed: () => boolean } {
    let left = nth;
    const wrapped = { ...disk } as Record<string, unknown>;
    for (const name of calls) {
      wrapped[name] = async (...given: unknown[]) => {
        left -= 1;
        if (left === 0) {
          throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO', syscall: name });
        }
        return (disk[name] as (...all: unknown[]) => Promise<unknown>)(...given);
      };
    }
    return { disk: wrapped as unknown as Disk, failed: () => left <= 0 };
  }

  test('never shows a half file, for every n', async () => {
    let failures = 0;
    for (let nth = 1; nth < 50; nth += 1) {
      const folder = join(root, `nth-${nth}`);
      const broken = failing(nth);
      const result = await folderFiles(folder, broken.disk)
        .put('1/binary/deep/a', Buffer.from('complete'))
        .catch((error: unknown) => error);
      if (!broken.failed()) {
        break;
      }
      failures += 1;
      expect(result).toMatchObject({ issues: [{ code: 'no-store' }] });
      for await (const { key } of folderFiles(folder).list('')) {
        // The sync of the folder may fail after the rename; then the file is there, but complete.
        expect((await buffer(await folderFiles(folder).get(key))).toString()).toBe('complete');
      }
    }
    expect(failures).toBeGreaterThan(5);
  });
});

describe('a process killed in the middle of a write', () => {
  test('leaves no visible file, and its part is swept', async () => {
    const folder = join(root, 'killed');
    const module = new URL('../../src/files/folder.ts', import.meta.url).href;
    const script = `
      import { folderFiles } from ${JSON.stringify(module)};
      async function* endless() {
        for (let n = 0; ; n += 1) {
          yield Buffer.alloc(65536, 1);
          if (n === 20) console.log('writing');
        }
      }
      await folderFiles(${JSON.stringify(folder)}).put('1/binary/a', endless());`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const files = folderFiles(folder);
    expect(await count(files)).toBe(0);
    await expect(files.get('1/binary/a')).rejects.toMatchObject({ issues: [{ code: 'not-found' }] });
    expect(await sweepParts(folder)).toBe(0);
    await setTimeout(2);
    expect(await sweepParts(folder, disk, Date.now() + 3_600_001)).toBe(1);
    expect(await disk.readdir(join(folder, '.part'))).toEqual([]);
  });
});

test('writers of one key at the same time leave one of the contents, whole', async () => {
  const files = folderFiles(join(root, 'race'));
  const contents = Array.from({ length: 20 }, (_, n) => Buffer.alloc(300_000, n));
  await Promise.all(contents.map((content) => files.put('1/binary/a', content)));
  const read = await buffer(await files.get('1/binary/a'));
  expect(contents.some((content) => content.equals(read))).toBe(true);
});
