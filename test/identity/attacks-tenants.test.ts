/**
 * Mix-up between laboratories of one server (DESIGN, promise 1; RFC 9700 §4.4): what one laboratory gave is nothing at
 * another, even where both have an application, a person and a patient of the same name.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { addClient } from '../../src/store/clients.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { addLaunch } from '../../src/store/launches.ts';
import { hashOf } from '../../src/store/oidc.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import {
  askToken,
  authorizationUrl,
  authorize,
  everyScope,
  makeApp,
  makeBrowser,
  makePerson,
  type App,
  type Browser,
  type Page,
  type Person,
} from './app.ts';
import { assertionType, codeFor, exchangeFields, goodClaims, makeKeys, post, sign, type KeyPair } from './attack.ts';

interface Place {
  lab: Laboratory;
  app: App;
  person: Person;
}

let here: Place;
let there: Place;
let keys: KeyPair;

const scope = 'openid fhirUser offline_access user/*.rs';

beforeAll(async () => {
  keys = await makeKeys();
  const first = await makeLaboratory();
  const app = await makeApp(first);
  here = { lab: first, app, person: await makePerson(first.tenant, { roles: ['technician'] }) };
  // The same application at the other laboratory.
  const second = await makeLaboratory();
  const session = sessionOf(testDatabase(), second.tenant.id);
  await addClient(session, {
    id: app.clientId,
    kind: 'public',
    name: 'Growth chart',
    scopes: everyScope,
    metadata: { redirectUris: [app.redirectUri] },
    createdBy: 'test',
    secretHash: undefined,
  });
  const issuer = second.base.replace(/\/fhir$/, '');
  there = {
    lab: second,
    app: { ...app, lab: second, issuer },
    person: await makePerson(second.tenant, { roles: ['technician'] }),
  };
  for (const { lab } of [here, there]) {
    await addClient(sessionOf(testDatabase(), lab.tenant.id), {
      id: 'robot',
      kind: 'backend',
      name: 'Robot',
      scopes: 'system/*.rs',
      metadata: { jwks: { keys: [keys.publicJwk] } },
      createdBy: 'test',
      secretHash: undefined,
    });
  }
});

const nothing = { status: 400, body: { error: 'invalid_grant' } };

describe('what one laboratory gave', () => {
  test('a code', async () => {
    const code = await codeFor(here.app, here.person);
    expect(await askToken(there.app, exchangeFields(there.app, code))).toMatchObject(nothing);
    // It was not used up by that.
    expect((await askToken(here.app, exchangeFields(here.app, code))).status).toBe(200);
  });

  test('an access token, at FHIR, at userinfo, at introspection and revocation', async () => {
    const { body } = await askToken(
      here.app,
      exchangeFields(here.app, await codeFor(here.app, here.person, { scope })),
    );
    const token = String(body['access_token']);
    const bearer = { authorization: `Bearer ${token}` };
    const refused = await fetch(`${there.lab.base}/Patient`, { headers: bearer });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Bearer')]);
    expect((await fetch(`${there.app.issuer}/me`, { headers: bearer })).status).toBe(401);
    const client = { client_id: there.app.clientId, token };
    const told = await post(`${there.app.issuer}/token/introspection`, client);
    expect(told.body['active'] ?? false).toBe(false);
    await post(`${there.app.issuer}/token/revocation`, client);
    expect((await fetch(`${here.lab.base}/Patient`, { headers: bearer })).status).toBe(200);
  });

  test('a refresh token', async () => {
    const { body } = await askToken(
      here.app,
      exchangeFields(here.app, await codeFor(here.app, here.person, { scope })),
    );
    const fields = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    expect(await askToken(there.app, fields)).toMatchObject(nothing);
    expect((await askToken(here.app, fields)).status).toBe(200);
  });

  test('an id_token: another key, another issuer', async () => {
    const { body } = await askToken(
      here.app,
      exchangeFields(here.app, await codeFor(here.app, here.person, { scope })),
    );
    const token = String(body['id_token']);
    const keysOf = ({ app }: Place): ReturnType<typeof createRemoteJWKSet> =>
      createRemoteJWKSet(new URL(`${app.issuer}/jwks`));
    await jwtVerify(token, keysOf(here), { issuer: here.app.issuer, audience: here.app.clientId });
    await expect(jwtVerify(token, keysOf(there))).rejects.toThrow(errors.JWKSNoMatchingKey);
  });

  test('an id_token as a hint, for signing in and for signing out', async () => {
    const { body } = await askToken(
      here.app,
      exchangeFields(here.app, await codeFor(here.app, here.person, { scope })),
    );
    const hint = String(body['id_token']);
    const page = await makeBrowser().go(
      authorizationUrl(there.app, { scope: 'openid user/*.rs', parameters: { id_token_hint: hint } }),
    );
    expect(page.leftTo?.searchParams.get('error')).toBe('invalid_request');
    const end = await makeBrowser().go(
      `${there.app.issuer}/session/end?${new URLSearchParams({ id_token_hint: hint }).toString()}`,
    );
    expect(end.status).toBe(400);
  });

  test('a session: the cookies of one sign nobody in at the other', async () => {
    const browser = makeBrowser();
    await codeFor(here.app, here.person, { browser });
    const cookies = [...browser.cookies].map(([name, { value }]) => `${name.split(' ')[0]}=${value}`).join('; ');
    for (const attempt of [everywhere(cookies), browser]) {
      const page = await attempt.go(authorizationUrl(there.app, { scope: 'user/*.rs' }));
      expect(page.text).toContain('name="password"');
    }
    const silent = await everywhere(cookies).go(
      authorizationUrl(there.app, { scope: 'user/*.rs', parameters: { prompt: 'none' } }),
    );
    expect(silent.leftTo?.searchParams.get('error')).toBe('login_required');
  });

  test('a person: name and password are good at their own laboratory alone', async () => {
    const page = await authorize(there.app, here.person, { scope: 'user/*.rs' });
    expect([page.status, page.leftTo]).toEqual([422, undefined]);
    expect(page.text).toContain('name="password"');
  });

  test('a page of a sign-in, posted to the other', async () => {
    const browser = makeBrowser();
    const page = await browser.go(authorizationUrl(here.app, { scope: 'user/*.rs' }));
    const path = new URL(page.url).pathname.replace(`/${here.lab.tenant.name}/`, `/${there.lab.tenant.name}/`);
    const cookies = [...browser.cookies].map(([name, { value }]) => `${name.split(' ')[0]}=${value}`).join('; ');
    const fields = [
      ['username', there.person.username],
      ['password', there.person.password],
    ] as const;
    const posted = await everywhere(cookies).submit(page, fields, `${new URL(page.url).origin}${path}`);
    expect(posted.leftTo).toBeUndefined();
    expect(posted.status).toBeGreaterThanOrEqual(400);
  });

  test('a launch', async () => {
    const body = JSON.stringify({ resourceType: 'Patient', id: 'p1' });
    await here.lab.fetch('Patient/p1', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
    const launch = randomUUID();
    const session = sessionOf(testDatabase(), here.lab.tenant.id);
    const context = JSON.stringify({ intent: 'review' });
    await addLaunch(session, { id: hashOf(launch), madeBy: 'test', context, seconds: 300 });
    const asking = { scope: 'launch user/*.rs', launch };
    expect((await codeFor(here.app, here.person, asking)).code).not.toBe('');
    await addLaunch(session, { id: hashOf(`${launch}2`), madeBy: 'test', context, seconds: 300 });
    const page = await authorize(there.app, there.person, { ...asking, launch: `${launch}2` });
    expect(page.leftTo?.searchParams.get('error')).toBe('invalid_request');
  });

  test('an assertion of a machine that both know', async () => {
    const app = { clientId: 'robot', issuer: here.app.issuer };
    const assertion = await sign(keys, goodClaims(app));
    const fields = {
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion_type: assertionType,
      client_assertion: assertion,
    };
    expect(await post(`${there.app.issuer}/token`, fields)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    const { status, body } = await post(`${here.app.issuer}/token`, fields);
    expect(status).toBe(200);
    const elsewhere = await fetch(`${there.lab.base}/Patient`, {
      headers: { authorization: `Bearer ${String(body['access_token'])}` },
    });
    expect(elsewhere.status).toBe(401);
  });

  test('an application of one is unknown at the other', async () => {
    const own = await makeApp(here.lab);
    const page = await makeBrowser().go(authorizationUrl({ ...own, issuer: there.app.issuer, lab: there.lab }));
    expect([page.status, page.leftTo]).toEqual([400, undefined]);
    const { status, body } = await post(`${there.app.issuer}/token`, {
      grant_type: 'refresh_token',
      refresh_token: 'x',
      client_id: own.clientId,
    });
    expect([status, body['error']]).toEqual([401, 'invalid_client']);
  });

  test('the FHIR base of the other as audience', async () => {
    const page = await authorize(here.app, here.person, { scope: 'user/*.rs', parameters: { aud: there.lab.base } });
    expect(page.leftTo?.searchParams.get('code') ?? null).toBeNull();
  });

  test('the operator’s token of one', async () => {
    const answer = await fetch(`${there.lab.base}/Patient`, { headers: { authorization: `Bearer ${here.lab.token}` } });
    expect(answer.status).toBe(401);
  });
});

/** A browser that sends these cookies wherever it goes, as an attacker can. */
function everywhere(cookies: string): Browser {
  const browser = makeBrowser();
  const go = (url: string, init: RequestInit = {}): Promise<Page> => {
    const headers = new Headers(init.headers);
    headers.set('cookie', cookies);
    return makeBrowser().go(url, { ...init, headers });
  };
  return {
    ...browser,
    go,
    submit: (page, fields, to = page.url) =>
      go(to, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams([
          ['csrf', /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? ''],
          ...[...fields].map(([name, value]): [string, string] => [name, value]),
        ]).toString(),
      }),
  };
}
