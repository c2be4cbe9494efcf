/**
 * The package as one ZIP archive that is made while it is sent: nothing of it lies on a disk of the server, and no more than
 * some pieces in its memory. Unpacked it is the folder of package.ts, with its manifest, signature and verifier.
 */
import { createHash } from 'node:crypto';
import type { Context } from '../request.ts';
import { closingFiles, entriesOf, manifestOf, type Begun, type Entry } from './contents.ts';
import type { PackageFile, Piece } from './folder.ts';
import { signatureKey } from './signature.ts';
import { zipped, type ZipEntry } from './zip.ts';

export function packageArchive(context: Context, frame: Begun): AsyncGenerator<Buffer> {
  return zipped(files(context, frame));
}

async function* files(context: Context, frame: Begun): AsyncGenerator<ZipEntry> {
  const done: PackageFile[] = [];
  for await (const entry of entriesOf(context, frame)) {
    const pieces = entry.pieces()[Symbol.asyncIterator]();
    const first = await firstOf(pieces);
    if (first === undefined && entry.counts !== undefined) continue;
    yield { path: entry.path, content: noted(entry, first, pieces, done) };
  }
  const manifest = await manifestOf(context, frame, done);
  const key = signatureKey(context.server.config.keyEncryptionKey());
  for (const [path, content] of await closingFiles(manifest, key)) yield { path, content: whole(content) };
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* whole(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

/** What it has nothing of has no file; pieces before the first with bytes have no count. */
async function firstOf(pieces: AsyncIterator<Piece>): Promise<Piece | undefined> {
  for (;;) {
    const { value, done } = await pieces.next();
    if (done === true) return undefined;
    if (value.bytes.byteLength > 0) return value;
  }
}

/** The bytes of a file; at their end it stands among those that are done. */
async function* noted(
  { path, of, counts }: Entry,
  first: Piece | undefined,
  pieces: AsyncIterator<Piece>,
  done: PackageFile[],
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let [size, count] = [0, 0];
  try {
    for (let piece = first; piece !== undefined; piece = await nextOf(pieces)) {
      hash.update(piece.bytes);
      size += piece.bytes.byteLength;
      count += piece.count;
      yield piece.bytes;
    }
  } finally {
    await pieces.return?.();
  }
  const counted = counts !== undefined && { [counts]: count };
  done.push({ path, size, sha256: hash.digest('hex'), ...counted, ...(of !== undefined && { of }) });
}

async function nextOf(pieces: AsyncIterator<Piece>): Promise<Piece | undefined> {
  const { value, done } = await pieces.next();
  return done === true ? undefined : value;
}
