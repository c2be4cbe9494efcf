/**
 * Lock-out: how many tries there are, by account name, by address and by second factor.
 *
 * 1. A name that does not exist is counted like one that does: being locked says nothing.
 * 2. Who is locked out is refused with the right password too.
 * 3. Keys are hashes within the tenant; an IPv6 address counts as its /64, which is one line of one customer.
 */
import { networkOf } from '../access/network.ts';
import {
  attemptKey,
  beginAttempt,
  clearAttempts,
  forgetAttempts,
  takeBackAttempt,
  type Counted,
} from '../store/attempts.ts';
import { sessionOf } from '../store/accounts.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Identity } from './identity.ts';

const second = 1_000;
const minute = 60 * second;

/** 30 s after the fifth failure, then 1, 2, 4 … minutes up to an hour; NIST SP 800-63B allows 100 in a row. */
const account = { free: 5, wait: 30 * second, longest: 60 * minute, most: 100 };
/** A whole laboratory may sit behind one address. A guess. */
const address = { free: 50, wait: 10 * second, longest: 15 * minute, recovery: 5 * minute };

/** Who tries what, from where. */
export type Attempt =
  { readonly username: string; readonly address: string } | { readonly factorOf: string; readonly address: string };

/** Lets a try begin, or gives the seconds until the next may (Infinity: an administrator must help). */
export async function beginTry(identity: Identity, tenant: Tenant, attempt: Attempt): Promise<number | undefined> {
  const begun = await beginAttempt(identity.database, tenant.id, countedFor(attempt), identity.now());
  return begun.begun ? undefined : Math.ceil(begun.wait / second);
}

/** The try succeeded: the name starts anew, the address gets this one back. */
export async function endTry(identity: Identity, tenant: Tenant, attempt: Attempt): Promise<void> {
  const session = sessionOf(identity.database, tenant.id);
  const [own, from] = countedFor(attempt);
  if (own !== undefined) await clearAttempts(session, [own.key]);
  if (from !== undefined) await takeBackAttempt(session, from);
  await forgetAttempts(session, identity.now());
}

/** Nothing came of the try, through no fault of who tried: too much to do, or no database. */
export async function abandonTry(identity: Identity, tenant: Tenant, attempt: Attempt): Promise<void> {
  const session = sessionOf(identity.database, tenant.id);
  for (const one of countedFor(attempt)) await takeBackAttempt(session, one);
}

function countedFor(attempt: Attempt): Counted[] {
  const own = 'username' in attempt ? attemptKey('account', attempt.username) : attemptKey('factor', attempt.factorOf);
  return [
    { key: own, ...account },
    { key: attemptKey('address', networkOf(attempt.address)), ...address },
  ];
}
