/**
 * Attacks on the pages of an authorization: RFC 9700 §4.16 (clickjacking), §4.7 and RFC 6819 §5.3.5 (CSRF), §4.3.3 (guessing),
 * RFC 6819 §4.4.1.4 (a false page of the application), malformed requests, and the Host header.
 */
import { createHash } from 'node:crypto';
import { request as plainRequest } from 'node:http';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sessionOf } from '../../src/store/accounts.ts';
import { addLaunch } from '../../src/store/launches.ts';
import { hashOf } from '../../src/store/oidc.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import {
  askFhir,
  askToken,
  authorizationUrl,
  authorize,
  formOf,
  makeApp,
  makeBrowser,
  makePerson,
  offeredScopes,
  type App,
  type Browser,
  type Page,
  type Person,
} from './app.ts';
import { codeFor, exchangeFields, post } from './attack.ts';

let lab: Laboratory;
let issuer: string;
let app: App;
let person: Person;

const json = { 'content-type': 'application/fhir+json' };

beforeAll(async () => {
  lab = await makeLaboratory();
  issuer = lab.base.replace(/\/fhir$/, '');
  person = await makePerson(lab.tenant, { roles: ['technician'] });
  app = await makeApp(lab);
  for (const id of ['p1', 'p2']) {
    const resources = [
      { resourceType: 'Patient', id },
      {
        resourceType: 'Observation',
        id: `o-${id}`,
        status: 'final',
        code: { text: 'x' },
        subject: { reference: `Patient/${id}` },
      },
    ];
    for (const resource of resources) {
      await lab.fetch(`${resource.resourceType}/${resource.id}`, {
        method: 'PUT',
        headers: json,
        body: JSON.stringify(resource),
      });
    }
  }
});

const scope = 'openid user/Patient.rs user/Observation.rs';

/** At the page that asks what to grant. */
async function grantPageOf(browser: Browser, who = person, asked = scope): Promise<Page> {
  const page = await browser.go(authorizationUrl(app, { scope: asked }));
  const fields = [
    ['username', who.username],
    ['password', who.password],
  ] as const;
  return /name="password"/.test(page.text) ? await browser.submit(page, fields) : page;
}

describe('RFC 9700 §4.16 clickjacking, and what a page may do', () => {
  test.each<[string, (browser: Browser) => Promise<Page>]>([
    ['sign in', (browser) => browser.go(authorizationUrl(app, { scope }))],
    ['grant', grantPageOf],
    ['error', (browser) => browser.go(authorizationUrl({ ...app, clientId: 'nobody' }))],
    ['sign out', (browser) => browser.go(`${issuer}/session/end`)],
    ['signed out', (browser) => browser.go(`${issuer}/session/end/success`)],
    ['account', (browser) => browser.go(`${issuer}/account`)],
    ['nothing here', (browser) => browser.go(`${issuer}/sign-in/unknown`)],
  ])('%s', async (_, open) => {
    const page = await open(makeBrowser());
    const policy = new Map(
      (page.headers.get('content-security-policy') ?? '').split(';').map((one) => {
        const [name = '', ...values] = one.trim().split(/\s+/);
        return [name, values.join(' ')];
      }),
    );
    expect(policy.get('frame-ancestors')).toBe("'none'");
    expect(policy.get('default-src')).toBe("'none'");
    expect(policy.get('base-uri')).toBe("'none'");
    expect([policy.get('script-src'), policy.get('style-src')].join(' ')).not.toMatch(/unsafe|\*|https?:/);
    expect(policy.get('form-action') ?? '').toMatch(/^'self'/);
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('cache-control')).toContain('no-store');
    expect(page.headers.get('access-control-allow-origin')).toBeNull();
    expect(page.text).not.toMatch(/\son\w+=|style="/);
    for (const [, script = ''] of page.text.matchAll(/<script>([\s\S]*?)<\/script>/g)) {
      // Only one that the policy names by what it is.
      expect(policy.get('script-src')).toContain(createHash('sha256').update(script).digest('base64'));
    }
  });

  test('a form may lead to the application, and nowhere else', async () => {
    const page = await grantPageOf(makeBrowser());
    expect(/form-action ([^;]*)/.exec(page.headers.get('content-security-policy') ?? '')?.[1]).toBe(
      "'self' https://app.example.org",
    );
  });

  test('cookies: not for scripts, not from other sites, not for other laboratories, signed', async () => {
    const browser = makeBrowser();
    await codeFor(app, person, { browser });
    expect(browser.cookies.size).toBeGreaterThan(0);
    for (const [name, { path, attributes }] of browser.cookies) {
      expect([name, attributes.toLowerCase()]).toEqual([name, expect.stringMatching(/httponly/)]);
      expect([name, attributes.toLowerCase()]).toEqual([name, expect.stringMatching(/samesite=(lax|strict)/)]);
      expect([name, path]).toEqual([name, expect.stringContaining(`/${lab.tenant.name}`)]);
    }
    expect([...browser.cookies.keys()].some((name) => name.includes('.sig'))).toBe(true);
  });

  test('signing in makes a new session: one that was planted before is worth nothing (fixation)', async () => {
    const browser = makeBrowser();
    await browser.go(authorizationUrl(app, { scope }));
    const before = new Map([...browser.cookies].map(([name, { value }]) => [name, value]));
    await codeFor(app, person, { browser });
    const planted = makeBrowser();
    for (const [name, cookie] of browser.cookies) {
      const value = before.get(name);
      if (value !== undefined) planted.cookies.set(name, { ...cookie, value });
    }
    const page = await planted.go(authorizationUrl(app, { scope }));
    expect(page.text).toContain('name="password"');
  });

  test('a cookie that was changed signs nobody in', async () => {
    const browser = makeBrowser();
    await codeFor(app, person, { browser });
    for (const [name, cookie] of browser.cookies) {
      if (!name.includes('.sig')) browser.cookies.set(name, { ...cookie, value: `${cookie.value.slice(0, -2)}xx` });
    }
    expect((await browser.go(authorizationUrl(app, { scope }))).text).toContain('name="password"');
  });
});

