/** `makhbar keys rotate <tenant>`: new signing keys; what older ones signed stays good for its time. */
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { rotateKeys } from '../identity/keys.ts';
import { findTenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { noteCommand } from './note.ts';

export async function rotateKeysCommand(name: string, options: Output): Promise<void> {
  const keys = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const made = await rotateKeys({ database, keyEncryptionKey: config.keyEncryptionKey() }, tenant.id);
    const further = made.map((key) => thing('key', key));
    await noteCommand(database, tenant, { kind: 'key-rotated', deed: 'makhbar keys rotate', further });
    return made;
  });
  print(options, { tenant: name, keys }, `${name} signs with new keys within seconds: ${keys.join(', ')}`);
}
