/**
 * How the provider of one laboratory works: everything that oidc-provider asks, decided.
 *
 * 1. Authorization code with PKCE S256 for every client; no implicit or hybrid flow, no password grant, no request object.
 * 2. Every token is for one audience, the laboratory's FHIR base; `aud` must name it (SMART App Launch 2.2).
 * 3. Access tokens are opaque and live for minutes; refresh tokens are used once.
 * 4. Each authorization is a grant of its own: a later launch with another patient changes nothing for an earlier one.
 */
import { errors, interactionPolicy, type Client, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import type { JWK } from 'jose';
import { passwordAcr, secondFactorAcr } from '../access/authentication.ts';
import { contextScopes } from '../access/scopes.ts';
import { accountById } from './accounts.ts';
import { needsSecondFactor } from './factors.ts';
import { stateAdapter } from './adapter.ts';
import { checkAssertion } from './assertion.ts';
import { clientAdapter, ownMetadata } from './client-metadata.ts';
import { grantContext } from './grant-context.ts';
import { fetchKeys } from './key-fetch.ts';
import { derivedKey, type Laboratory } from './laboratory.ts';
import { checkLaunch } from './launch.ts';
import { endedPage, failurePage, logoutPage } from './pages/provider-pages.ts';
import { resourceServer } from './resource.ts';
import { accessTokenSeconds, lifetimes } from './token-lifetimes.ts';

/** Of the session: with every request below the laboratory's root. */
export function sessionCookie({ root, issuer }: Laboratory) {
  const secure = issuer.startsWith('https:');
  return { httpOnly: true, sameSite: 'lax', secure, signed: true, path: root === '' ? '/' : root } as const;
}

export function configurationOf(laboratory: Laboratory, keys: readonly JWK[]): Configuration {
  const { identity, tenant, issuer } = laboratory;
  const long = sessionCookie(laboratory);
  const { path: _, ...short } = long;
  return {
    adapter: (kind) =>
      kind === 'Client' ? clientAdapter(laboratory) : stateAdapter(identity.database, tenant.id, kind),
    jwks: { keys: [...keys] } as NonNullable<Configuration['jwks']>,
    cookies: {
      keys: [derivedKey(laboratory, 'cookies').toString('base64url')],
      long,
      short,
    },
    acrValues: [passwordAcr, secondFactorAcr],
    claims: {
      iss: null,
      sid: null,
      openid: ['sub', 'acr', 'amr', 'auth_time'],
      fhirUser: ['fhirUser'],
      profile: ['name', 'preferred_username', 'profile'],
    },
    scopes: [...contextScopes],
    responseTypes: ['code'],
    subjectTypes: ['public'],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: ['RS384', 'ES384'],
      idTokenSigningAlgValues: ['RS256', 'ES384'],
    },
    extraClientMetadata: { properties: ownMetadata },
    // As SMART names it. `aud` becomes `resource` before the provider sees it.
    extraParams: { launch: (ctx: KoaContextWithOIDC, value: unknown) => checkLaunch(laboratory, ctx, value) },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clockTolerance: 5,
    routes: { registration: '/register' },
    discovery: { ui_locales_supported: ['en', 'fr', 'ar'], service_documentation: undefined },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: mayIntrospect },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx) => defaultResource(laboratory, ctx),
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource, client) => resourceServer(laboratory, { ctx, resource, client }),
      },
      registration: {
        enabled: tenant.settings.dynamicRegistration === true,
        initialAccessToken: false,
        // What an app said of itself is changed by an administrator, not by the app.
        issueRegistrationAccessToken: false,
      },
      registrationManagement: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => logoutPage(laboratory, ctx, form),
        postLogoutSuccessSource: (ctx) => endedPage(laboratory, ctx),
      },
    },
    ttl: {
      AccessToken: () => accessTokenSeconds(laboratory),
      AuthorizationCode: lifetimes.code,
      ClientCredentials: lifetimes.client,
      Grant: lifetimes.grant,
      IdToken: lifetimes.idToken,
      Interaction: lifetimes.interaction,
      RefreshToken: (_ctx, token) => (token.scopes.has('offline_access') ? lifetimes.offline : lifetimes.online),
      Session: lifetimes.session,
    },
    clientBasedCORS: () => true,
    expiresWithSession: () => false,
    issueRefreshToken: (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      (source.scopes.has('offline_access') || source.scopes.has('online_access')),
    rotateRefreshToken: () => true,
    loadExistingGrant: async (ctx) => {
      const id = ctx.oidc.result?.consent?.grantId;
      return id === undefined ? undefined : await ctx.oidc.provider.Grant.find(id);
    },
    revokeGrantPolicy: (ctx) => !(ctx.oidc.route === 'revocation' && ctx.oidc.entities.AccessToken !== undefined),
    findAccount: (_ctx, id) => findAccount(laboratory, id),
    extraTokenClaims: async (_ctx, token) => ({
      ...('grantId' in token && (await introspectedContext(laboratory, String(token.grantId)))),
    }),
    interactions: { policy: policy(laboratory), url: (_ctx, { uid }) => `${issuer}/sign-in/${uid}` },
    renderError: (ctx, out) => failurePage(laboratory, ctx, out),
    assertJwtClientAuthClaimsAndHeader: checkAssertion,
    fetch: fetchKeys,
    fetchResponseBodyLimits: { jwks_uri: 64 * 1024 },
  };
}