describe('CSRF: a page of another site posts to ours', () => {
  const allow = (page: Page): [string, string][] => [
    ['decision', 'allow'],
    ...offeredScopes(page).map((one): [string, string] => ['scope', one]),
  ];

  test.each<[string, (page: Page, other: Page) => string | undefined]>([
    ['no token', () => undefined],
    ['an empty token', () => ''],
    ['a guess', () => 'x'.repeat(43)],
    ['the token of another sign-in', (_, other) => formOf(other).csrf],
    ['the id of the sign-in', (page) => page.url.split('/').at(-1)],
  ])('the grant with %s', async (_, token) => {
    const browser = makeBrowser();
    const page = await grantPageOf(browser);
    const other = await grantPageOf(makeBrowser());
    const csrf = token(page, other);
    const answer = await raw(browser, page, [
      ...allow(page),
      ...(csrf === undefined ? [] : [['csrf', csrf] as [string, string]]),
    ]);
    expect([answer.status, answer.leftTo?.href]).toEqual([403, undefined]);
  });

  test('the grant of one browser with the cookies of another', async () => {
    const page = await grantPageOf(makeBrowser());
    const other = makeBrowser();
    await grantPageOf(other, await makePerson(lab.tenant, { roles: ['technician'] }));
    const answer = await raw(other, page, [...allow(page), ['csrf', formOf(page).csrf]]);
    expect([answer.status >= 400, answer.leftTo?.href]).toEqual([true, undefined]);
  });

  test('the grant by GET', async () => {
    const browser = makeBrowser();
    const page = await grantPageOf(browser);
    const query = new URLSearchParams([...allow(page), ['csrf', formOf(page).csrf]]).toString();
    const answer = await browser.go(`${page.url}?${query}`);
    expect(answer.leftTo).toBeUndefined();
    expect(answer.text).toContain('name="decision"');
  });

  test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x'])('the grant as %s', async (type) => {
    const browser = makeBrowser();
    const page = await grantPageOf(browser);
    const body = new URLSearchParams([...allow(page), ['csrf', formOf(page).csrf]]).toString();
    const answer = await browser.go(new URL(formOf(page).action, page.url).href, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    expect([answer.status >= 400, answer.leftTo?.href]).toEqual([true, undefined]);
  });

  test('signing in (login CSRF), going back, signing out', async () => {
    const browser = makeBrowser();
    const page = await browser.go(authorizationUrl(app, { scope }));
    const attacker = await makePerson(lab.tenant, { roles: ['technician'] });
    const fields: [string, string][] = [
      ['username', attacker.username],
      ['password', attacker.password],
    ];
    expect((await raw(browser, page, fields)).status).toBe(403);
    const action = new URL(formOf(page).action, page.url).href;
    expect((await raw(browser, page, [], `${action}/cancel`)).leftTo).toBeUndefined();
    const signedIn = makeBrowser();
    await codeFor(app, person, { browser: signedIn });
    for (const xsrf of ['', 'x']) {
      const out = await raw(
        signedIn,
        page,
        [
          ['xsrf', xsrf],
          ['logout', 'yes'],
        ],
        `${issuer}/session/end/confirm`,
      );
      expect(out.status).toBeGreaterThanOrEqual(400);
    }
    expect((await signedIn.go(authorizationUrl(app, { scope }))).text).toContain('name="decision"');
  });

  /** Posts these fields and nothing else. */
  async function raw(
    browser: Browser,
    page: Page,
    fields: [string, string][],
    to = new URL(formOf(page).action, page.url).href,
  ): Promise<Page> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example.org' };
    return await browser.go(to, { method: 'POST', headers, body: new URLSearchParams(fields).toString() });
  }
});

