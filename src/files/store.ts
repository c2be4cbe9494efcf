/**
 * The file store: the one narrow interface through which attachments, exports and reports reach a disk or an S3 bucket.
 *
 * Invariants every implementation keeps:
 * 1. A file is visible under its key only when it is complete and durable; a failed `put` leaves nothing behind.
 * 2. Keys are `tenant/kind/…/name`: the tenant's number first, so no key of one tenant can reach a file of another.
 * 3. No call holds a whole file in memory.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';

/** What may be stored: bytes at hand, or any stream of them. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>;

export interface Stored {
  size: number;
  /** Lower-case hexadecimal digest of the content. */
  sha256: string;
}

/**
 * Bytes `start` to `end`, the end not included; without `end`, or with one past it, to the end of the file.
 * `start` has to lie inside the file: a caller knows its size from `put`, and S3 refuses another.
 */
export interface ByteRange {
  start: number;
  end?: number;
}

export interface Listed {
  key: string;
  size: number;
  modified: Date;
}

/**
 * Content in chunks of at least so many bytes may use their memory again once the next is asked for: who takes them is done
 * with them by then. Smaller chunks stay as they are.
 */
export const lentSize = 1_048_576;

export interface FileStore {
  put(key: string, content: Content): Promise<Stored>;
  /** The same without a digest, which costs as much as the encryption: the size. */
  write(key: string, content: Content): Promise<number>;
  /** Rejects with `not-found` when there is no such file. */
  get(key: string, range?: ByteRange): Promise<Readable>;
  /** Succeeds also when there is no such file. */
  delete(key: string): Promise<void>;
  /** The files whose keys begin with a prefix, which is empty or ends in a slash. */
  list(prefix: string): AsyncIterable<Listed>;
}

const segment = '[A-Za-z0-9][A-Za-z0-9_.-]{0,127}';
const keyPattern = new RegExp(`^[0-9]{1,10}(/${segment}){1,6}$`);
const prefixPattern = new RegExp(`^([0-9]{1,10}/(${segment}/){0,6})?$`);

/** Refuses every key that could leave its tenant's folder; a segment never starts with a dot. */
export function checkKey(key: string): string {
  if (!keyPattern.test(key)) {
    throw new RangeError(`"${key.slice(0, 200)}" is not a file key: a tenant number, then names separated by slashes.`);
  }
  return key;
}

export function checkPrefix(prefix: string): string {
  if (!prefixPattern.test(prefix)) {
    throw new RangeError(
      `"${prefix.slice(0, 200)}" is not a prefix of file keys: it has to be empty or end in a slash.`,
    );
  }
  return prefix;
}

export function notFound(key: string): OutcomeError {
  return outcomeError('not-found', `The file store holds no file ${key}.`);
}

/** The failure of a disk or bucket, as the caller may see it; an error that already speaks FHIR passes unchanged. */
export function storeFailure(error: unknown): OutcomeError {
  if (error instanceof OutcomeError) {
    return error;
  }
  const { code, name } = error as { code?: unknown; name?: unknown };
  const reason = typeof code === 'string' ? code : typeof name === 'string' ? name : 'unknown reason';
  const failure = outcomeError(
    'no-store',
    `The file store could not take or give the file (${reason}); nothing was stored.`,
  );
  failure.cause = error;
  return failure;
}

/** Stores content by `write` and notes its digest on the way. */
export async function putBy(write: FileStore['write'], key: string, content: Content): Promise<Stored> {
  const { content: chunks, stored } = measured(content);
  await write(key, chunks);
  return stored();
}

/** Passes content through and notes its size and digest; `stored()` is final once the iteration has ended. */
function measured(content: Content): { content: AsyncIterable<Uint8Array>; stored: () => Stored } {
  const hash = createHash('sha256');
  let size = 0;
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunksOf(content)) {
      size += chunk.byteLength;
      hash.update(chunk);
      yield chunk;
    }
  }
  return { content: pass(), stored: () => ({ size, sha256: hash.digest('hex') }) };
}

export function chunksOf(content: Content): AsyncIterable<Uint8Array> | Uint8Array[] {
  return content instanceof Uint8Array ? [content] : content;
}

export interface Block {
  bytes: Buffer;
  /** The last block of the content; it alone may be shorter, and empty content is one empty last block. */
  last: boolean;
}

/**
 * Regroups content into blocks of one size; holds one block in memory, whose bytes are used again for the next: memory
 * outside the heap that is left to the collector made it run all the time, a third of the time of an export.
 *
 * @param memory of the n-th block, where it has to be a certain one
 */
export async function* blocks(
  content: Content,
  size: number,
  memory?: (number: number) => Buffer,
): AsyncGenerator<Block> {
  const own = content instanceof Uint8Array ? Math.min(size, content.byteLength) : size;
  let block = memory?.(0) ?? Buffer.allocUnsafe(own);
  let filled = 0;
  let number = 0;
  for await (const chunk of chunksOf(content)) {
    for (let taken = 0; taken < chunk.byteLength;) {
      if (filled === size) {
        yield { bytes: block, last: false };
        filled = 0;
        number += 1;
        block = memory?.(number) ?? block;
      }
      const part = chunk.subarray(taken, taken + size - filled);
      block.set(part, filled);
      filled += part.byteLength;
      taken += part.byteLength;
    }
  }
  yield { bytes: block.subarray(0, filled), last: true };
}
