/** What pages are protected by: tokens of forms, headers, the policy for content; and in which language they come. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  authorizationUrl,
  formOf,
  makeApp,
  makeBrowser,
  makePerson,
  type App,
  type Browser,
  type Page,
  type Person,
} from '../identity/app.ts';
import { setTenantStatus } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { browserTest, fill, press, textOf, useBrowser } from './browser.ts';

const open = useBrowser();
let lab: Laboratory;
let root: string;
let app: App;
let person: Person;

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { secondFactorRoles: [] } });
  root = lab.base.replace(/\/fhir$/, '');
  app = await makeApp(lab);
  person = await makePerson(lab.tenant, { roles: ['patient'], fhirUser: 'Patient/p1' });
});

async function signedIn(): Promise<{ browser: Browser; page: Page }> {
  const browser = makeBrowser();
  const page = await browser.go(`${root}/account`);
  const { username, password } = person;
  return { browser, page: await browser.submit(page, Object.entries({ username, password })) };
}

/** Posted with the browser's cookies, and whatever token. */
async function forge(browser: Browser, path: string, fields: Record<string, string>): Promise<Page> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return await browser.go(`${root}${path}`, { method: 'POST', headers, body: new URLSearchParams(fields).toString() });
}

describe('a form that another site sends', () => {
  const forms: readonly [path: string, fields: Record<string, string>][] = [
    ['/account/apps/revoke', { grant: 'aa' }],
    ['/account/sessions/end', { session: 'x' }],
    ['/account/sessions/end-others', {}],
    ['/account/password', { current: 'x', password: 'y', again: 'y' }],
    ['/account/factors/totp', { code: '123456' }],
    ['/account/factors/passkey', { response: '{}' }],
    ['/account/factors/remove', { factor: 'x' }],
    ['/account/recovery-codes', {}],
  ];

  let browser: Browser;
  let other: string;
  beforeAll(async () => {
    browser = (await signedIn()).browser;
    other = formOf(await makeTab()).csrf;
    expect(other).not.toBe('');
  });

  /** A page with a form, of another session of the same person. */
  async function makeTab(): Promise<Page> {
    const { browser: another } = await signedIn();
    return await another.go(`${root}/account/password`);
  }

  test.each(forms)(
    '%s is refused without a token, with one of another session, with a damaged one',
    async (path, fields) => {
      for (const csrf of ['', other, 'AAAA', '\u0000']) {
        const answer = await forge(browser, path, { ...fields, csrf });
        expect(answer.status).toBe(403);
        expect(answer.text).toMatch(/did not come from a page that was opened here/);
      }
      expect((await forge(browser, path, fields)).status).toBe(403);
    },
  );

  test('signs nobody in: neither to an authorization nor to an account', async () => {
    const { username, password } = person;
    const browser = makeBrowser();
    const begun = await browser.go(authorizationUrl(app));
    const theirs = formOf(await makeBrowser().go(authorizationUrl(app))).csrf;
    const path = new URL(begun.url).pathname.replace(new URL(root).pathname, '');
    expect((await forge(browser, path, { username, password })).status).toBe(403);
    expect((await forge(browser, path, { username, password, csrf: theirs })).status).toBe(403);
    expect((await forge(makeBrowser(), path, { username, password, csrf: formOf(begun).csrf })).status).toBe(400);
    const account = formOf(await makeBrowser().go(`${root}/account/sign-in`)).csrf;
    expect((await forge(makeBrowser(), '/account/sign-in', { username, password, csrf: account })).status).toBe(403);
  });

  test('progress of a sign-in that the browser made up counts for nothing', async () => {
    const browser = makeBrowser();
    const page = await browser.go(`${root}/account/sign-in`);
    const [name = '', cookie] = [...browser.cookies].find(([key]) => key.startsWith('signing-in')) ?? [];
    const [, token] = cookie?.value.split('.') ?? [];
    const made = { visit: 'x', account: person.id, at: Math.floor(Date.now() / 1_000) };
    const value = `${Buffer.from(JSON.stringify(made)).toString('base64url')}.${token}`;
    browser.cookies.set(name, { value, path: new URL(`${root}/account`).pathname, attributes: '' });
    expect((await browser.go(page.url)).text).toMatch(/name="password"/);
  });
});