describe('the person grants less, never more', () => {
  test.each([
    ['what the application did not ask for', ['user/*.cruds']],
    ['what the application is not registered with', ['system/*.cruds', 'manage/users']],
    ['words that are no scopes', ['*', 'user/*', '../x']],
  ])('a form with %s', async (_, more) => {
    const browser = makeBrowser();
    const page = await grantPageOf(browser);
    const scopes = [...offeredScopes(page), ...more].map((one): [string, string] => ['scope', one]);
    const end = await browser.submit(page, [['decision', 'allow'], ...scopes]);
    const code = end.leftTo?.searchParams.get('code') ?? '';
    const { body } = await askToken(app, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: app.redirectUri,
      code_verifier: 'x'.repeat(43),
    });
    // The verifier of that page is not known here; the scopes are seen on a second way.
    expect(body['error']).toBe('invalid_grant');
    const granted = await codeFor(app, person, { browser, scope, keep: () => true });
    const tokens = await askToken(app, exchangeFields(app, granted));
    expect(new Set(String(tokens.body['scope']).split(' '))).toEqual(new Set(scope.split(' ')));
  });

  test('a patient sees themselves, whatever the form says', async () => {
    const patient = await makePerson(lab.tenant, { roles: ['patient'], fhirUser: 'Patient/p1' });
    const browser = makeBrowser();
    const asked = 'launch/patient patient/*.rs';
    const page = await grantPageOf(browser, patient, asked);
    await browser.submit(page, [['patient', 'p2']]);
    const code = await codeFor(app, patient, { browser, scope: asked, patient: 'p2' });
    const { body } = await askToken(app, exchangeFields(app, code));
    expect(body['patient']).toBe('p1');
    expect((await askFhir(app, body['access_token'], 'Patient/p2')).status).toBe(404);
  });

  test('a patient who has got hold of the launch of another sees nothing of them', async () => {
    const patient = await makePerson(lab.tenant, { roles: ['patient'], fhirUser: 'Patient/p1' });
    const launch = 'launch-of-p2';
    const context = JSON.stringify({ patient: 'p2' });
    await addLaunch(sessionOf(testDatabase(), lab.tenant.id), {
      id: hashOf(launch),
      madeBy: 'emr',
      context,
      seconds: 300,
    });
    const page = await authorize(app, patient, { scope: 'launch patient/*.rs', launch });
    expect(page.leftTo?.searchParams.get('error')).toBe('access_denied');
    // It was not used up by that.
    const again = await authorize(app, person, { scope: 'launch patient/*.rs', launch });
    expect(again.leftTo?.searchParams.get('code') ?? null).not.toBeNull();
  });
});

