/**
 * The OpenID provider of one laboratory at one address: oidc-provider with our configuration, the pages of an
 * authorization, and the few places where its behaviour is replaced.
 *
 * 1. Every address it tells is below the issuer, whatever the request's own Host header says.
 * 2. A client's secret is compared by its hash.
 * 3. Userinfo takes the tokens that are for this laboratory's FHIR base: they are all there are.
 * 4. Nothing that it is given or gives out reaches the log: no token, code, parameter, header.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, Middleware } from 'koa';
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import { sessionOf } from '../store/accounts.ts';
import { endSession } from '../store/oidc.ts';
import { appState } from './app-state/routes.ts';
import { auditDeeds, note } from './audit-deeds.ts';
import { authorizationRequest } from './authorization-request.ts';
import { secretMatches } from './client-metadata.ts';
import { configurationOf } from './configuration.ts';
import { identityKeys } from './keys.ts';
import type { Laboratory } from './laboratory.ts';
import { accountPages } from './account/routes.ts';
import { noteLogo, originOf, policyOf } from './pages/frame.ts';
import { faultPage } from './pages/problem.ts';
import { interactionPages } from './sign-in/routes.ts';
import { tokenAnswer } from './token-answer.ts';

/** Of one request, what the provider's context does not carry. */
export interface Visit {
  readonly address: string;
  readonly requestId: string;
}

export interface LaboratoryProvider {
  readonly laboratory: Laboratory;
  /** `request.url` is the path below the laboratory's root. */
  handle(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void>;
}

export async function makeProvider(laboratory: Laboratory): Promise<LaboratoryProvider> {
  const { identity, tenant, log } = laboratory;
  const provider = new Provider(
    laboratory.issuer,
    configurationOf(laboratory, await identityKeys(identity, tenant.id)),
  );
  fixAddresses(provider, laboratory);
  const visits = new WeakMap<IncomingMessage, Visit>();
  replaceBehaviour(provider, laboratory);
  const noteFailure = (error: unknown): void => log.error({ tenant: tenant.name, err: error }, 'sign-in failed');
  provider.on('server_error', (_ctx, error) => noteFailure(error));
  // Koa's own event, for which the provider has no type.
  (provider as NodeJS.EventEmitter).on('error', noteFailure);
  provider.silent = true;
  provider.use(pageHeaders(laboratory));
  provider.use(auditDeeds(laboratory, (request) => visits.get(request)));
  provider.use(appState(laboratory));
  provider.use(signOut(laboratory));
  const addressOf = (request: IncomingMessage): string => visits.get(request)?.address ?? '';
  provider.use(faultPage(laboratory, isPage));
  provider.use(interactionPages(laboratory, provider, addressOf));
  provider.use(accountPages(laboratory, provider, addressOf));
  provider.use(authorizationRequest(laboratory));
  provider.use(tokenAnswer(laboratory));
  const answer = provider.callback();
  return {
    laboratory,
    handle: async (request, response, visit) => {
      visits.set(request, visit);
      await answer(request, response);
    },
  };
}

function isPage(path: string): boolean {
  return /^\/(account|sign-in)(\/|$)/.test(path);
}

/** Koa takes addresses from the request; here they are the issuer's. */
function fixAddresses(provider: Provider, { issuer, root }: Laboratory): void {
  const { protocol, host } = new URL(issuer);
  const plain = provider.createContext.bind(provider);
  provider.createContext = ((request: IncomingMessage, response: ServerResponse) => {
    const context = plain(request, response);
    Object.defineProperties(context.request, {
      protocol: { value: protocol.slice(0, -1) },
      host: { value: host },
      originalUrl: { value: `${root}${request.url ?? '/'}`, writable: true },
    });
    return Object.assign(context, { mountPath: root });
  }) as typeof provider.createContext;
}

function replaceBehaviour(provider: Provider, { fhirBase }: Laboratory): void {
  provider.Client.prototype.compareClientSecret = function compare(this: { clientSecret?: string }, given: string) {
    return secretMatches(this.clientSecret, given);
  };
  // Typed for any model; this is the one of access tokens.
  const AccessToken = provider.AccessToken as unknown as {
    find(value: string, options?: object): Promise<{ aud?: string | string[] } | undefined>;
  };
  const find = AccessToken.find.bind(AccessToken);
  AccessToken.find = async (value, options) => {
    const token = await find(value, options);
    if (Provider.ctx?.oidc.route === 'userinfo' && token?.aud === fhirBase) delete token.aud;
    return token;
  };
}

/** Before anything else, so that a form that posts itself can add its script's hash. */
function pageHeaders(laboratory: Laboratory): Middleware {
  return async (ctx, next) => {
    noteLogo(ctx, laboratory);
    const goesTo = originOf(ctx.query['redirect_uri'] ?? ctx.query['post_logout_redirect_uri']);
    ctx.set('content-security-policy', policyOf(goesTo));
    // For browsers that know no frame-ancestors.
    ctx.set('x-frame-options', 'DENY');
    if (!openToScripts.test(ctx.path)) ctx.remove('access-control-allow-origin');
    await next();
  };
}

/** What web applications ask for by script; pages are not for scripts of other origins. */
const openToScripts = /^\/(token|me|jwks|register|\.well-known|assets|app-state)(\/|$)/;

/** What was granted for as long as the person is signed in ends when they sign out. */
function signOut({ identity, tenant }: Laboratory) {
  return async (ctx: Context, next: () => Promise<void>): Promise<void> => {
    await next();
    const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
    const session = oidc?.session as { uid: string; accountId?: string; destroyed?: boolean } | undefined;
    if (oidc?.route === 'end_session_confirm' && session?.destroyed === true) {
      await endSession(sessionOf(identity.database, tenant.id), session.uid);
      note(ctx, { kind: 'sign-out', agent: { subject: session.accountId ?? '' } });
    }
  };
}
