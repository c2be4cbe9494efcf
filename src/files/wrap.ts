/**
 * Wrapping of a tenant's data key by the key-encryption key of the installation.
 *
 *   wrapped = nonce (12 bytes) | AES-256-GCM(key-encryption key, data key) | tag
 * with tenant and key id as associated data, so that a row copied to another tenant or id does not open.
 * https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final (key wrapping keys, 5.3.6)
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { outcomeError } from '../fhir/outcome.ts';

/** To whom a data key belongs. */
export interface KeyOwner {
  tenant: number;
  keyId: string;
}

export function newDataKey(): Buffer {
  return randomBytes(32);
}

/** A short public name of a key-encryption key, stored beside what it wrapped so that a wrong one is recognised. */
export function fingerprint(keyEncryptionKey: Buffer): string {
  return createHash('sha256').update('makhbar key-encryption key').update(keyEncryptionKey).digest('hex').slice(0, 16);
}

export function wrapKey(keyEncryptionKey: Buffer, owner: KeyOwner, dataKey: Buffer): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyEncryptionKey, nonce).setAAD(ownerBytes(owner));
  return Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
}

export function unwrapKey(keyEncryptionKey: Buffer, owner: KeyOwner, wrapped: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', keyEncryptionKey, wrapped.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(ownerBytes(owner)).setAuthTag(wrapped.subarray(-16));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()]);
  } catch {
    throw outcomeError(
      'exception',
      `Data key ${owner.keyId} does not open: it was wrapped by another key-encryption key, or changed.`,
    );
  }
}

function ownerBytes(owner: KeyOwner): Buffer {
  return Buffer.from(`${owner.tenant}/${owner.keyId}`);
}