describe('RFC 6819 §4.4.3, §4.3.3 guessing', () => {
  test('passwords: after some failures the account waits, and an unknown name looks the same', async () => {
    const victim = await makePerson(lab.tenant, { roles: ['technician'] });
    const seen: Record<string, { status: number; text: string }[]> = {};
    for (const username of [victim.username, 'nobody-of-this-name']) {
      const browser = makeBrowser();
      let page = await browser.go(authorizationUrl(app, { scope }));
      const answers = [];
      for (let i = 0; i < 8; i++) {
        page = await browser.submit(page, [
          ['username', username],
          ['password', `wrong ${i}`],
        ]);
        answers.push({
          status: page.status,
          text: page.text.replaceAll(username, 'NAME').replaceAll(/value="[^"]*"|sign-in\/[\w-]+|\d+/g, ''),
        });
      }
      seen[username] = answers;
    }
    expect(seen[victim.username]).toEqual(seen['nobody-of-this-name']);
    expect(seen[victim.username]?.[7]?.text).not.toBe(seen[victim.username]?.[0]?.text);
    const browser = makeBrowser();
    const page = await browser.go(authorizationUrl(app, { scope }));
    const good = await browser.submit(page, [
      ['username', victim.username],
      ['password', victim.password],
    ]);
    expect(good.text).toContain('name="password"');
  }, 120_000);

  test('the time of an answer does not tell whether a name exists', async () => {
    const other = await makeLaboratory();
    const its = await makeApp(other);
    const known = await Promise.all(
      Array.from({ length: 4 }, () => makePerson(other.tenant, { roles: ['technician'] })),
    );
    const browser = makeBrowser();
    const page = await browser.go(authorizationUrl(its, { scope }));
    const time = async (username: string): Promise<number> => {
      const started = performance.now();
      await browser.submit(page, [
        ['username', username],
        ['password', 'wrong'],
      ]);
      return performance.now() - started;
    };
    await time('warm-up');
    const exist: number[] = [];
    const not: number[] = [];
    for (const [i, { username }] of known.entries()) {
      exist.push(await time(username));
      not.push(await time(`nobody-${i}`));
    }
    // Hashing takes tens of milliseconds; without it an answer would take a few. Noise of a busy machine stays within this.
    expect(Math.min(...not)).toBeGreaterThan(Math.min(...exist) / 3);
    expect(Math.min(...exist)).toBeGreaterThan(Math.min(...not) / 3);
  }, 120_000);

  test.each([
    ['/auth', 400],
    ['/jwks', 1_400],
  ])(
    'requests for %s are limited by address',
    async (path, most) => {
      const other = await makeLaboratory();
      const address = `${other.base.replace(/\/fhir$/, '')}${path}`;
      const statuses: number[] = [];
      // A minute may end among them.
      for (let i = 0; i < 2 * most && !statuses.includes(429); i += 50) {
        statuses.push(...(await Promise.all(Array.from({ length: 50 }, async () => (await fetch(address)).status))));
      }
      expect(statuses).toContain(429);
      const answer = await fetch(address);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    },
    120_000,
  );
});

