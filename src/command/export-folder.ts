/**
 * The folder of an export by command: its files, and how far it is, so that it goes on after an end in between.
 *
 * 1. A file has its name only when it is whole and on disk; what was written of it before is written over.
 * 2. The state is stored after the file that it counts, so that a file is written again rather than left out.
 * 3. What is complete has a manifest and no state. The package of a departure (departing/) calls its own `manifest.json`.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';

export interface FolderFile {
  readonly name: string;
  readonly kind: string;
  readonly type: string;
  readonly count: number;
  readonly size: number;
  readonly sha256: string;
}

/** What was asked for: another export does not go on where this one ended. */
export interface Asked {
  readonly tenant: string;
  readonly format: string;
  readonly types: readonly string[];
  /** Of research, by whose rules and key it is de-identified. */
  readonly project?: string;
}

export interface State extends Asked {
  readonly id: string;
  /** FHIR instant. */
  readonly moment: string;
  /** Types of which there is anything. */
  readonly present: readonly string[];
  readonly part: number;
  readonly after?: string;
  /** What was measured for a de-identified export. */
  readonly report?: JsonObject;
  readonly files: readonly FolderFile[];
}

export interface FolderManifest extends Asked {
  readonly transactionTime: string;
  readonly outputFormat: string;
  /** How it was de-identified. */
  readonly extension?: JsonObject;
  readonly files: readonly FolderFile[];
}

const stateName = '.export-state.json';
const manifestName = 'export-manifest.json';

/** What is in a folder: nothing, a part of this export, or all of it. @throws OutcomeError where it is something else */
export async function openFolder(
  folder: string,
  asked: Asked,
): Promise<{ readonly state?: State; readonly manifest?: FolderManifest }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = await readdir(folder);
  const manifest = names.includes(manifestName) ? await readJson<FolderManifest>(folder, manifestName) : undefined;
  const state = names.includes(stateName) ? await readJson<State>(folder, stateName) : undefined;
  const found = manifest ?? state;
  if (found === undefined && names.some((name) => !name.startsWith(stateName))) {
    throw outcomeError('conflict', `${folder} has other files; name a folder that is empty or not there.`);
  }
  if (found !== undefined && !isSame(found, asked)) {
    const { tenant, format } = found;
    const sentence = `${folder} has another export (${tenant}, ${format}); name another folder, or ask for the same.`;
    throw outcomeError('conflict', sentence);
  }
  return { ...(manifest !== undefined ? { manifest } : state !== undefined && { state }) };
}

function isSame(one: Asked, other: Asked): boolean {
  const isAlike = one.tenant === other.tenant && one.format === other.format && one.project === other.project;
  return isAlike && one.types.join() === other.types.join();
}

async function readJson<T>(folder: string, name: string): Promise<T> {
  try {
    return JSON.parse(await readFile(join(folder, name), 'utf8')) as T;
  } catch {
    throw outcomeError('conflict', `${join(folder, name)} is no state of an export; name another folder.`);
  }
}

export async function storeState(folder: string, state: State): Promise<void> {
  await writeWhole(join(folder, stateName), textOf(JSON.stringify(state)));
}

export async function storeManifest(folder: string, manifest: FolderManifest): Promise<void> {
  await writeWhole(join(folder, manifestName), textOf(`${JSON.stringify(manifest, undefined, 2)}\n`));
  await rm(join(folder, stateName), { force: true });
}

async function* textOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}

/** @returns its size in bytes */
export async function writeWhole(path: string, content: AsyncGenerator<Uint8Array>): Promise<number> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.part`;
  const stream = createWriteStream(partial, { mode: 0o600 });
  // Blocks of an export use their memory again once the next is asked for.
  await pipeline(Readable.from(copied(content)), stream);
  const file = await open(partial, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  return stream.bytesWritten;
}

async function* copied(content: AsyncGenerator<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const bytes of content) yield Buffer.from(bytes);
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return hash.digest('hex');
}
