/**
 * The key of this installation, which signs what outlives a laboratory: the package it takes with it, and the certificate
 * of its deletion. https://www.rfc-editor.org/rfc/rfc8037 (EdDSA in JWS), https://www.rfc-editor.org/rfc/rfc7638
 *
 * 1. It is derived from the key-encryption key (HKDF), so that every process has it and nothing more is to be kept.
 * 2. A signature is a JWS with detached content: `header..signature`, over the bytes of the file beside it.
 * 3. Who checks one compares the thumbprint with what the operator told him by another way: `makhbar keys show`.
 */
import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, type KeyObject } from 'node:crypto';

export interface SignatureKey {
  readonly privateKey: KeyObject;
  /** With its thumbprint as `kid`. */
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly thumbprint: string;
}

/** What comes before the seed of an Ed25519 key in PKCS #8 (RFC 8410). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

export function signatureKey(keyEncryptionKey: Buffer): SignatureKey {
  const seed = Buffer.from(hkdfSync('sha256', keyEncryptionKey, '', 'makhbar departure signature', 32));
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' });
  const {
    crv = '',
    kty = '',
    x = '',
  } = createPublicKey(privateKey).export({ format: 'jwk' }) as Record<string, string>;
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  return { privateKey, thumbprint, publicJwk: { kty, crv, x, alg: 'EdDSA', use: 'sig', kid: thumbprint } };
}

export function detachedSignature({ privateKey, thumbprint }: SignatureKey, content: Buffer): string {
  const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: thumbprint })).toString('base64url');
  const signed = Buffer.from(`${header}.${content.toString('base64url')}`);
  return `${header}..${sign(null, signed, privateKey).toString('base64url')}`;
}