describe('malformed requests', () => {
  const big = 'x'.repeat(100_000);

  test.each<[string, string]>([
    ['a parameter twice', 'state=a&state=b'],
    ['as a list', 'scope[]=user/*.rs'],
    ['as an object', 'scope[a]=user/*.rs&__proto__[x]=1'],
    ['as a member of the prototype', 'constructor=x&__proto__=y&hasOwnProperty=z'],
    ['null bytes', 'state=%00&nonce=%00&login_hint=%00'],
    ['broken UTF-8', 'state=%ff%fe&login_hint=%c3%28'],
    ['broken encoding', 'state=%zz'],
    ['numbers as max_age', 'max_age=-1'],
    ['words as max_age', 'max_age=x'],
    ['unknown prompts', 'prompt=x'],
    ['prompt none with others', 'prompt=none%20login'],
    ['claims that are no JSON', 'claims=%7B'],
    ['claims that ask for much', 'claims=%7B%22id_token%22%3A%7B%22sub%22%3A%7B%22value%22%3A%22other%22%7D%7D%7D'],
    ['a launch of 10,000 characters', `launch=${'x'.repeat(10_000)}`],
    ['an id_token_hint that is none', 'id_token_hint=x.y.z'],
    ['1,000 scopes', `scope=${Array.from({ length: 1_000 }, (_, i) => `s${i}`).join('+')}`],
    ['a state of 30,000 characters', `state=${'s'.repeat(30_000)}`],
    ['a registration within', 'registration=%7B%7D'],
  ])('the authorization request has %s: an answer, no fault', async (_, query) => {
    const [name = ''] = query.split('=');
    const base = new URL(authorizationUrl(app, { scope }));
    base.searchParams.delete(decodeURIComponent(name));
    const page = await makeBrowser().go(`${base.href}&${query}`);
    expect(page.status).toBeLessThan(500);
    expect(page.leftTo?.searchParams.get('error') ?? '').not.toBe('server_error');
    expect(page.text).not.toMatch(/ at .*\.(js|ts):\d+/);
  });

  test('100 kB in the address or in a form is refused', async () => {
    expect((await fetch(authorizationUrl(app, { parameters: { state: big } }))).status).toBe(431);
    expect((await post(`${issuer}/auth`, { client_id: app.clientId, state: big })).status).toBe(400);
    const token = await post(`${issuer}/token`, {
      grant_type: 'authorization_code',
      code: big,
      client_id: app.clientId,
    });
    expect([400, 413]).toContain(token.status);
    const introspection = await post(`${issuer}/token/introspection`, { token: big, client_id: app.clientId });
    expect([400, 401, 413]).toContain(introspection.status);
  });

  test.each<[string, string]>([
    ['a code twice', 'grant_type=authorization_code&code=a&code=b'],
    ['a grant type twice', 'grant_type=authorization_code&grant_type=refresh_token&code=a'],
    ['a client twice', 'grant_type=refresh_token&refresh_token=x&client_id=other'],
    ['as a list', 'grant_type[]=authorization_code'],
    ['a prototype', '__proto__[grant_type]=authorization_code'],
    ['nothing', ''],
    ['broken encoding', 'grant_type=%zz&code=%ff'],
  ])('the token request has %s', async (_, body) => {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `client_id=${app.clientId}&${body}`,
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: expect.stringMatching(/^(invalid_|unsupported_)/) });
  });

  test.each([
    ['application/json', '{"grant_type":"authorization_code"}'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['text/plain', 'grant_type=authorization_code'],
    ['', 'grant_type=authorization_code'],
  ])('the token request is %s', async (type, body) => {
    const answer = await fetch(`${issuer}/token`, { method: 'POST', headers: { 'content-type': type }, body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });

  const hostileTexts = [
    'a\0b',
    '\ufffd\ufffe',
    '\u202e\u0000',
    'x'.repeat(20_000),
    "' or '1'='1",
    '%00',
    '\ud83d',
    '💊'.repeat(5_000),
  ];

  test.each([
    ['/token', 'client_id'],
    ['/token', 'code'],
    ['/token', 'refresh_token'],
    ['/token', 'code_verifier'],
    ['/token', 'scope'],
    ['/token', 'client_secret'],
    ['/token', 'client_assertion'],
    ['/token/introspection', 'token'],
    ['/token/introspection', 'client_id'],
    ['/token/revocation', 'token'],
    ['/auth', 'client_id'],
    ['/auth', 'redirect_uri'],
    ['/auth', 'login_hint'],
    ['/auth', 'launch'],
    ['/session/end', 'client_id'],
    ['/session/end', 'id_token_hint'],
    ['/session/end', 'state'],
    ['/session/end', 'ui_locales'],
  ])('%s with a hostile %s', async (path, name) => {
    const usual = {
      grant_type: 'authorization_code',
      client_id: app.clientId,
      code: 'x',
      redirect_uri: app.redirectUri,
    };
    for (const text of hostileTexts) {
      const { status } = await post(`${issuer}${path}`, { ...usual, client_assertion_type: 'x', [name]: text });
      expect([text.slice(0, 10), status < 500]).toEqual([text.slice(0, 10), true]);
    }
  });

  test.each(['username', 'password', 'csrf', 'patient', 'search', 'decision', 'scope', 'code', 'factor', '__proto__'])(
    'a page whose field %s is hostile',
    async (name) => {
      const other = await makeLaboratory();
      const its = await makeApp(other);
      const somebody = await makePerson(other.tenant, { roles: ['technician'] });
      const browser = makeBrowser();
      for (const text of hostileTexts) {
        const first = await browser.go(authorizationUrl(its, { scope: 'launch/patient patient/*.rs' }));
        // Signed in once, the next pages are those of the choice.
        const login: [string, string][] = [
          ['username', name === 'username' ? text : somebody.username],
          ['password', name === 'password' ? text : somebody.password],
        ];
        const at = /name="password"/.test(first.text) ? await browser.submit(first, login) : first;
        const page = await browser.submit(at, [[name, text]]);
        expect([text.slice(0, 10), at.status < 500, page.status < 500]).toEqual([text.slice(0, 10), true, true]);
      }
    },
    120_000,
  );

  test.each([
    'Basic %',
    'Basic AA==',
    `Basic ${Buffer.from('a\0b:c').toString('base64')}`,
    `Basic ${Buffer.from('%zz:%zz').toString('base64')}`,
    'Basic',
    'Bearer',
    'Negotiate x',
    `Basic ${'A'.repeat(30_000)}`,
  ])('the token request with Authorization: %#', async (authorization) => {
    const { status } = await post(
      `${issuer}/token`,
      { grant_type: 'authorization_code', code: 'x' },
      { authorization },
    );
    expect([status >= 400, status < 500]).toEqual([true, true]);
  });

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD'])('%s of the token endpoint gives none', async (method) => {
    const code = await codeFor(app, person);
    const query = new URLSearchParams(exchangeFields(app, code)).toString();
    const answer = await fetch(`${issuer}/token?${query}`, { method });
    expect([404, 405]).toContain(answer.status);
  });

  test.each([
    '/auth/',
    '/AUTH',
    '//auth',
    '/auth/../token',
    '/auth;x',
    '/sign-in',
    '/sign-in/',
    '/sign-in/../../x',
    '/sign-in/%2e%2e',
    '/auth/unknown',
    '/session/end/confirm',
    '/account/../auth',
    '/.well-known/',
    '/.well-known/openid-configuration/x',
    '/assets/../configuration.ts',
    '/assets/..%2fframe.ts',
    '/assets/%00',
    '/assets/constructor',
  ])('the path %s: no fault, nothing of the inside', async (path) => {
    const { status, text } = await rawGet(`/${lab.tenant.name}${path}`, new URL(issuer).host);
    expect(status).toBeLessThan(500);
    expect(text).not.toMatch(/ at .*\.(js|ts):\d+|import |"stack"/);
  });
});