describe('headers', () => {
  const addresses: readonly [what: string, path: string, status: number][] = [
    ['the sign-in page', '/account/sign-in', 200],
    ['a link that is not good', `/account/invitation/${'x'.repeat(43)}`, 404],
    ['a page that is not there', '/account/nothing', 404],
    ['an authorization page that is gone', '/sign-in/nothing', 400],
    ['an error of the provider', '/auth?client_id=nobody', 400],
    ['the end of a session', '/session/end/success', 200],
  ];
  test.each(addresses)('%s', async (_, path, status) => {
    const { headers, status: got } = await makeBrowser().go(`${root}${path}`);
    expect(got).toBe(status);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).toMatch(/frame-ancestors 'none'/);
    expect(policy).toMatch(/base-uri 'none'/);
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(headers.get('cache-control')).toMatch(/no-store/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toMatch(/^(no-referrer|same-origin)$/);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test('cookies are for this laboratory only, not for scripts, not for other sites', async () => {
    const { browser } = await signedIn();
    const { pathname } = new URL(root);
    for (const [name, { attributes, path }] of browser.cookies) {
      expect([name, attributes]).toEqual([name, expect.stringMatching(/httponly/i)]);
      expect([name, attributes]).toEqual([name, expect.stringMatching(/samesite=(lax|strict)/i)]);
      expect(path.startsWith(pathname)).toBe(true);
    }
    expect(browser.cookies.size).toBeGreaterThan(0);
  });

  test('the files of pages may be kept for ever under the address with their content’s hash', async () => {
    const page = await makeBrowser().go(`${root}/account/sign-in`);
    const [, address = ''] = /rel="stylesheet" href="([^"]*)"/.exec(page.text) ?? [];
    const style = await fetch(new URL(address, root));
    expect(style.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(style.headers.get('cache-control')).toMatch(/immutable/);
    expect(style.headers.get('etag')).toMatch(/^"[\w-]{16}"$/);
    expect((await fetch(`${root}/assets/../../package.json`)).status).toBe(404);
    expect((await fetch(`${root}/assets/%2e%2e%2fhtml.ts`)).status).toBe(404);
  });
});

describe('hostile text', () => {
  browserTest('neither runs nor breaks the page, and a script that got in would not run either', async () => {
    const tab = await open();
    const name = `<img src=x onerror="window.hacked=1">'"</title><script>window.hacked=1</script>`;
    const hostile = await makeApp(lab, { name });
    await tab.page.goto(authorizationUrl(hostile));
    expect(await textOf(tab)).toContain(name.replaceAll(/\s+/g, ' '));
    await fill(tab, { username: name, password: 'x' });
    await press(tab, 'button.primary');
    expect(await tab.page.$eval('#username', (input) => (input as { value?: string }).value)).toBe(name);
    expect(tab.complaints.filter((text) => !/422/.test(text))).toEqual([]);
    await tab.page.evaluate(`{
      const script = document.createElement('script');
      script.textContent = 'window.hacked = 2';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<p style="color: red" onclick="window.hacked = 3">x</p>');
      document.body.lastElementChild.click();
    }`);
    expect(await tab.page.evaluate('window.hacked')).toBeUndefined();
    expect(tab.complaints.join()).toMatch(/Content Security Policy/);
  });
});

describe('the language', () => {
  browserTest('follows the browser, then the choice, and stays; Arabic runs from right to left', async () => {
    const tab = await open({ language: 'ar-TN,ar;q=0.9' });
    await tab.page.goto(`${root}/account/sign-in`);
    expect(await tab.page.evaluate('[document.dir, document.documentElement.lang]')).toEqual(['rtl', 'ar']);
    expect(await tab.page.evaluate('getComputedStyle(document.querySelector("label")).direction')).toBe('rtl');
    await press(tab, 'a[hreflang=fr]');
    expect(await tab.page.evaluate('[document.dir, document.documentElement.lang]')).toEqual(['ltr', 'fr']);
    await tab.page.goto(`${root}/account`);
    expect(await tab.page.evaluate('document.documentElement.lang')).toBe('fr');
  });

  test('an app can ask for one by ui_locales', async () => {
    const page = await makeBrowser().go(authorizationUrl(app, { parameters: { ui_locales: 'de ar' } }));
    expect(page.text).toMatch(/<html lang="ar" dir="rtl">/);
  });
});

describe('what is searched for when a patient is chosen', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    const technician = await makePerson(lab.tenant, { roles: ['technician'] });
    browser = makeBrowser();
    page = await browser.go(authorizationUrl(app));
    const { username, password } = technician;
    page = await browser.submit(page, Object.entries({ username, password }));
    expect(page.text).toMatch(/name="search"/);
  });

  test.each([
    '1987-13',
    '1987-02-30',
    '2023-02-29',
    '9999-99-99',
    '%',
    'a,b|c$d\\',
    '\uD800',
    '|',
    '||4711',
    'urn:x|',
    "' or 1=1 --",
    '*',
    ':missing=true',
    'a'.repeat(5_000),
    'x '.repeat(500),
    '1'.repeat(400),
    '<script>alert(1)</script>',
  ])('%j finds nothing, and is no fault', async (search) => {
    const answer = await browser.submit(page, [['search', search]]);
    expect([answer.status, /name="search"/.test(answer.text)]).toEqual([200, true]);
    expect(answer.text).not.toMatch(/<script>/);
  });

  test.each(['auditor', 'administrator'])('%s sees no patients: there is nobody to choose', async (role) => {
    const officer = await makePerson(lab.tenant, { roles: [role] });
    const visitor = makeBrowser();
    const { username, password } = officer;
    const asked = await visitor.go(authorizationUrl(app, { scope: 'launch/patient openid' }));
    const shown = await visitor.submit(asked, Object.entries({ username, password }));
    expect(shown.text).toMatch(/There is no patient that you may see/);
  });
});