/** A token's own client; of others' tokens those that were registered for it (`introspection` among their scopes). */
function mayIntrospect(_ctx: KoaContextWithOIDC, client: Client, token: { clientId?: string | undefined }): boolean {
  if (token.clientId === client.clientId) return true;
  return client.clientAuthMethod !== 'none' && String(client['allowed_scopes']).split(' ').includes('introspection');
}

function defaultResource({ fhirBase }: Laboratory, ctx: KoaContextWithOIDC): string {
  if (ctx.oidc.route === 'authorization') {
    throw new errors.InvalidRequest(`aud is missing: it must be ${fhirBase}`);
  }
  return fhirBase;
}

async function findAccount(laboratory: Laboratory, id: string) {
  const account = await accountById(laboratory.identity, laboratory.tenant, id);
  if (account?.status !== 'active') return undefined;
  const { fhirUser, display, username } = account;
  const url = fhirUser === undefined ? {} : { fhirUser: `${laboratory.fhirBase}/${fhirUser}` };
  return {
    accountId: id,
    claims: () => ({
      sub: id,
      name: display,
      preferred_username: username,
      ...url,
      ...(url.fhirUser !== undefined && { profile: url.fhirUser }),
    }),
  };
}

/** What introspection tells besides scope, client and time. https://hl7.org/fhir/smart-app-launch/token-introspection.html */
async function introspectedContext(laboratory: Laboratory, grantId: string): Promise<Record<string, unknown>> {
  const { launch, fhirUser } = await grantContext(laboratory, grantId);
  return { ...launch, ...(fhirUser !== undefined && { fhirUser: `${laboratory.fhirBase}/${fhirUser}` }) };
}

/** A session by password alone, of somebody who has been given a role since, or a factor. */
async function lacksFactor({ identity, tenant }: Laboratory, accountId: string): Promise<boolean> {
  const account = await accountById(identity, tenant, accountId);
  return account !== undefined && (await needsSecondFactor(identity, tenant, account));
}

/**
 * Sign in where nobody is signed in, or a second factor is asked for and was not given; then choose and grant, for each
 * authorization anew.
 */
function policy(laboratory: Laboratory): interactionPolicy.DefaultPolicy {
  const { base, Check } = interactionPolicy;
  const made = base();
  const login = made.get('login');
  const consent = made.get('consent');
  login?.checks.add(
    new Check('acr', 'a second factor is required', 'login_required', ({ oidc }) => {
      const asked = typeof oidc.params?.['acr_values'] === 'string' ? oidc.params['acr_values'].split(' ') : [];
      const missing = asked[0] === secondFactorAcr && oidc.session?.acr !== secondFactorAcr;
      return missing ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  login?.checks.add(
    new Check('factor_missing', 'the person needs a second factor by now', 'login_required', async ({ oidc }) => {
      const { accountId, acr } = oidc.session ?? {};
      if (accountId === undefined || acr === secondFactorAcr) return Check.NO_NEED_TO_PROMPT;
      return (await lacksFactor(laboratory, accountId)) ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  for (const { reason } of [...(consent?.checks ?? [])]) {
    if (reason !== 'consent_prompt') consent?.checks.remove(reason);
  }
  consent?.checks.add(
    new Check('grant_missing', 'the person has not granted this yet', 'consent_required', ({ oidc }) =>
      oidc.result?.consent === undefined ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
    ),
  );
  return made;
}
