/**
 * The second factors of an account as a whole: which there are, whether one is needed, who may change them, and how
 * often one may be tried.
 *
 * 1. Adding or removing a factor needs a fresh second factor; the first one a fresh sign-in by password, because there is
 *    nothing else to show.
 * 2. All ways to show a second factor count as tries of the same account (lock-out.ts).
 */
import { passwordAcr, isFreshSecondFactor, type Authentication } from '../access/authentication.ts';
import { demandsSecondFactor } from '../access/second-factor.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sessionOf, type Account } from '../store/accounts.ts';
import { deleteFactors, readFactors, type Factor } from '../store/factors.ts';
import { countRecoveryCodes, dropRecoveryCodes } from '../store/recovery.ts';
import type { Tenant } from '../store/tenants.ts';
import { rolesOfAccount } from './accounts.ts';
import type { Identity, LastDeed } from './identity.ts';
import { beginTry, endTry } from './lock-out.ts';

export interface Factors {
  readonly factors: readonly Factor[];
  /** How many recovery codes are left. */
  readonly recoveryCodes: number;
}

export async function factorsOf(identity: Identity, tenant: Tenant, accountId: string): Promise<Factors> {
  const session = sessionOf(identity.database, tenant.id);
  return {
    factors: await readFactors(session, [accountId]),
    recoveryCodes: await countRecoveryCodes(session, accountId),
  };
}

/** Whether an account must show a second factor: because of its roles, or because it has one. */
export async function needsSecondFactor(identity: Identity, tenant: Tenant, account: Account): Promise<boolean> {
  const { secondFactorRoles } = tenant.settings;
  const roles = await rolesOfAccount(identity, tenant, account.id);
  if (roles.some((role) => demandsSecondFactor(role, secondFactorRoles))) return true;
  return (await factorsOf(identity, tenant, account.id)).factors.length > 0;
}

/** How fresh a sign-in must be to change factors: seconds. */
export const factorFreshness = 600;

/** @throws OutcomeError `login` where the person must sign in again, with a second factor if there is one. */
export async function checkMayChange(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  shown: Authentication,
): Promise<void> {
  const now = identity.now();
  if (isFreshSecondFactor(shown, factorFreshness, now)) return;
  const { factors } = await factorsOf(identity, tenant, account.id);
  const age = now / 1_000 - (shown.authTime ?? -Infinity);
  if (factors.length === 0 && shown.acr === passwordAcr && age <= factorFreshness) return;
  throw outcomeError('login', 'Changing second factors needs a fresh sign-in with a second factor.');
}

/** Phones, keys and their spares; each one-time code that is tried costs a decryption. A guess. */
const mostFactors = 10;

/** As checkMayChange. @throws OutcomeError `business-rule` where the account has as many factors as it can. */
export async function checkMayAdd(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  shown: Authentication,
): Promise<void> {
  await checkMayChange(identity, tenant, account, shown);
  const { factors } = await factorsOf(identity, tenant, account.id);
  if (factors.length >= mostFactors) {
    throw outcomeError('business-rule', `An account has at most ${mostFactors} second factors; remove one first.`);
  }
}

/** A name that a person gives a factor, as it is stored. */
export function labelOf(written: string): string {
  return written
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 100);
}

/** Removes a factor; with the last one the recovery codes go too. Whether there was one. */
export async function removeFactor(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { factor, shown, told }: { factor: string; shown: Authentication; told?: LastDeed },
): Promise<boolean> {
  await checkMayChange(identity, tenant, account, shown);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(factor)) return false;
  return identity.database.transaction(tenant.id, async (session) => {
    const removed = await deleteFactors(session, account.id, factor);
    if ((await readFactors(session, [account.id])).length === 0) await dropRecoveryCodes(session, account.id);
    if (removed > 0) await told?.(session);
    return removed > 0;
  });
}

export type Shown =
  | { readonly verified: true }
  /** Seconds; without it, where `locked`, only an administrator helps. */
  | { readonly verified: false; readonly refused: 'wrong' | 'locked'; readonly retryAfter?: number };

/** Where a try comes from. */
export interface Try {
  readonly account: Account;
  readonly address: string;
}

/** One counted try to show a second factor. */
export async function tryFactor(
  identity: Identity,
  tenant: Tenant,
  { account, address }: Try,
  verify: () => Promise<boolean>,
): Promise<Shown> {
  const attempt = { factorOf: account.id, address };
  const wait = await beginTry(identity, tenant, attempt);
  if (wait !== undefined) {
    return { verified: false, refused: 'locked', ...(wait !== Infinity && { retryAfter: wait }) };
  }
  if (account.status !== 'active' || !(await verify())) return { verified: false, refused: 'wrong' };
  await endTry(identity, tenant, attempt);
  return { verified: true };
}
