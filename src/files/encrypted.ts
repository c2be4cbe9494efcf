/**
 * One tenant's view of the file store: keys without the tenant's number, content encrypted at rest with its data key.
 * Sizes and digests are those of the plain content.
 */
import { Readable } from 'node:stream';
import { fileKey, headerSize, newHeader, open, plainSize, readHeader, seal, sealedRange } from './segments.ts';
import { type ByteRange, type FileStore, putBy } from './store.ts';

export interface DataKey {
  id: string;
  key: Buffer;
}

/** The data keys of one tenant; `find` rejects when the key was shredded. */
export interface KeyRing {
  current(): Promise<DataKey>;
  find(id: string): Promise<Buffer>;
}

/** @param sealing where not in this thread (sealing-apart.ts) */
export function tenantFiles(files: FileStore, tenant: number, keys: KeyRing, sealing = seal): FileStore {
  const full = (key: string) => `${tenant}/${key}`;
  /** Gives the size of the plain content. */
  const sealed: FileStore['write'] = async (name, content) => {
    const { id, key } = await keys.current();
    const header = newHeader(id);
    return plainSize(await files.write(name, sealing(content, fileKey(key, header, name), header)));
  };
  return {
    put: (key, content) => putBy(sealed, full(key), content),
    write: (key, content) => sealed(full(key), content),
    get: (key, range) => get(files, keys, full(key), range),
    delete: (key) => files.delete(full(key)),
    async *list(prefix) {
      for await (const { key, size, modified } of files.list(full(prefix))) {
        yield { key: key.slice(full('').length), size: plainSize(size), modified };
      }
    },
  };
}

async function get(files: FileStore, keys: KeyRing, name: string, range: ByteRange = { start: 0 }): Promise<Readable> {
  const header = readHeader(await bytesOf(await files.get(name, { start: 0, end: headerSize })), name);
  if (range.end !== undefined && range.end <= range.start) {
    return Readable.from([]);
  }
  const key = fileKey(await keys.find(header.keyId), header, name);
  const sealed = await files.get(name, sealedRange(range));
  const plain = Readable.from(open(sealed, key, range, name), { objectMode: false, highWaterMark: 65_536 });
  // A reader that goes away before the first byte never enters the generator, whose end would close the source.
  return plain.once('close', () => sealed.destroy());
}

/** Content that stands in a row instead of a file, under a name that is its own. */
export async function sealBytes(keys: KeyRing, name: string, content: Buffer): Promise<Buffer> {
  const { id, key } = await keys.current();
  const header = newHeader(id);
  return bytesOf(seal(content, fileKey(key, header, name), header));
}

export async function openBytes(keys: KeyRing, name: string, sealed: Buffer): Promise<Buffer> {
  const header = readHeader(sealed.subarray(0, headerSize), name);
  const key = fileKey(await keys.find(header.keyId), header, name);
  return bytesOf(open(sealed.subarray(headerSize), key, { start: 0 }, name));
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
