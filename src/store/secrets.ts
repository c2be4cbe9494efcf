/**
 * Secrets that must be read again: encrypted with the laboratory's data key.
 *
 *   nonce (12 bytes) | AES-256-GCM(key derived from the data key, secret) | tag
 * with tenant and owner as associated data, so that a row copied to another owner does not open. The key is derived (HKDF)
 * for each purpose, so that it is never the one that files are encrypted with.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { outcomeError } from '../fhir/outcome.ts';
import type { Database } from './pool.ts';
import { tenantKeys } from './tenant-keys.ts';

export interface EncryptedSecret {
  readonly secret: Buffer;
  readonly keyId: string;
}

export interface SecretPlace {
  readonly database: Database;
  readonly keyEncryptionKey: Buffer;
  readonly tenant: number;
  readonly purpose: string;
  /** Whose it is, within the laboratory and the purpose. */
  readonly owner: string;
}

export async function encryptSecret(place: SecretPlace, secret: Buffer): Promise<EncryptedSecret> {
  const { id, key } = await tenantKeys(place.database, place.tenant, place.keyEncryptionKey).current();
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', derived(key, place), nonce).setAAD(associated(place));
  return { keyId: id, secret: Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]) };
}

/** @throws OutcomeError where the key was deleted or the secret was changed or belongs to somebody else. */
export async function decryptSecret(place: SecretPlace, { keyId, secret }: EncryptedSecret): Promise<Buffer> {
  const key = derived(await tenantKeys(place.database, place.tenant, place.keyEncryptionKey).find(keyId), place);
  const decipher = createDecipheriv('aes-256-gcm', key, secret.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(associated(place)).setAuthTag(secret.subarray(-16));
  try {
    return Buffer.concat([decipher.update(secret.subarray(12, -16)), decipher.final()]);
  } catch {
    throw outcomeError(
      'exception',
      `The secret of ${place.owner} does not open: it was changed or belongs to another.`,
    );
  }
}

function derived(dataKey: Buffer, { purpose }: SecretPlace): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, '', purpose, 32));
}

function associated({ tenant, owner }: SecretPlace): Buffer {
  return Buffer.from(`${tenant}/${owner}`);
}
