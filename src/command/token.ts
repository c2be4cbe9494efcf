/** `makhbar token <tenant>`: a short-lived access token for the person who runs the machine. */
import { parseManages, parseScopes } from '../access/scopes.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { issueToken } from '../identity/token.ts';
import { findTenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { noteCommand } from './note.ts';

export async function tokenCommand(name: string, options: Output & { scope: string; ttl: number }): Promise<void> {
  const scopes = parseScopes(options.scope);
  const manages = parseManages(options.scope);
  const issued = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const signing = { database, keyEncryptionKey: config.keyEncryptionKey() };
    const made = await issueToken(signing, tenant, { scopes, manages, ttl: options.ttl });
    await noteCommand(database, tenant, { kind: 'token-issued', deed: 'makhbar token' });
    return made;
  });
  const expires = new Date(issued.exp * 1000).toISOString();
  print(options, { token: issued.token, expires, scope: options.scope, tenant: name }, issued.token);
}
