/**
 * The folder that a package is written to. A file is written beside its place, its sum and lines counted on the way, then
 * synced and renamed; the log `.progress.ndjson` says which are complete, so that what was stopped goes on with the next.
 *
 * 1. A file in its place is whole. 2. What the log does not name is written anew. 3. Nothing is held but one piece.
 */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, open, readFile, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outcomeError } from '../fhir/outcome.ts';

export interface PackageFile {
  /** Below the folder, with slashes. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Lines of NDJSON; absent in files that are none. */
  readonly lines?: number;
  /** Messages of an HL7 v2 batch. */
  readonly messages?: number;
  /** The Binary whose content it is. */
  readonly of?: string;
}

export interface Piece {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** What was decided when the package was begun, the same after a crash. */
export type Beginning = Readonly<Record<string, unknown>>;

interface Progress {
  readonly beginning: Beginning | undefined;
  readonly files: readonly PackageFile[];
}

const log = '.progress.ndjson';
const part = '.part';

/** @throws OutcomeError where the folder has something in it that is no package under way */
export async function readProgress(folder: string): Promise<Progress> {
  await onDisk(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
  const text = await readFile(join(folder, log), 'utf8').catch(() => undefined);
  if (text === undefined) {
    const names = await readdir(folder);
    if (names.length === 0) return { beginning: undefined, files: [] };
    throw outcomeError('conflict', `${folder} is not empty and holds no package under way; name an empty folder.`);
  }
  // The last line may be half a line: its file is written anew.
  const [first, ...rest] = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
  if (first === undefined) return { beginning: undefined, files: [] };
  return {
    beginning: JSON.parse(first) as Beginning,
    files: rest.map((line) => JSON.parse(line) as PackageFile),
  };
}

export async function noteBeginning(folder: string, beginning: Beginning): Promise<void> {
  await onDisk(folder, async () => {
    await rm(join(folder, log), { force: true });
    await append(folder, beginning);
  });
}

/** Writes one file; undefined, and no file, where there is nothing to count in it. */
export async function writePart(
  folder: string,
  { path, of, counts }: { readonly path: string; readonly of?: string; readonly counts?: 'lines' | 'messages' },
  pieces: AsyncIterable<Piece>,
): Promise<PackageFile | undefined> {
  return onDisk(folder, async () => {
    const handle = await open(join(folder, part), 'w', 0o600);
    let found: { size: number; count: number; sha256: string };
    try {
      found = await writeAll(handle, pieces);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (found.size === 0 && counts !== undefined) {
      await rm(join(folder, part), { force: true });
      return undefined;
    }
    const { size, count, sha256 } = found;
    const counted = counts !== undefined && { [counts]: count };
    const file: PackageFile = { path, size, sha256, ...counted, ...(of !== undefined && { of }) };
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    await rename(join(folder, part), join(folder, path));
    await append(folder, file);
    return file;
  });
}

async function writeAll(
  handle: FileHandle,
  pieces: AsyncIterable<Piece>,
): Promise<{ size: number; count: number; sha256: string }> {
  const hash = createHash('sha256');
  let [size, counted] = [0, 0];
  for await (const { bytes, count } of pieces) {
    hash.update(bytes);
    for (let done = 0; done < bytes.byteLength;) done += (await handle.write(bytes, done)).bytesWritten;
    size += bytes.byteLength;
    counted += count;
  }
  return { size, count: counted, sha256: hash.digest('hex') };
}

/** Takes the log away: from here on it is a package, and no longer one under way. */
export async function endProgress(folder: string): Promise<void> {
  await rm(join(folder, log), { force: true });
}

async function append(folder: string, value: unknown): Promise<void> {
  await appendFile(join(folder, log), `${JSON.stringify(value)}\n`, { mode: 0o600, flush: true });
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EROFS: 'it can only be read',
  EACCES: 'this user may not write there',
};

/** @throws OutcomeError `no-store` that says what the disk said */
async function onDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = '', syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    const sentence = `The package cannot be written to ${folder}: ${reasons[code] ?? code}. Make room and start again; it goes on where it was.`;
    throw outcomeError('no-store', sentence);
  }
}
