/**
 * Encryption of a file in segments, so that it streams, gives ranges, and shows every change.
 *
 * The construction is STREAM with a key per file (as AES-GCM-HKDF streaming in Google Tink):
 *   file    = header, segment 0, segment 1, …
 *   header  = "MKF1" | id of the tenant's data key (16 bytes) | random salt (32 bytes)
 *   key     = HKDF-SHA256(data key, salt, "makhbar file 1" | header | name of the file)
 *   segment = AES-256-GCM(key, nonce = number of the segment (11 bytes) | 1 when it is the last, else 0) + tag
 *
 * 1. A nonce never repeats under a key: the key is the file's own, the number of the segment is in the nonce.
 * 2. Segments moved, dropped, repeated or appended fail: number and last flag are in the nonce.
 * 3. A file copied over another, of this or of another tenant, fails: its name is in the key.
 * 4. The header names the data key, so a tenant's key can be changed while older files stay readable.
 * A single random nonce under the tenant's key was rejected: 12 bytes are too few for many files, and one tag at the
 * end forces a reader to give out bytes before they are proven.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { type OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { blocks, type ByteRange, type Content } from './store.ts';

const magic = Buffer.from('MKF1');
export const headerSize = 52;
export const segmentSize = 65_536;
const tagSize = 16;
const sealedSize = segmentSize + tagSize;

export interface Header {
  bytes: Buffer;
  keyId: string;
}

export function newHeader(keyId: string): Header {
  return { bytes: Buffer.concat([magic, Buffer.from(keyId.replaceAll('-', ''), 'hex'), randomBytes(32)]), keyId };
}

export function readHeader(bytes: Buffer, name: string): Header {
  if (bytes.length !== headerSize || !bytes.subarray(0, 4).equals(magic)) {
    throw damaged(name);
  }
  const hex = bytes.toString('hex', 4, 20);
  return { bytes, keyId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') };
}

/** The key of one file. */
export function fileKey(dataKey: Uint8Array, header: Header, name: string): Buffer {
  const info = Buffer.concat([Buffer.from('makhbar file 1'), header.bytes, Buffer.from(name)]);
  return Buffer.from(hkdfSync('sha256', dataKey, header.bytes.subarray(20), info, 32));
}

/** Header and sealed segments of a content; the bytes of a segment, which GCM gives all at once, and its tag apart. */
export async function* seal(content: Content, key: Buffer, header: Header): AsyncGenerator<Buffer> {
  yield header.bytes;
  const secret = createSecretKey(key);
  let number = 0;
  for await (const { bytes, last } of blocks(content, segmentSize)) {
    const { sealed, tag } = sealSegment(bytes, secret, nonceOf(number, last));
    yield sealed;
    yield tag;
    number += 1;
  }
}

interface Segments {
  readonly key: Uint8Array;
  /** Of the first of them. */
  readonly number: number;
  /** They are the last of the content; only then the last of them may be shorter. */
  readonly last: boolean;
}

/** Segments that lie in memory one after the other, sealed into other memory; gives their length there. */
export function sealSegments(plain: Buffer, to: Buffer, { key, number, last }: Segments): number {
  const secret = createSecretKey(key);
  let length = 0;
  for (let at = 0; at < plain.length; at += segmentSize) {
    const isLast = last && at + segmentSize >= plain.length;
    const nonce = nonceOf(number + at / segmentSize, isLast);
    const { sealed, tag } = sealSegment(plain.subarray(at, at + segmentSize), secret, nonce);
    to.set(sealed, length);
    to.set(tag, length + sealed.length);
    length += sealed.length + tagSize;
  }
  return length;
}

function sealSegment(bytes: Buffer, secret: KeyObject, nonce: Buffer): { sealed: Buffer; tag: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', secret, nonce);
  const sealed = cipher.update(bytes);
  cipher.final();
  return { sealed, tag: cipher.getAuthTag() };
}

/** Of so many plain bytes, whole segments but for the last. */
export function sealedLength(plain: number): number {
  return plain + Math.ceil(plain / segmentSize) * tagSize;
}

/**
 * Where the sealed segments of a range lie in the file. One byte more than they need is asked for: when it comes, the
 * segment before it was not the last, which is how a reader of a range knows the flag without knowing the file's size.
 */
export function sealedRange(range: ByteRange): ByteRange {
  const start = headerSize + Math.floor(range.start / segmentSize) * sealedSize;
  return range.end === undefined
    ? { start }
    : { start, end: headerSize + Math.ceil(range.end / segmentSize) * sealedSize + 1 };
}

/** The plain bytes of a range, from the bytes of `sealedRange`; each segment is proven before it is given out. */
export async function* open(sealed: Content, key: Buffer, range: ByteRange, name: string): AsyncGenerator<Buffer> {
  let number = Math.floor(range.start / segmentSize);
  for await (const { bytes, last } of blocks(sealed, sealedSize)) {
    const offset = number * segmentSize;
    if (range.end !== undefined && offset >= range.end) {
      return;
    }
    const plain = unseal(bytes, key, nonceOf(number, last), name);
    yield plain.subarray(Math.max(0, range.start - offset), range.end === undefined ? undefined : range.end - offset);
    number += 1;
  }
}

/** Size of the content of a sealed file of a size. */
export function plainSize(sealed: number): number {
  const body = sealed - headerSize;
  return body - Math.ceil(body / sealedSize) * tagSize;
}

function unseal(sealed: Buffer, key: Buffer, nonce: Buffer, name: string): Buffer {
  if (sealed.length < tagSize) {
    throw damaged(name);
  }
  const end = sealed.length - tagSize;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagSize });
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  } catch {
    throw damaged(name);
  }
}

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce.writeUInt8(last ? 1 : 0, 11);
  return nonce;
}

function damaged(name: string): OutcomeError {
  return outcomeError('exception', `The stored file ${name} was changed or cut off and cannot be given out.`);
}
