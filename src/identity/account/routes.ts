/**
 * The pages of accounts, below /account; the laboratory's root leads there.
 *
 * 1. Whoever is not signed in is sent to sign in; so is who must show a second factor anew.
 * 2. A form counts only with the token of the session whose cookie comes with it; without it nothing is done, 403.
 */
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { OutcomeError } from '../../fhir/outcome.ts';
import type { Laboratory } from '../laboratory.ts';
import { readForm } from '../pages/form-body.ts';
import { isFormToken, textsFor } from '../pages/frame.ts';
import { sendProblem } from '../pages/problem.ts';
import { addPasskey, addTotp, recoveryCodes, removeFactor } from './factors.ts';
import { endOne, endOthers, overview, revokeApp } from './overview.ts';
import { ownPassword, ticketVisit } from './password.ts';
import { signInVisit } from './sign-in.ts';
import { boundTo, goTo, signedIn, type SignedInVisit, type Visit } from './visit.ts';

type Handler = (visit: SignedInVisit) => Promise<void>;

/** What follows /account/, by method. */
const routes: Readonly<Record<string, { readonly GET?: Handler; readonly POST?: Handler }>> = {
  '': { GET: overview },
  'apps/revoke': { POST: revokeApp },
  'sessions/end': { POST: endOne },
  'sessions/end-others': { POST: endOthers },
  password: { GET: ownPassword, POST: ownPassword },
  'factors/totp': { GET: addTotp, POST: addTotp },
  'factors/passkey': { GET: addPasskey, POST: addPasskey },
  'factors/remove': { POST: removeFactor },
  'recovery-codes': { POST: recoveryCodes },
};

export function accountPages(
  laboratory: Laboratory,
  provider: Provider,
  addressOf: (request: IncomingMessage) => string,
): Middleware {
  return async (ctx, next) => {
    const [, part, ...rest] = ctx.path.split('/');
    if (ctx.path === '/' && ctx.method === 'GET') return ctx.redirect(`${laboratory.root}/account`);
    if (part !== 'account') return await next();
    if (!['GET', 'HEAD', 'POST'].includes(ctx.method)) return sendProblem(laboratory, ctx, 'missing');
    const form = ctx.method === 'POST' ? ((await readForm(ctx)) ?? new URLSearchParams()) : undefined;
    const texts = textsFor(laboratory, ctx);
    const path = rest.join('/');
    await dispatch({ laboratory, provider, ctx, address: addressOf(ctx.req), path, texts, form });
  };
}

async function dispatch(visit: Visit): Promise<void> {
  const { path } = visit;
  if (path === 'sign-in') return await signInVisit(visit);
  const [first, ticket = '', ...more] = path.split('/');
  if ((first === 'invitation' || first === 'reset') && more.length === 0) {
    return await ticketVisit(visit, first, ticket);
  }
  await ofAccount(visit);
}

async function ofAccount(visit: Visit): Promise<void> {
  const { laboratory, ctx, path, form } = visit;
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  const handler = route?.[form === undefined ? 'GET' : 'POST'];
  if (handler === undefined) return sendProblem(laboratory, ctx, 'missing');
  const known = await signedIn(visit);
  if (known === undefined) return toSignIn(visit);
  if (form !== undefined && !isFormToken(laboratory, boundTo(known.session), form.get('csrf') ?? '')) {
    return sendProblem(laboratory, ctx, 'forgery');
  }
  try {
    await handler(known);
  } catch (error) {
    if (!(error instanceof OutcomeError) || error.issues[0]?.code !== 'login') throw error;
    toSignIn(visit);
  }
}

function toSignIn(visit: Visit): void {
  const { path } = visit;
  goTo(visit, 'sign-in', path !== '' && routes[path]?.GET !== undefined ? { to: path } : {});
}
