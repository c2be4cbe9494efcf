/** `makhbar keys rotate <tenant>`: new signing keys; what older ones signed stays good for its time. */
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { rotateKeys } from '../identity/keys.ts';
import { findTenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { noting } from './note.ts';

export async function rotateKeysCommand(name: string, options: Output): Promise<void> {
  const keys = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const noted = { kind: 'key-rotated', deed: 'makhbar keys rotate' } as const;
    return noting(database, tenant, noted, {
      work: (session) => rotateKeys(session, config.keyEncryptionKey()),
      further: (made) => made.map((key) => thing('key', key)),
    });
  });
  print(options, { tenant: name, keys }, `${name} signs with new keys within seconds: ${keys.join(', ')}`);
}
