/**
 * The provider's session, begun by the pages of accounts: afterwards applications know the person as well.
 *
 * 1. Signing in gives the session a new id (against fixation), and another person a new session.
 */
import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import { sessionOf as statements } from '../../store/accounts.ts';
import { endSession } from '../../store/oidc.ts';
import { sessionCookie } from '../configuration.ts';
import type { Laboratory } from '../laboratory.ts';
import type { SignedIn } from '../sign-in/signing-in.ts';
import { lifetimes } from '../token-lifetimes.ts';
import { sessionOf, type OpenidSession } from './visit.ts';

export async function beginSession(
  laboratory: Laboratory,
  { provider, ctx }: { provider: Provider; ctx: Context },
  { accountId, acr, amr }: SignedIn,
): Promise<void> {
  const session = await ownSession(laboratory, { provider, ctx }, accountId);
  session.loginAccount({ accountId, acr, amr: [...amr], loginTs: Math.floor(laboratory.identity.now() / 1_000) });
  session.resetIdentifier();
  await session.save(lifetimes.session);
  const expires = new Date(Date.now() + lifetimes.session * 1_000);
  ctx.cookies.set(provider.cookieName('session'), session.jti, {
    ...sessionCookie(laboratory),
    expires,
    overwrite: true,
  });
}

async function ownSession(
  { identity, tenant }: Laboratory,
  { provider, ctx }: { provider: Provider; ctx: Context },
  accountId: string,
): Promise<OpenidSession> {
  const known = await sessionOf(provider, ctx);
  if (known.accountId === undefined || known.accountId === accountId) return known;
  await endSession(statements(identity.database, tenant.id), known.uid);
  return new provider.Session();
}
