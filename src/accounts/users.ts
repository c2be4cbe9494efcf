/**
 * What an administrator does with users: add, change, disable, enable, help back in.
 *
 * 1. Nobody gives a role to himself, nor becomes another person by changing his own `fhirUser`.
 * 2. Only a role that the laboratory has and that is understood is given.
 * 3. Disabling ends sessions, grants, tokens and tickets in the same transaction; becoming another person (`fhirUser`)
 *    ends all but the tickets.
 * 4. No password passes through an administrator's hands: he hands over a link that is good once.
 */
import { randomUUID } from 'node:crypto';
import { outcomeError } from '../fhir/outcome.ts';
import {
  changeAccount,
  findAccount,
  grantRole,
  insertAccount,
  revokeRole,
  rolesHeld,
  setAccountStatus,
  type Account,
  type AccountChange,
} from '../store/accounts.ts';
import { attemptKey, clearAttempts } from '../store/attempts.ts';
import { deleteFactors } from '../store/factors.ts';
import { endAccess } from '../store/oidc.ts';
import type { Session } from '../store/pool.ts';
import { dropRecoveryCodes } from '../store/recovery.ts';
import { dropTickets, makeTicket, type TicketKind } from '../store/tickets.ts';
import { allRoles, change, type Administration, type Changed } from './administration.ts';
import { canonicalUsername, checkedUsername, isUsername } from './username.ts';

export interface NewUser {
  readonly username: string;
  readonly display?: string | undefined;
  readonly email?: string | undefined;
  readonly fhirUser?: string | undefined;
  readonly roles: readonly string[];
}

/** A link to hand over. */
export interface Handed {
  readonly account: Account;
  readonly kind: TicketKind;
  /** What stands in the link; known only now. */
  readonly ticket: string;
  /** FHIR instant. */
  readonly expires: string;
}

const hour = 3_600_000;
const lifetimes: Readonly<Record<TicketKind, number>> = { invitation: 72 * hour, reset: 24 * hour };

export async function addUser(administration: Administration, user: NewUser): Promise<Handed> {
  const { by, now } = administration;
  const username = checkedUsername(user.username);
  const { display = username, email, fhirUser } = checkedDetails(user);
  return change(
    administration,
    async (session) => {
      await checkRoles(session, user.roles);
      const details = { id: randomUUID(), username, display, ...(email && { email }), ...(fhirUser && { fhirUser }) };
      const account = await insertAccount(session, { ...details, createdBy: by }, now);
      for (const role of user.roles) await grantRole(session, account.id, { role, by, now });
      return handed(session, account, administration);
    },
    ofHanded,
  );
}

function ofAccount({ id }: Account): Changed {
  return { kind: 'account', id };
}

function ofHanded({ account }: Handed): Changed {
  return ofAccount(account);
}

export interface UserChange extends AccountChange {
  /** All that the user is to have. */
  readonly roles?: readonly string[];
}

export async function setUser(administration: Administration, username: string, changed: UserChange): Promise<Account> {
  const details = checkedDetails(changed);
  return change(
    administration,
    async (session) => {
      const account = await found(session, username);
      if (changed.fhirUser !== undefined && (changed.fhirUser ?? undefined) !== account.fhirUser) {
        refuseOnOneself(administration, account, 'change which person you are');
      }
      if (changed.roles !== undefined) await setRoles(session, administration, account, changed.roles);
      const after = (await changeAccount(session, account.id, details)) ?? account;
      // What was granted to the person before is not this person's.
      if (after.fhirUser !== account.fhirUser) await endAccess(session, account.id);
      return after;
    },
    ofAccount,
  );
}

async function setRoles(
  session: Session,
  administration: Administration,
  account: Account,
  wanted: readonly string[],
): Promise<void> {
  const { by, now } = administration;
  const held = ((await rolesHeld(session, [account.id])).get(account.id) ?? []).map(({ role }) => role);
  const added = wanted.filter((role) => !held.includes(role));
  await checkRoles(session, added);
  if (added.length > 0) refuseOnOneself(administration, account, 'give yourself a role');
  for (const role of added) await grantRole(session, account.id, { role, by, now });
  for (const role of held) if (!wanted.includes(role)) await revokeRole(session, account.id, role);
}