describe('turned away', () => {
  test('a browser gets a page, an application an OperationOutcome', async () => {
    const closed = await makeLaboratory();
    const address = closed.base.replace(/fhir$/, 'account');
    await setTenantStatus(testDatabase(), closed.tenant.name, 'suspended');
    const deadline = Date.now() + 120_000;
    let page = await makeBrowser().go(address);
    while (page.status === 200 && Date.now() < deadline) page = await makeBrowser().go(address);
    expect(page.text).toMatch(/This laboratory is closed at the moment/);
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(page.headers.get('cache-control')).toBe('no-store');
    const answer = await fetch(address, { headers: { accept: 'application/json' } });
    expect(answer.status).toBe(page.status);
    expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  test('the root of a laboratory leads to the account', async () => {
    expect((await makeBrowser().go(`${root}/`)).text).toMatch(/name="password"/);
  });
});

describe('a laboratory’s own look', () => {
  browserTest('its colour and its logo are shown, and nothing else is let in', async () => {
    const own = await makeLaboratory({ settings: { colour: '#8a1c4a', logo: 'https://lab.example/logo.png' } });
    const tab = await open();
    await tab.page.goto(own.base.replace(/fhir$/, 'account/sign-in'));
    const colours = 'getComputedStyle(document.querySelector("button.primary")).backgroundColor';
    expect(await tab.page.evaluate(colours)).toBe('rgb(138, 28, 74)');
    expect(tab.left).toEqual(['https://lab.example/logo.png']);
    expect(tab.complaints).toEqual([]);
    expect((await fetch(`${root}/assets/colour.css`)).status).toBe(404);
  });
});

describe('signing out at an app’s wish', () => {
  browserTest('leads back to it, also where nobody was signed in', async () => {
    const tab = await open();
    const bye = 'https://app.example.org/bye';
    const signing = await makeApp(lab, { postLogoutRedirectUris: [bye] });
    const query = new URLSearchParams({ client_id: signing.clientId, post_logout_redirect_uri: bye });
    await tab.page.goto(`${root}/session/end?${query}`);
    await tab.page.waitForFunction('document.title === "The app"');
    expect(tab.left.at(-1)).toBe(bye);
    await tab.page.goto(`${root}/account`);
    await fill(tab, { username: person.username, password: person.password });
    await press(tab, 'button.primary');
    await tab.page.goto(`${root}/session/end?${query}`);
    expect(await textOf(tab)).toMatch(/Growth chart asks to sign you out/);
    await press(tab, 'button.primary');
    expect(tab.left.at(-1)).toBe(bye);
    expect(tab.complaints).toEqual([]);
  });
});
