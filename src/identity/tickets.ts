/**
 * The person behind a link that an administrator handed over: an invitation, or a reset.
 *
 * 1. Unknown, used, expired, and of a disabled account look the same.
 * 2. The link is used up only when the new password is good; of two who use it at once, one sets the password.
 * 3. A new password ends every session and grant of the account, and its lock-out.
 */
import { findAccountById, sessionOf, setPassword, type Account } from '../store/accounts.ts';
import { attemptKey, clearAttempts } from '../store/attempts.ts';
import { endAccess } from '../store/oidc.ts';
import type { Session } from '../store/pool.ts';
import { readTicket, useTicket, type TicketKind } from '../store/tickets.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Identity, LastDeed } from './identity.ts';
import { passwordProblem, passwordRules, type PasswordProblem } from './password-rules.ts';
import { hashPassword } from './password.ts';

export interface OpenTicket {
  readonly account: Account;
  readonly kind: TicketKind;
  /** FHIR instant. */
  readonly expires: string;
}

/** For whom a link is, to greet the person; undefined where it is not good. */
export async function openTicket(
  identity: Identity,
  tenant: Tenant,
  { ticket, kind }: { ticket: string; kind: TicketKind },
): Promise<OpenTicket | undefined> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(ticket)) return undefined;
  const session = sessionOf(identity.database, tenant.id);
  const known = await readTicket(session, ticket, identity.now());
  if (known?.kind !== kind) return undefined;
  const account = await findAccountById(session, known.account);
  if (account === undefined || account.status === 'disabled') return undefined;
  return { account, kind, expires: known.expires };
}

export type Accepted =
  | { readonly account: Account }
  | { readonly refused: 'ticket' }
  | { readonly refused: 'password'; readonly problem: PasswordProblem };

/** Sets the password; an invited account is active from then on. */
export async function acceptTicket(
  identity: Identity,
  tenant: Tenant,
  {
    ticket,
    kind,
    password,
    told,
  }: { ticket: string; kind: TicketKind; password: string; told?: (of: Account) => LastDeed },
): Promise<Accepted> {
  const open = await openTicket(identity, tenant, { ticket, kind });
  if (open === undefined) return { refused: 'ticket' };
  const problem = passwordProblem(password, passwordRules(tenant, open.account));
  if (problem !== undefined) return { refused: 'password', problem };
  const hash = await hashPassword(identity, tenant, password);
  return identity.database.transaction(tenant.id, (session) =>
    accepted(session, { ticket, hash, now: identity.now(), told }),
  );
}

async function accepted(
  session: Session,
  {
    ticket,
    hash,
    now,
    told,
  }: { ticket: string; hash: string; now: number; told: ((of: Account) => LastDeed) | undefined },
): Promise<Accepted> {
  const used = await useTicket(session, ticket, now);
  const account = used && (await findAccountById(session, used.account));
  if (account === undefined || account.status === 'disabled') return { refused: 'ticket' };
  await setPassword(session, account.id, hash, now);
  await clearAttempts(session, [attemptKey('account', account.username)]);
  await endAccess(session, account.id);
  await told?.(account)(session);
  return { account: (await findAccountById(session, account.id)) ?? account };
}
