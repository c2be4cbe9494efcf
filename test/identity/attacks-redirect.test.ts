/** RFC 9700 §2.1, §4.1 and §4.11: redirect URIs and open redirectors, after success, after an error and after signing out. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import {
  askToken,
  authorizationUrl,
  authorize,
  makeApp,
  makeBrowser,
  makePerson,
  type App,
  type Browser,
  type Page,
  type Person,
} from './app.ts';
import { codeFor, exchangeFields, post } from './attack.ts';

let lab: Laboratory;
let app: App;
let native: App;
let person: Person;

const registered = 'https://app.example.org/callback';

beforeAll(async () => {
  lab = await makeLaboratory();
  person = await makePerson(lab.tenant, { roles: ['technician'] });
  app = await makeApp(lab, {
    redirectUris: [registered, 'https://app.example.org/second?x=1'],
    postLogoutRedirectUris: ['https://app.example.org/bye'],
  });
  native = await makeApp(lab, {
    native: true,
    redirectUris: ['http://127.0.0.1/callback', 'com.example.app:/callback'],
  });
});

/** How a redirect URI that was not registered can look like one that was. */
const lookalikes: [string, string][] = [
  ['another host', 'https://evil.example.org/callback'],
  ['the host as prefix', 'https://app.example.org.evil.example/callback'],
  ['the host as suffix', 'https://evilapp.example.org/callback'],
  ['a subdomain', 'https://a.app.example.org/callback'],
  ['a path that goes on', 'https://app.example.org/callback/evil'],
  ['a path that begins the same', 'https://app.example.org/callbackevil'],
  ['a shorter path', 'https://app.example.org/'],
  ['a slash at its end', 'https://app.example.org/callback/'],
  ['a path traversal', 'https://app.example.org/callback/../evil'],
  ['a path traversal back to itself', 'https://app.example.org/evil/../callback'],
  ['an encoded traversal', 'https://app.example.org/callback/%2e%2e/evil'],
  ['an encoded slash', 'https://app.example.org%2fcallback'],
  ['encoded letters', 'https://app.example.org/%63allback'],
  ['a query', 'https://app.example.org/callback?next=https://evil.example.org'],
  ['its second URI with another query', 'https://app.example.org/second?x=2'],
  ['its second URI with more in the query', 'https://app.example.org/second?x=1&y=2'],
  ['a fragment', 'https://app.example.org/callback#x'],
  ['an empty fragment', 'https://app.example.org/callback#'],
  ['user info that looks like the host', 'https://app.example.org@evil.example.org/callback'],
  ['user info before the host', 'https://user:secret@app.example.org/callback'],
  ['a backslash', 'https://app.example.org\\@evil.example.org/callback'],
  ['another port', 'https://app.example.org:8443/callback'],
  ['the port written out', 'https://app.example.org:443/callback'],
  ['http', 'http://app.example.org/callback'],
  ['upper case', 'https://APP.example.org/callback'],
  ['upper case in the path', 'https://app.example.org/Callback'],
  ['a dot after the host', 'https://app.example.org./callback'],
  ['a wildcard', 'https://*.example.org/callback'],
  ['no scheme', '//app.example.org/callback'],
  ['javascript', 'javascript:alert(1)//https://app.example.org/callback'],
  ['data', 'data:text/html,<script>alert(1)</script>'],
  ['a space after', 'https://app.example.org/callback '],
  ['a tab within', 'https://app.example.org/call\tback'],
  ['a line end and a header', 'https://app.example.org/callback\r\nset-cookie: evil=1'],
  ['a null byte', 'https://app.example.org/callback\0'],
  ['letters that look alike', 'https://аpp.example.org/callback'],
  ['two, separated by a space', `${registered} https://evil.example.org/`],
  ['two, separated by a comma', `${registered},https://evil.example.org/`],
  ['nothing', ''],
  ['loopback', 'http://127.0.0.1/callback'],
  ['the scheme of an app', 'com.example.app:/callback'],
];

