/**
 * OpenID Connect and OAuth 2 as libraries of clients speak them: openid-client and oauth4webapi discover, sign in, refresh,
 * introspect, revoke and sign out; nothing here knows of our tables.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { authorize, makeApp, makeBrowser, makePerson, askFhir, signInTo, type App, type Person } from './app.ts';

let lab: Laboratory;
let app: App;
let technician: Person;
const insecure = { execute: [openid.allowInsecureRequests] };

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { dynamicRegistration: true } });
  technician = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab, { kind: 'confidential', postLogoutRedirectUris: ['https://app.example.org/bye'] });
});

/** Runs the flow with openid-client; the browser is ours. */
async function signIn(scope: string, idTokenAlgorithm?: 'ES384') {
  const used = idTokenAlgorithm === undefined ? app : await makeApp(lab, { kind: 'confidential', idTokenAlgorithm });
  const metadata = idTokenAlgorithm === undefined ? {} : { id_token_signed_response_alg: idTokenAlgorithm };
  const secret = openid.ClientSecretBasic(used.secret);
  const config = await openid.discovery(new URL(used.issuer), used.clientId, metadata, secret, insecure);
  const verifier = openid.randomPKCECodeVerifier();
  const nonce = openid.randomNonce();
  const state = openid.randomState();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: used.redirectUri,
    scope,
    aud: lab.base,
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const browser = makeBrowser();
  const parameters = Object.fromEntries(url.searchParams) as Record<string, string>;
  const page = await authorize(used, technician, { parameters, browser, scope });
  const tokens = await openid.authorizationCodeGrant(config, page.leftTo ?? url, {
    pkceCodeVerifier: verifier,
    expectedNonce: nonce,
    expectedState: state,
  });
  return { app: used, config, tokens, browser };
}

describe('openid-client', () => {
  test.each([undefined, 'ES384'] as const)('signs in and verifies the id_token (%s)', async (algorithm) => {
    const { tokens, config } = await signIn('openid fhirUser profile user/Patient.rs', algorithm);
    const claims = tokens.claims();
    expect(claims).toMatchObject({
      iss: app.issuer,
      sub: technician.id,
      fhirUser: `${lab.base}/Practitioner/t1`,
      profile: `${lab.base}/Practitioner/t1`,
      acr: 'urn:makhbar:acr:password',
    });
    const about = await openid.fetchUserInfo(config, tokens.access_token, technician.id);
    expect(about).toMatchObject({ sub: technician.id, fhirUser: `${lab.base}/Practitioner/t1` });
  });

  test('introspects: scope, client, time, subject, launch context', async () => {
    const { tokens, config } = await signIn('openid fhirUser user/Patient.rs');
    const told = await openid.tokenIntrospection(config, tokens.access_token);
    expect(told).toMatchObject({
      active: true,
      scope: 'openid fhirUser user/Patient.rs',
      client_id: app.clientId,
      sub: technician.id,
      fhirUser: `${lab.base}/Practitioner/t1`,
      aud: lab.base,
    });
    expect(told.exp).toBeGreaterThan(Date.now() / 1_000);
  });

  test('revokes', async () => {
    const { tokens, config } = await signIn('openid user/Patient.rs');
    await openid.tokenRevocation(config, tokens.access_token);
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
    expect((await askFhir(app, tokens.access_token, 'Patient')).status).toBe(401);
  });

  test('refreshes: each token once; a second use ends everything', async () => {
    const { tokens, config } = await signIn('openid offline_access user/Patient.rs');
    const first = String(tokens.refresh_token);
    const second = await openid.refreshTokenGrant(config, first);
    expect(second.refresh_token).not.toBe(first);
    expect((await askFhir(app, second.access_token, 'Patient')).status).toBe(200);
    const narrow = await openid.refreshTokenGrant(config, String(second.refresh_token), { scope: 'openid' });
    expect(narrow.scope).toBe('openid');
    await expect(openid.refreshTokenGrant(config, first)).rejects.toMatchObject({ error: 'invalid_grant' });
    await expect(openid.refreshTokenGrant(config, String(narrow.refresh_token))).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    expect(await openid.tokenIntrospection(config, second.access_token)).toEqual({ active: false });
  });

  test('of two refreshes at once one succeeds, and the grant ends', async () => {
    const { tokens, config } = await signIn('openid offline_access user/Patient.rs');
    const used = String(tokens.refresh_token);
    const both = await Promise.allSettled([1, 2, 3].map(() => openid.refreshTokenGrant(config, used)));
    expect(both.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
  });

  test('signs out: what was online ends, what was offline stays', async () => {
    const online = await signIn('openid online_access user/Patient.rs');
    const { browser, config } = online;
    const out = openid.buildEndSessionUrl(config, {
      id_token_hint: String(online.tokens.id_token),
      post_logout_redirect_uri: 'https://app.example.org/bye',
      state: 'x',
    });
    const question = await browser.go(out.href);
    expect(question.status).toBe(200);
    const xsrf = /name="xsrf" value="([^"]*)"/.exec(question.text)?.[1] ?? '';
    const left = await browser.submit(
      question,
      [
        ['xsrf', xsrf],
        ['logout', 'yes'],
      ],
      `${app.issuer}/session/end/confirm`,
    );
    expect(left.leftTo?.href).toBe('https://app.example.org/bye?state=x');
    await expect(openid.refreshTokenGrant(config, String(online.tokens.refresh_token))).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const offline = await signIn('openid offline_access user/Patient.rs');
    const again = await offline.browser.go(`${app.issuer}/session/end`);
    const token = /name="xsrf" value="([^"]*)"/.exec(again.text)?.[1] ?? '';
    await offline.browser.submit(
      again,
      [
        ['xsrf', token],
        ['logout', 'yes'],
      ],
      `${app.issuer}/session/end/confirm`,
    );
    expect(
      (await openid.refreshTokenGrant(offline.config, String(offline.tokens.refresh_token))).access_token,
    ).toBeTruthy();
  });
});