export async function disableUser(administration: Administration, username: string): Promise<Account> {
  return change(
    administration,
    async (session) => {
      const account = await found(session, username);
      const disabled = await setAccountStatus(session, account.id, 'disabled', administration.now);
      await endAccess(session, account.id);
      await dropTickets(session, account.id);
      return disabled ?? account;
    },
    ofAccount,
  );
}

export async function enableUser(administration: Administration, username: string): Promise<Account> {
  return change(
    administration,
    async (session) => {
      const account = await found(session, username);
      refuseOnOneself(administration, account, 'enable yourself');
      return (await setAccountStatus(session, account.id, 'enabled', administration.now)) ?? account;
    },
    ofAccount,
  );
}

/**
 * A link by which somebody who cannot sign in any more sets a new password; the lock-out ends. Who has lost the second
 * factor too gets in with `factors`: then the factors and recovery codes are gone.
 */
export async function resetUser(
  administration: Administration,
  username: string,
  lost: { factors: boolean },
): Promise<Handed> {
  return change(
    administration,
    async (session) => {
      const account = await found(session, username);
      refuseOnOneself(administration, account, 'reset yourself: change your password on your own page');
      if (account.status === 'disabled') {
        throw outcomeError('business-rule', `The user "${account.username}" is disabled; enable the user first.`);
      }
      await clearAttempts(session, [attemptKey('account', account.username), attemptKey('factor', account.id)]);
      if (lost.factors) {
        await deleteFactors(session, account.id);
        await dropRecoveryCodes(session, account.id);
        // Whoever holds the lost device is out at once.
        await endAccess(session, account.id);
      }
      return handed(session, account, administration);
    },
    ofHanded,
  );
}

async function handed(session: Session, account: Account, { by, now }: Administration): Promise<Handed> {
  const kind = account.status === 'invited' ? 'invitation' : 'reset';
  const lifetime = lifetimes[kind];
  const ticket = await makeTicket(session, { account: account.id, kind, by, now, lifetime });
  return { account, kind, ticket, expires: new Date(now + lifetime).toISOString() };
}

async function found(session: Session, username: string): Promise<Account> {
  const name = canonicalUsername(username);
  const account = isUsername(name) ? await findAccount(session, name) : undefined;
  if (account !== undefined) return account;
  throw outcomeError('not-found', `There is no user "${username.slice(0, 100)}".`);
}

async function checkRoles(session: Session, roles: readonly string[]): Promise<void> {
  const known = (await allRoles(session)).map(({ name }) => name);
  const unknown = roles.find((role) => !known.includes(role));
  if (unknown === undefined) return;
  throw outcomeError('value', `There is no role "${unknown.slice(0, 80)}"; there are ${known.join(', ')}.`, {
    status: 400,
  });
}

function refuseOnOneself({ by }: Administration, account: Account, what: string): void {
  if (by === account.id) throw outcomeError('forbidden', `You cannot ${what}; another administrator can.`);
}

const person = /^(Practitioner|PractitionerRole|Patient|RelatedPerson|Person)\/[A-Za-z0-9.-]{1,64}$/;

interface Details {
  readonly display?: string | undefined;
  readonly email?: string | null | undefined;
  readonly fhirUser?: string | null | undefined;
}

/** @throws OutcomeError `invalid` */
function checkedDetails(given: Details): AccountChange {
  const { display, email, fhirUser } = given;
  if (display !== undefined && !/^[^\p{Cc}]{1,200}$/u.test(display))
    throw invalid('display takes 1 to 200 characters.');
  if (email != null && !/^[^\s@\p{Cc}]{1,100}@[^\s@\p{Cc}]{1,150}$/u.test(email)) {
    throw invalid('email takes an e-mail address.');
  }
  if (fhirUser != null && !person.test(fhirUser)) {
    throw invalid('fhirUser takes a reference to a person such as Practitioner/7 or Patient/12.');
  }
  return {
    ...(display !== undefined && { display }),
    ...(email !== undefined && { email }),
    ...(fhirUser !== undefined && { fhirUser }),
  };
}

function invalid(sentence: string): Error {
  return outcomeError('invalid', sentence, { status: 400 });
}
