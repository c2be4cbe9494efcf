/**
 * The mark that a run of retention leaves in the place of events: which leaves of which seals went, by which rule, signed.
 * The seals and their leaves stay, so that what is left of the log is proven as before, and an event that went in any other
 * way is missed.
 *
 * 1. It is bound to its place by the numbers of the seals and the hash of the last one's text.
 * 2. What went is told by bits, one for each leaf, those of a seal from the next whole byte on; their hash is signed.
 * 3. What is signed is the canonical text, after a line that no other signature of the same key begins with.
 */
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import { canonicalJson } from './canonical.ts';

export interface Removal {
  readonly laboratory: string;
  readonly number: number;
  /** The run of retention. */
  readonly run: string;
  readonly category: string;
  /** The rule: ISO 8601, and the law or contract. */
  readonly period: string;
  readonly basis: string;
  /** FHIR instants: what was earlier went; when it went. */
  readonly before: string;
  readonly at: string;
  /** Numbers of seals, both included. */
  readonly first: number;
  readonly last: number;
  /** Hash of the text of the last one. */
  readonly seal: string;
  /** How many events went. */
  readonly events: number;
  /** SHA-256 of the bits, in hexadecimal. */
  readonly removed: string;
}

export function removalText(removal: Removal): string {
  return canonicalJson({ ...removal });
}

const preface = 'Makhbar audit removal\n';

/** @param key private key, Ed25519, PKCS #8 in PEM */
export function signRemoval(text: string, key: string): Buffer {
  return sign(null, Buffer.from(preface + text, 'utf8'), key);
}

/** @param jwk the public key as JSON text of a JWK */
export function isRemovalSignedBy(text: string, signature: Buffer, jwk: string): boolean {
  const key = createPublicKey({ key: JSON.parse(jwk) as Record<string, string>, format: 'jwk' });
  return verify(null, Buffer.from(preface + text, 'utf8'), key, signature);
}

export function bitsHash(bits: Buffer): string {
  return createHash('sha256').update(bits).digest('hex');
}

/** Bytes for the leaves of a seal. */
export function bitsLength(leaves: number): number {
  return Math.ceil(leaves / 8);
}

export function bitsOf(leaves: number, places: Iterable<number>): Buffer {
  const bits = Buffer.alloc(bitsLength(leaves));
  for (const place of places) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  return bits;
}

export function hasBit(bits: Buffer, place: number): boolean {
  return ((bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
}
