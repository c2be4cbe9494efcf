/**
 * The file to which the seals of a laboratory are published: lines of JSON, added to its end and never changed.
 *
 * 1. What is in the file says how far it goes: there is no second record that could tell otherwise after a crash.
 * 2. A line that was cut stays; the next begins on a line of its own, with the same seal.
 * 3. Lines are on disk before the next ones are added.
 */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readLine, sealLine, keyLine, type PublishedKey, type PublishedSeal } from '../audit/published.ts';

export function sealFile(folder: string, laboratory: string): string {
  return join(folder, `${laboratory}.jsonl`);
}

/** A seal is some 700 bytes, a key 200. */
const tailBytes = 64 * 1024;

export interface Reached {
  /** 0 where the file has no seal. */
  readonly number: number;
  /** The text of that seal. */
  readonly content: string;
  /** It ends in the middle of a line. */
  readonly cut: boolean;
}

const nothing: Reached = { number: 0, content: '', cut: false };

/** How far a file goes; a file that is not there has nothing. */
export async function reachedIn(path: string): Promise<Reached> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return nothing;
  try {
    const { size } = await file.stat();
    return size === 0 ? nothing : await lastOf(file, size);
  } finally {
    await file.close();
  }
}

/** Reads further back where the end has no whole seal. */
async function lastOf(file: FileHandle, size: number): Promise<Reached> {
  for (let length = Math.min(size, tailBytes); ; length = Math.min(size, length * 4)) {
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString('utf8');
    const lines = text.split('\n');
    const cut = lines.pop() !== '';
    // The first may be the end of a line.
    const whole = length === size ? lines : lines.slice(1);
    for (const one of whole.reverse()) {
      const line = readLine(one);
      if (line !== undefined && 'seal' in line) return { number: line.seal.number, content: line.seal.content, cut };
    }
    if (length === size) return { ...nothing, cut };
  }
}

export interface Addition {
  readonly laboratory: string;
  readonly keys: readonly PublishedKey[];
  readonly seals: readonly PublishedSeal[];
}

/** Adds lines; they are on disk when the promise settles. */
export async function addToFile(
  path: string,
  { cut }: Pick<Reached, 'cut'>,
  { laboratory, keys, seals }: Addition,
): Promise<void> {
  const lines = [...keys.map((key) => keyLine(laboratory, key)), ...seals.map((seal) => sealLine(laboratory, seal))];
  await mkdir(join(path, '..'), { recursive: true });
  const file = await open(path, 'a', 0o644);
  try {
    await file.writeFile(`${cut ? '\n' : ''}${lines.join('')}`);
    await file.sync();
  } finally {
    await file.close();
  }
}