describe('§4.1 a redirect URI that was not registered', () => {
  test.each(lookalikes)('%s: an error page, no redirect, signed in or not', async (_, uri) => {
    const browser = makeBrowser();
    await authorize(app, person, { browser });
    for (const one of [makeBrowser(), browser]) {
      const page = await one.go(authorizationUrl(app, { parameters: { redirect_uri: uri } }));
      expect([page.status, page.leftTo?.href, page.headers.get('location')]).toEqual([400, undefined, null]);
      expect(page.headers.get('set-cookie') ?? '').not.toContain('evil');
      expect(page.text).not.toMatch(
        /<script(?! src="\/)|javascript:|<meta[^>]*refresh|href="https:\/\/(?!app\.example\.org)/i,
      );
    }
  });

  test('none at all, and one given twice: an error page', async () => {
    for (const url of [
      authorizationUrl(app, { parameters: { redirect_uri: undefined } }),
      `${authorizationUrl(app)}&redirect_uri=${encodeURIComponent('https://evil.example.org/')}`,
      `${authorizationUrl(app, { parameters: { redirect_uri: undefined } })}&redirect_uri[]=${encodeURIComponent(registered)}`,
    ]) {
      const page = await makeBrowser().go(url);
      expect([page.status, page.leftTo?.href]).toEqual([400, undefined]);
    }
  });

  test('an unknown application: an error page', async () => {
    for (const id of ['nobody', '', '../x', 'https://evil.example.org/client.json']) {
      const page = await makeBrowser().go(authorizationUrl({ ...app, clientId: id }));
      expect([id, page.status, page.leftTo?.href]).toEqual([id, 400, undefined]);
    }
  });

  test.each([
    ['of another application', 'com.example.app:/callback'],
    ['of the browser', 'javascript:alert(1)'],
    ['another loopback path', 'http://127.0.0.1:1234/evil'],
    ['another loopback name', 'http://localhost.evil.example.org:1234/callback'],
    ['user info on loopback', 'http://127.0.0.1:1234@evil.example.org/callback'],
    ['https on loopback', 'https://127.0.0.1:1234/callback'],
    ['the scheme with another path', 'com.example.app:/evil'],
    ['the scheme with an authority', 'com.example.app://evil/callback'],
  ])('a native application: %s', async (what, uri) => {
    const page = await makeBrowser().go(
      authorizationUrl(what === 'of another application' ? app : native, { parameters: { redirect_uri: uri } }),
    );
    expect([page.status, page.leftTo?.href]).toEqual([400, undefined]);
  });

  test('a native application may take any port on its loopback address (RFC 8252 §7.3)', async () => {
    const { answer } = await codeFor(native, person, {
      parameters: { redirect_uri: 'http://127.0.0.1:51004/callback' },
    });
    expect(answer.href).toMatch(/^http:\/\/127\.0\.0\.1:51004\/callback\?/);
  });
});

/** Says yes on the page that asks. */
async function signOut(browser: Browser, page: Page): Promise<Page> {
  expect(page.status).toBe(200);
  const xsrf = /name="xsrf" value="([^"]*)"/.exec(page.text)?.[1] ?? '';
  expect(xsrf).not.toBe('');
  return await browser.submit(page, [
    ['xsrf', xsrf],
    ['logout', 'yes'],
  ]);
}

