/** A person changes the own password: the old one is asked for, and counted like a sign-in. */
import { setPassword, type Account } from '../store/accounts.ts';
import { accessOfAccount, endSession, revokeGrant } from '../store/oidc.ts';
import type { Session } from '../store/pool.ts';
import { dropTickets } from '../store/tickets.ts';
import type { Tenant } from '../store/tenants.ts';
import { authenticatePassword, type SignIn } from './accounts.ts';
import type { Identity, LastDeed } from './identity.ts';
import { passwordProblem, passwordRules, type PasswordProblem } from './password-rules.ts';
import { hashPassword } from './password.ts';

export interface PasswordChange {
  readonly account: Account;
  readonly current: string;
  readonly next: string;
  readonly address: string;
  /** Uid of the session that stays; all others end, and what applications were granted. */
  readonly session?: string | undefined;
  readonly told?: LastDeed;
}

export type PasswordChanged =
  | { readonly changed: true }
  | { readonly changed: false; readonly problem: PasswordProblem }
  | Exclude<SignIn, { account: Account }>;

export async function changePassword(
  identity: Identity,
  tenant: Tenant,
  { account, current, next, address, session: kept, told }: PasswordChange,
): Promise<PasswordChanged> {
  const answer = await authenticatePassword(identity, tenant, {
    username: account.username,
    password: current,
    address,
  });
  if ('refused' in answer) return answer;
  const problem = current === next ? 'common' : passwordProblem(next, passwordRules(tenant, account));
  if (problem !== undefined) return { changed: false, problem };
  const hash = await hashPassword(identity, tenant, next);
  await identity.database.transaction(tenant.id, async (session) => {
    await setPassword(session, account.id, hash, identity.now());
    await dropTickets(session, account.id);
    await endOtherAccess(session, account.id, kept);
    await told?.(session);
  });
  return { changed: true };
}

async function endOtherAccess(session: Session, accountId: string, kept: string | undefined): Promise<void> {
  for (const { kind, id } of await accessOfAccount(session, accountId)) {
    if (kind === 'Grant') await revokeGrant(session, { id: Buffer.from(id, 'hex'), accountId });
    else if (id !== kept) await endSession(session, id, accountId);
  }
}
