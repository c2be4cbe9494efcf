/**
 * Secrets that must be read again, such as that of a one-time code: encrypted with the laboratory's data key.
 *
 *   nonce (12 bytes) | AES-256-GCM(key derived from the data key, secret) | tag
 * with tenant and owner as associated data, so that a row copied to another account does not open. The key is derived
 * (HKDF) so that it is never the one that files are encrypted with.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { outcomeError } from '../fhir/outcome.ts';
import type { EncryptedSecret } from '../store/factors.ts';
import { tenantKeys } from '../store/tenant-keys.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Identity } from './identity.ts';

export async function encrypt(
  { database, keyEncryptionKey }: Identity,
  tenant: Tenant,
  owner: string,
  secret: Buffer,
): Promise<EncryptedSecret> {
  const { id, key } = await tenantKeys(database, tenant.id, keyEncryptionKey).current();
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', derived(key), nonce).setAAD(associated(tenant, owner));
  return { keyId: id, secret: Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]) };
}

/** @throws OutcomeError where the key was deleted or the secret was changed or belongs to somebody else. */
export async function decrypt(
  { database, keyEncryptionKey }: Identity,
  tenant: Tenant,
  owner: string,
  { keyId, secret }: EncryptedSecret,
): Promise<Buffer> {
  const key = derived(await tenantKeys(database, tenant.id, keyEncryptionKey).find(keyId));
  const decipher = createDecipheriv('aes-256-gcm', key, secret.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(associated(tenant, owner)).setAuthTag(secret.subarray(-16));
  try {
    return Buffer.concat([decipher.update(secret.subarray(12, -16)), decipher.final()]);
  } catch {
    throw outcomeError('exception', `The secret of ${owner} does not open: it was changed or belongs to another.`);
  }
}

function derived(dataKey: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, '', 'makhbar account secret', 32));
}

function associated(tenant: Tenant, owner: string): Buffer {
  return Buffer.from(`${tenant.id}/${owner}`);
}