describe('§4.11 open redirectors', () => {
  test('an error goes to a registered address only, and says nothing of the attacker’s', async () => {
    const page = await authorize(app, person, { scope: 'launch user/*.rs', parameters: { launch: 'x' } });
    expect(page.leftTo?.origin).toBe('https://app.example.org');
    const other = await authorize(app, person, {
      parameters: { prompt: 'none', redirect_uri: 'https://evil.example.org/' },
    });
    expect([other.status, other.leftTo?.href]).toEqual([400, undefined]);
  });

  test.each([
    ['next', 'https://evil.example.org/'],
    ['returnTo', '//evil.example.org/'],
    ['redirect', 'https://evil.example.org/'],
    ['target_link_uri', 'https://evil.example.org/'],
    ['request_uri', 'https://evil.example.org/request.jwt'],
  ])('a parameter %s leads nowhere', async (name, value) => {
    const page = await authorize(app, person, { scope: 'user/*.rs', parameters: { [name]: value } });
    expect(page.leftTo?.origin).toBe('https://app.example.org');
    expect(page.leftTo?.href).not.toContain('evil');
  });

  test.each([
    ['an address that was not registered', 'https://evil.example.org/bye'],
    ['its redirect URI', registered],
    ['one that goes on', 'https://app.example.org/bye/evil'],
    ['javascript', 'javascript:alert(1)'],
    ['a line end', 'https://app.example.org/bye\r\nset-cookie: evil=1'],
  ])('after signing out: %s', async (_, uri) => {
    const browser = makeBrowser();
    const code = await codeFor(app, person, { browser });
    const { body } = await askToken(app, exchangeFields(app, code));
    const hints: Record<string, string>[] = [
      { id_token_hint: String(body['id_token']) },
      { client_id: app.clientId },
      {},
    ];
    for (const hint of hints) {
      const query = new URLSearchParams({ ...hint, post_logout_redirect_uri: uri }).toString();
      const page = await browser.go(`${app.issuer}/session/end?${query}`);
      if (hint['client_id'] ?? hint['id_token_hint'])
        expect([page.status, page.leftTo?.href]).toEqual([400, undefined]);
      else expect((await signOut(browser, page)).leftTo).toBeUndefined();
    }
  });

  test('after signing out without knowing for which application', async () => {
    const query = new URLSearchParams({ post_logout_redirect_uri: 'https://app.example.org/bye' }).toString();
    const browser = makeBrowser();
    const page = await browser.go(`${app.issuer}/session/end?${query}`);
    expect((await signOut(browser, page)).leftTo).toBeUndefined();
  });

  test.each([
    '//evil.example.org',
    '/\\evil.example.org',
    '/%2f%2fevil.example.org',
    '/https://evil.example.org',
    '/sign-in//evil.example.org',
    '/auth/https:%2f%2fevil.example.org',
    '/account//evil.example.org',
  ])('a path %s of a laboratory leads nowhere', async (path) => {
    const answer = await fetch(`${app.issuer}${path}`, { redirect: 'manual' });
    expect(answer.headers.get('location') ?? '').not.toContain('evil');
  });
});

describe('headers cannot be injected', () => {
  const hostile = 'x\r\nset-cookie: evil=1\r\n\r\n<script>alert(1)</script>';
  test.each(['state', 'nonce', 'scope', 'login_hint', 'ui_locales', 'acr_values', 'client_id', 'launch'])(
    'by %s',
    async (name) => {
      const browser = makeBrowser();
      const page = await authorize(app, person, { browser, parameters: { [name]: hostile } });
      expect([...browser.cookies.keys()].join(' ')).not.toContain('evil');
      expect(page.headers.get('set-cookie') ?? '').not.toMatch(/(^|, )evil=/);
      expect(page.text).not.toContain('<script>alert(1)');
    },
  );

  test.each(['https://x;sandbox/callback', 'https://x,script-src/callback', "https://x'unsafe-inline'/callback"])(
    'the policy of a page by a redirect URI %s',
    async (uri) => {
      const page = await makeBrowser().go(authorizationUrl(app, { parameters: { redirect_uri: uri } }));
      const policy = page.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/sandbox|,|unsafe-inline/);
    },
  );
});

test('§4.1.3 the redirect URI of the token request is the one of the authorization request', async () => {
  const code = await codeFor(app, person);
  const fields = { ...exchangeFields(app, code), redirect_uri: 'https://app.example.org/second?x=1' };
  expect(await post(`${app.issuer}/token`, fields)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
});