/** Exactly this path and Host, which fetch would not send. */
async function rawGet(path: string, host: string): Promise<{ status: number; text: string; location: string }> {
  const { hostname, port } = new URL(testServer().url);
  return await new Promise((done, fail) => {
    const asked = plainRequest(
      { hostname, port, path, setHost: false, headers: { host, accept: 'text/html' } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          done({
            status: answer.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            location: answer.headers.location ?? '',
          }),
        );
      },
    );
    asked.on('error', fail);
    asked.end();
  });
}

describe('the Host header', () => {
  test('a code that was asked for under another name is not answered to this one', async () => {
    const there = `http://evil.example.org/${lab.tenant.name}`;
    const { text } = await rawGet(`/${lab.tenant.name}/.well-known/openid-configuration`, 'evil.example.org');
    // Without PUBLIC_URL the server has the name that it is called by; nothing of it stays for others.
    expect((JSON.parse(text) as { issuer: string }).issuer).toBe(there);
    const own = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as {
      issuer: string;
      token_endpoint: string;
    };
    expect([own.issuer, own.token_endpoint]).toEqual([issuer, `${issuer}/token`]);
  });

  test('a token is good at the address that it was asked for alone', async () => {
    const { body } = await askToken(app, exchangeFields(app, await codeFor(app, person, { scope })));
    const { hostname, port } = new URL(testServer().url);
    const status = await new Promise<number>((done, fail) => {
      const headers = { host: 'evil.example.org', authorization: `Bearer ${String(body['access_token'])}` };
      plainRequest({ hostname, port, path: `/${lab.tenant.name}/fhir/Patient`, setHost: false, headers }, (answer) => {
        answer.resume();
        done(answer.statusCode ?? 0);
      })
        .on('error', fail)
        .end();
    });
    expect(status).toBe(401);
  });

  test.each([
    'evil"><script>x</script>',
    'a b',
    'evil.example.org/path?x=',
    'user@evil.example.org',
    '[::1',
    'x'.repeat(300),
    'evil.example.org:99999',
    'a,b',
    '',
  ])('Host: %s is no fault and stands nowhere as HTML', async (host) => {
    for (const path of [
      '/.well-known/openid-configuration',
      `/auth?${new URL(authorizationUrl(app, { scope })).searchParams.toString()}`,
    ]) {
      const { status, text } = await rawGet(`/${lab.tenant.name}${path}`, host);
      expect([host, path.slice(0, 12), status < 500]).toEqual([host, path.slice(0, 12), true]);
      expect(text).not.toContain('<script>x');
    }
  });

  test('X-Forwarded-Host of somebody who is no trusted proxy counts for nothing', async () => {
    const headers = {
      'x-forwarded-host': 'evil.example.org',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example.org',
    };
    const document = await (await fetch(`${issuer}/.well-known/openid-configuration`, { headers })).text();
    expect(document).not.toContain('evil.example.org');
  });

  test('many names do not cost the server more than some providers', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `n${i}.example.org`);
    const answers = await Promise.all(names.map((host) => rawGet(`/${lab.tenant.name}/jwks`, host)));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });
});
