/**
 * A seal as it is published: what anybody needs to check it later, apart from the database it came from. Pure.
 *
 * A published file has lines of JSON, each a key or a seal; a key stands before the first seal that it signed. A line that
 * was cut when a process was killed is no JSON: the seal follows it again, whole.
 */
import type { JsonObject } from '../fhir/json.ts';
import { sealHash } from './seal.ts';

export interface PublishedSeal {
  readonly number: number;
  /** The text that is signed. */
  readonly content: string;
  readonly signature: Buffer;
  readonly keyId: string;
}

export interface PublishedKey {
  readonly id: string;
  /** JSON text of a JWK. */
  readonly jwk: string;
}

export function keyLine(laboratory: string, { id, jwk }: PublishedKey): string {
  return `${JSON.stringify({ laboratory, key: id, jwk: JSON.parse(jwk) as JsonObject })}\n`;
}

export function sealLine(laboratory: string, seal: PublishedSeal): string {
  return `${JSON.stringify(sealMessage(laboratory, seal))}\n`;
}

/** What stands in a line. */
export function sealMessage(
  laboratory: string,
  { number, content, signature, keyId }: PublishedSeal,
): Record<string, unknown> {
  return {
    laboratory,
    number,
    hash: sealHash(content),
    seal: content,
    signature: signature.toString('base64'),
    key: keyId,
  };
}

export type Line = { readonly key: PublishedKey } | { readonly seal: PublishedSeal } | undefined;

/** Undefined for a line that is neither: one that was cut. */
export function readLine(text: string): Line {
  const line = jsonOf(text);
  if (line === undefined) return undefined;
  const { key, jwk, number, seal, signature } = line;
  if (typeof key !== 'string') return undefined;
  if (typeof jwk === 'object') return { key: { id: key, jwk: JSON.stringify(jwk) } };
  if (typeof number !== 'number' || typeof seal !== 'string' || typeof signature !== 'string') return undefined;
  return { seal: { number, content: seal, signature: Buffer.from(signature, 'base64'), keyId: key } };
}

function jsonOf(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
