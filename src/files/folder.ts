/**
 * A file store in a folder.
 *
 * A file is written to `.part/`, fsynced, renamed to its place and its folder fsynced, so that after a crash at any
 * moment it is there completely or not at all. The folders are sharded by the first byte of the key's hash (`.3f`)
 * because a flat folder of a million files is slow to list and to open on common file systems. Names that start with a
 * dot are never part of a key, so shards and parts cannot collide with one.
 */
import { createHash, randomUUID } from 'node:crypto';
import * as promises from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { type ByteRange, chunksOf, type Content, type FileStore, type Listed } from './store.ts';
import { checkKey, checkPrefix, lentSize, notFound, putBy, storeFailure } from './store.ts';

/** The calls to the disk; a test hands in a disk whose n-th call fails. */
export type Disk = Pick<typeof promises, 'open' | 'rename' | 'mkdir' | 'rm' | 'unlink' | 'opendir' | 'stat'>;

const partFolder = '.part';

export function folderFiles(folder: string, disk: Disk = promises): FileStore {
  const root = resolve(folder);
  const write: FileStore['write'] = (key, content) => place(disk, root, key, content);
  return {
    put: (key, content) => putBy(write, key, content),
    write,
    get: (key, range) => get(disk, pathOf(root, key), key, range),
    delete: (key) => remove(disk, pathOf(root, key)),
    list: (prefix) => list(disk, root, checkPrefix(prefix)),
  };
}

/** Removes what interrupted writes left, except what is younger than an hour and may still be being written. */
export async function sweepParts(folder: string, disk: Disk = promises, now = Date.now()): Promise<number> {
  let swept = 0;
  for await (const path of walk(disk, join(resolve(folder), partFolder))) {
    if ((await disk.stat(path)).mtimeMs < now - 3_600_000) {
      await disk.rm(path, { force: true });
      swept += 1;
    }
  }
  return swept;
}

/** `12/binary/x` → `{root}/12/binary/.3f/x`. */
function pathOf(root: string, key: string): string {
  const names = checkKey(key).split('/');
  const shard = `.${createHash('sha256').update(key).digest('hex').slice(0, 2)}`;
  return join(root, ...names.slice(0, -1), shard, names.at(-1) as string);
}

async function place(disk: Disk, root: string, key: string, content: Content): Promise<number> {
  const path = pathOf(root, key);
  const part = join(root, partFolder, randomUUID());
  try {
    await makeFolder(disk, dirname(part));
    const size = await write(disk, part, chunksOf(content));
    await makeFolder(disk, dirname(path));
    await disk.rename(part, path);
    await sync(disk, dirname(path));
    return size;
  } catch (error) {
    await disk.rm(part, { force: true }).catch(() => undefined);
    throw isDiskError(error) ? storeFailure(error) : error;
  }
}

async function write(
  disk: Disk,
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  const handle = await disk.open(path, 'wx', 0o600);
  let size = 0;
  let waiting: Uint8Array[] = [];
  let length = 0;
  const flush = async (): Promise<void> => {
    await writeAll(handle, waiting, length);
    size += length;
    waiting = [];
    length = 0;
  };
  try {
    for await (const chunk of chunks) {
      waiting.push(chunk);
      length += chunk.byteLength;
      // Sooner, a call for each segment of 64 KiB, cost more than its encryption; later, lent memory would hold other bytes.
      if (length >= lentSize) await flush();
    }
    await flush();
    await handle.sync();
    return size;
  } finally {
    await handle.close();
  }
}

/** What a full disk took only in part is written again from there, to be told why. */
async function writeAll(handle: promises.FileHandle, chunks: Uint8Array[], length: number): Promise<void> {
  if (length === 0) return;
  let done = (await handle.writev(chunks)).bytesWritten;
  if (done === length) return;
  const rest = Buffer.concat(chunks);
  while (done < length) done += (await handle.write(rest, done)).bytesWritten;
}

/** A new folder is durable only when its parent is synced too. */
async function makeFolder(disk: Disk, path: string): Promise<void> {
  const first = await disk.mkdir(path, { recursive: true, mode: 0o700 });
  for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made)) {
    await sync(disk, dirname(made));
  }
}

async function sync(disk: Disk, folder: string): Promise<void> {
  const handle = await disk.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function get(disk: Disk, path: string, key: string, range: ByteRange = { start: 0 }): Promise<Readable> {
  if (range.end !== undefined && range.end <= range.start) {
    return Readable.from([]);
  }
  const handle = await disk.open(path, 'r').catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? notFound(key) : storeFailure(error);
  });
  return handle.createReadStream({
    start: range.start,
    highWaterMark: 65_536,
    ...(range.end !== undefined && { end: range.end - 1 }),
  });
}

async function remove(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
    await sync(disk, dirname(path));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      throw storeFailure(error);
    }
  }
}

async function* list(disk: Disk, root: string, prefix: string): AsyncGenerator<Listed> {
  for await (const path of walk(disk, join(root, ...prefix.split('/')))) {
    const names = path.slice(root.length + 1).split(sep);
    if (names[0] !== partFolder) {
      const stat = await disk.stat(path).catch(goneMeanwhile);
      if (stat !== undefined) {
        const key = names.filter((name) => !name.startsWith('.')).join('/');
        yield { key, size: stat.size, modified: stat.mtime };
      }
    }
  }
}

async function* walk(disk: Disk, folder: string): AsyncGenerator<string> {
  const entries = await disk.opendir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') {
      return [];
    }
    throw storeFailure(error);
  });
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      yield* walk(disk, path);
    } else {
      yield path;
    }
  }
}

function goneMeanwhile(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') {
    throw storeFailure(error);
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

/** Errors of the disk carry a system call; errors of the content (a broken upload) are the caller's. */
function isDiskError(error: unknown): boolean {
  return (error as { syscall?: unknown }).syscall !== undefined && !isSocketError(error);
}

function isSocketError(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(String(codeOf(error)));
}
