/**
 * Seals: a chain of signed statements about the events of a laboratory, in their order.
 *
 * 1. Seal n names the hash of seal n-1, so that none can be taken out, put in or exchanged.
 * 2. It names the root (merkle.ts) and the number of its events, the first and the last, and the transactions they are
 *    of; the next one begins where it ends. Every event is under exactly one seal.
 * 3. Where the database was restored into another cluster a segment begins: the chain goes on, and the seal says so.
 * 4. What is signed is the canonical text, after a line that no other signature of the same key begins with.
 */
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { canonicalJson } from './canonical.ts';

export interface Seal {
  readonly laboratory: string;
  readonly number: number;
  /** SHA-256 of the text of the seal before, in hexadecimal; 64 zeros before the first. */
  readonly previous: string;
  /** In hexadecimal. */
  readonly root: string;
  readonly count: number;
  /** Ids of events. */
  readonly first: string;
  readonly last: string;
  /** FHIR instants: the earliest and the latest time of its events. */
  readonly from: string;
  readonly to: string;
  /** Transactions of the database, as decimal texts: from `low` to below `high`. */
  readonly low: string;
  readonly high: string;
  /** FHIR instant. */
  readonly sealed: string;
  /** Absent in the first. After each restore into another cluster of the database a further one begins. */
  readonly segment?: number;
  /** In the first seal of a further segment: why and when it began. */
  readonly continues?: string;
}

export const beginning = '0'.repeat(64);

export function segmentOf({ segment = 1 }: Pick<Seal, 'segment'>): number {
  return segment;
}

export function sealText(seal: Seal): string {
  return canonicalJson({ ...seal });
}

export function sealHash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

const preface = 'Makhbar audit seal\n';

/** @param key private key, Ed25519, PKCS #8 in PEM */
export function signSeal(text: string, key: string): Buffer {
  return sign(null, Buffer.from(preface + text, 'utf8'), key);
}

/** @param jwk the public key as JSON text of a JWK */
export function sealKey(jwk: string): KeyObject {
  return createPublicKey({ key: JSON.parse(jwk) as Record<string, string>, format: 'jwk' });
}

export function isSignedBy(text: string, signature: Uint8Array, key: KeyObject): boolean {
  return verify(null, Buffer.from(preface + text, 'utf8'), key, signature);
}
