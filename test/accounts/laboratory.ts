/** Users of a test laboratory: the deeds of src/identity on the server's database, with a clock of the test's own. */
import { randomUUID } from 'node:crypto';
import type { Administration } from '../../src/accounts/administration.ts';
import { addUser, type Handed, type NewUser } from '../../src/accounts/users.ts';
import { readConfig } from '../../src/config.ts';
import { makeIdentity, type Identity } from '../../src/identity/identity.ts';
import { hashPassword } from '../../src/identity/password.ts';
import { findAccountById, sessionOf, setPassword, type Account } from '../../src/store/accounts.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { testDatabase, testServer } from '../server.ts';

export interface Clock {
  now: number;
}

export const password = 'seven herons over the lagoon';

/** Far from the end of a minute, of a step of one-time codes and of an hour. */
export const noon = Date.UTC(2026, 4, 5, 12, 0, 10);

export function identityAt(clock: Clock): Identity {
  const keyEncryptionKey = readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey();
  return makeIdentity(testDatabase(), keyEncryptionKey, () => clock.now);
}

/** As an administrator, for tests that are not about the audit log: changes without their events. */
export function administering({ id }: { id: number }, now: number): Administration {
  return { transaction: (work) => testDatabase().transaction(id, work), tenant: id, by: 'operator', now };
}

export function invite(
  tenant: Tenant,
  user: Partial<NewUser> & { username: string },
  now = Date.now(),
): Promise<Handed> {
  return addUser(administering(tenant, now), { roles: [], ...user });
}

let hash: Promise<string> | undefined;

/** An active user with the password of this file. */
export async function makeUser(tenant: Tenant, user: Partial<NewUser> & { username: string }): Promise<Account> {
  const { account } = await invite(tenant, user);
  const session = sessionOf(testDatabase(), tenant.id);
  // Hashed once: 100 ms each.
  hash ??= hashPassword(identityAt({ now: noon }), tenant, password);
  await setPassword(session, account.id, await hash, noon);
  return (await findAccountById(session, account.id)) ?? account;
}

/** An address of documentation's own (RFC 3849), another each time. */
export function someAddress(): string {
  const [a = '', b = '', c = ''] = randomUUID().split('-');
  return `2001:db8:${b}:${c}::${a.slice(0, 4)}`;
}
