/**
 * Signing in by name and password, and what an account is.
 *
 * 1. A name that does not exist, one without a password and a wrong password look the same: the same answer after the
 *    same work. Only who knows the password learns that the account is disabled.
 * 2. Each try is counted before the password is looked at (lock-out.ts).
 */
import { resolveRoles } from '../access/role-definition.ts';
import type { RoleDefinition } from '../access/roles.ts';
import { canonicalUsername, isUsername } from '../accounts/username.ts';
import {
  findAccountById,
  noteSignIn,
  readPassword,
  replaceHash,
  rolesHeld,
  sessionOf,
  type Account,
} from '../store/accounts.ts';
import { readRoles } from '../store/roles.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Identity } from './identity.ts';
import { abandonTry, beginTry, endTry } from './lock-out.ts';
import { hashPassword, isOutdated, verifyPassword } from './password.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** The address that it came from. */
  readonly address: string;
}

export type SignIn =
  | { readonly account: Account }
  | {
      readonly refused: 'credentials' | 'locked' | 'disabled';
      /** Seconds; without it, where `locked`, only an administrator helps. */
      readonly retryAfter?: number;
    };

/** More is no password: hashing must not be made slow by its length. */
const longestPassword = 1_024;

export async function authenticatePassword(
  identity: Identity,
  tenant: Tenant,
  { username: written, password, address }: Credentials,
): Promise<SignIn> {
  const username = canonicalUsername(written.slice(0, 200));
  const attempt = { username, address };
  const wait = await beginTry(identity, tenant, attempt);
  if (wait !== undefined) return { refused: 'locked', ...(wait !== Infinity && { retryAfter: wait }) };
  const session = sessionOf(identity.database, tenant.id);
  const known = isUsername(username) ? await readPassword(session, username) : undefined;
  const hash = password.length > longestPassword ? undefined : known?.hash;
  const tried = { password: password.slice(0, longestPassword), hash };
  const good = await verifyPassword(identity, tenant, tried).catch(async (error: unknown) => {
    await abandonTry(identity, tenant, attempt);
    throw error;
  });
  if (!good || known === undefined || hash === undefined) return { refused: 'credentials' };
  await endTry(identity, tenant, attempt);
  if (known.account.status !== 'active') return { refused: 'disabled' };
  await noteSignIn(session, known.account.id, identity.now());
  if (isOutdated(hash)) {
    await replaceHash(session, known.account.id, { from: hash, to: await hashPassword(identity, tenant, password) });
  }
  return { account: known.account };
}

export async function accountById(identity: Identity, tenant: Tenant, id: string): Promise<Account | undefined> {
  return uuid.test(id) ? findAccountById(sessionOf(identity.database, tenant.id), id) : undefined;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The roles that an account holds, as the laboratory has them now; what cannot be understood grants nothing. */
export async function rolesOfAccount(identity: Identity, tenant: Tenant, id: string): Promise<RoleDefinition[]> {
  const session = sessionOf(identity.database, tenant.id);
  const names = ((await rolesHeld(session, [id])).get(id) ?? []).map(({ role }) => role);
  return resolveRoles(names, await readRoles(session, names));
}
