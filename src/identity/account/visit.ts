/** One request for a page of an account: who is signed in, what was posted. */
import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Authentication } from '../../access/authentication.ts';
import type { Frame } from '../../pages/document.ts';
import type { Texts } from '../../pages/texts/en.ts';
import type { Account } from '../../store/accounts.ts';
import { accountById } from '../accounts.ts';
import type { Laboratory } from '../laboratory.ts';
import { formToken, frameOf } from '../pages/frame.ts';

export type OpenidSession = Awaited<ReturnType<Provider['Session']['get']>>;

export interface Visit {
  readonly laboratory: Laboratory;
  readonly provider: Provider;
  readonly ctx: Context;
  /** The caller's network address. */
  readonly address: string;
  /** What follows /account/ in the path. */
  readonly path: string;
  readonly texts: Texts;
  /** Posted fields; undefined for a GET. */
  readonly form: URLSearchParams | undefined;
}

export interface SignedInVisit extends Visit {
  readonly session: OpenidSession;
  readonly account: Account;
  readonly shown: Authentication;
  readonly frame: Frame;
  /** For the forms of this session. */
  readonly csrf: string;
}

/** Undefined where nobody is signed in, or the account was switched off. */
export async function signedIn(visit: Visit): Promise<SignedInVisit | undefined> {
  const { laboratory, provider, ctx, path } = visit;
  const session = await sessionOf(provider, ctx);
  const account =
    session.accountId === undefined
      ? undefined
      : await accountById(laboratory.identity, laboratory.tenant, session.accountId);
  if (account?.status !== 'active') return undefined;
  const frame = { ...frameOf(laboratory, path === '' ? '/account' : `/account/${path}`), signedInAs: account.display };
  return {
    ...visit,
    session,
    account,
    shown: { acr: session.acr, authTime: session.loginTs },
    frame,
    csrf: formToken(laboratory, boundTo(session)),
  };
}

export function sessionOf(provider: Provider, ctx: Context): Promise<OpenidSession> {
  return provider.Session.get(ctx as Parameters<Provider['Session']['get']>[0]);
}

export function boundTo(session: OpenidSession): string {
  return `account ${session.uid}`;
}

/** To another page of the account, after a form; `done` says what happened. */
export function goTo({ laboratory, ctx }: Visit, path = '', query: Readonly<Record<string, string>> = {}): void {
  const search = new URLSearchParams(query).toString();
  ctx.status = 303;
  ctx.redirect(`${laboratory.root}/account${path === '' ? '' : `/${path}`}${search === '' ? '' : `?${search}`}`);
}