describe('oauth4webapi', () => {
  const options = { [oauth.allowInsecureRequests]: true };

  test('discovers what smart-configuration says, too', async () => {
    const issuer = new URL(app.issuer);
    const found = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
    const smart = (await (await fetch(`${lab.base}/.well-known/smart-configuration`)).json()) as Record<
      string,
      unknown
    >;
    for (const name of [
      'issuer',
      'jwks_uri',
      'authorization_endpoint',
      'token_endpoint',
      'introspection_endpoint',
      'revocation_endpoint',
      'registration_endpoint',
    ]) {
      expect([name, smart[name]]).toEqual([name, found[name]]);
    }
    expect(found['token_endpoint_auth_signing_alg_values_supported']).toEqual(['RS384', 'ES384']);
    expect(found.code_challenge_methods_supported).toEqual(['S256']);
    expect(found.response_types_supported).toEqual(['code']);
  });

  test('registers itself where the laboratory allows it, and signs people in', async () => {
    const server = { issuer: app.issuer, registration_endpoint: `${app.issuer}/register` };
    const metadata = {
      client_name: 'Self made',
      redirect_uris: ['https://self.example.org/cb'],
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token'],
    };
    const answer = await oauth.dynamicClientRegistrationRequest(server, metadata, options);
    const made = await oauth.processDynamicClientRegistrationResponse(answer);
    const own: App = {
      ...app,
      clientId: made.client_id,
      secret: String(made.client_secret),
      redirectUri: 'https://self.example.org/cb',
    };
    const { status, body } = await signInTo(own, technician, { scope: 'openid user/Patient.rs system/Patient.rs' });
    expect({ status, scope: body['scope'] }).toEqual({ status: 200, scope: 'openid user/Patient.rs' });
  });

  test.each([
    ['http elsewhere', { redirect_uris: ['http://self.example.org/cb'] }],
    ['a fragment', { redirect_uris: ['https://self.example.org/cb#x'] }],
    [
      'a private key',
      {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ kty: 'RSA', kid: '1', n: 'x', e: 'AQAB', d: 'x' }] },
      },
    ],
    ['acting for itself', { grant_types: ['client_credentials'], response_types: [] }],
  ])('is not registered with %s', async (_, metadata) => {
    const body = JSON.stringify({ redirect_uris: ['https://self.example.org/cb'], client_name: 'x', ...metadata });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${app.issuer}/register`, { method: 'POST', body, headers });
    expect(answer.status).toBe(400);
  });

  test('is not registered where the laboratory does not allow it', async () => {
    const closed = await makeLaboratory();
    const body = JSON.stringify({ redirect_uris: ['https://self.example.org/cb'] });
    const headers = { 'content-type': 'application/json' };
    const url = closed.base.replace(/fhir$/, 'register');
    expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(404);
  });
});
