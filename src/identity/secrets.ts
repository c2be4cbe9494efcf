/** Secrets of accounts that must be read again, such as that of a one-time code (src/store/secrets.ts). */

import { decryptSecret, encryptSecret, type EncryptedSecret, type SecretPlace } from '../store/secrets.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Identity } from './identity.ts';

export async function encrypt(
  identity: Identity,
  tenant: Tenant,
  owner: string,
  secret: Buffer,
): Promise<EncryptedSecret> {
  return await encryptSecret(placeOf(identity, tenant, owner), secret);
}

/** @throws OutcomeError where the key was deleted or the secret was changed or belongs to somebody else. */
export async function decrypt(
  identity: Identity,
  tenant: Tenant,
  owner: string,
  secret: EncryptedSecret,
): Promise<Buffer> {
  return await decryptSecret(placeOf(identity, tenant, owner), secret);
}

function placeOf({ database, keyEncryptionKey }: Identity, { id }: Tenant, owner: string): SecretPlace {
  return { database, keyEncryptionKey, tenant: id, purpose: 'makhbar account secret', owner };
}
