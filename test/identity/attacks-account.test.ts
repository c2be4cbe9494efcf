/** Attacks on the pages of an account: another’s sessions and apps, open redirects, hostile fields and links. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sessionOf } from '../../src/store/accounts.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import {
  askFhir,
  askToken,
  formOf,
  makeApp,
  makeBrowser,
  makePerson,
  type App,
  type Browser,
  type Page,
  type Person,
} from './app.ts';
import { codeFor, exchangeFields } from './attack.ts';

let lab: Laboratory;
let issuer: string;
let app: App;
let ada: Person;
let ben: Person;
const adas = makeBrowser();
const bens = makeBrowser();

beforeAll(async () => {
  lab = await makeLaboratory();
  issuer = lab.base.replace(/\/fhir$/, '');
  app = await makeApp(lab);
  [ada, ben] = (await Promise.all([1, 2].map(() => makePerson(lab.tenant, { roles: ['technician'] })))) as [
    Person,
    Person,
  ];
  await enter(adas, ada);
  await enter(bens, ben);
});

/** To the account, signed in. */
async function enter(browser: Browser, { username, password }: Person): Promise<Page> {
  const page = await browser.go(`${issuer}/account`);
  return await browser.submit(page, [
    ['username', username],
    ['password', password],
  ]);
}

/** What is stored of an account: the ids of its sessions, and of its grants in hexadecimal. */
async function idsOf(person: Person, kind: 'Session' | 'Grant'): Promise<string[]> {
  const rows = await sessionOf(testDatabase(), lab.tenant.id).query<{ id: string }>(sql`
    select case kind when 'Session' then uid else encode(id, 'hex') end as id from openid_state
    where tenant_id = ${lab.tenant.id} and account_id = ${person.id} and kind = ${kind}`);
  return rows.map(({ id }) => id);
}

test('each is at their own account', async () => {
  expect((await adas.go(`${issuer}/account`)).text).toContain(ada.username);
  expect((await bens.go(`${issuer}/account`)).text).toContain(ben.username);
});

test('the apps and sessions of another cannot be ended, though their ids are known', async () => {
  const { body } = await askToken(
    app,
    exchangeFields(app, await codeFor(app, ada, { browser: adas, scope: 'offline_access user/Patient.rs' })),
  );
  const page = await bens.go(`${issuer}/account`);
  for (const grant of await idsOf(ada, 'Grant'))
    await bens.submit(page, [['grant', grant]], `${issuer}/account/apps/revoke`);
  for (const session of await idsOf(ada, 'Session'))
    await bens.submit(page, [['session', session]], `${issuer}/account/sessions/end`);
  await bens.submit(page, [], `${issuer}/account/sessions/end-others`);
  expect((await adas.go(`${issuer}/account`)).text).toContain(ada.username);
  expect((await askFhir(app, body['access_token'], 'Patient')).status).toBe(200);
  const refreshing = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
  expect((await askToken(app, refreshing)).status).toBe(200);
});

describe('open redirects', () => {
  test.each([
    '//evil.example.org',
    'https://evil.example.org',
    '/\\evil.example.org',
    '\\\\evil.example.org',
    'javascript:alert(1)',
    '../../evil',
    '@evil.example.org',
    '.evil.example.org',
    '%2f%2fevil.example.org',
    'password\r\nlocation: https://evil.example.org',
  ])('signing in to %s', async (to) => {
    for (const name of ['next', 'returnTo', 'url', 'to']) {
      const browser = makeBrowser();
      const page = await browser.go(`${issuer}/account/sign-in?${name}=${encodeURIComponent(to)}`);
      expect(page.text).not.toMatch(/(href|action)="[^"]*evil/);
      if (name !== 'to') continue;
      const end = await browser.submit(page, [
        ['username', ada.username],
        ['password', ada.password],
        [name, to],
      ]);
      expect([end.leftTo?.href, new URL(end.url).origin]).toEqual([undefined, new URL(issuer).origin]);
      expect(end.text).not.toMatch(/(href|action)="[^"]*evil/);
    }
  });
});

const hostileTexts = [
  'a\0b',
  '\ufffe',
  'x'.repeat(20_000),
  "' or '1'='1",
  '../..',
  '<script>alert(1)</script>',
  '💊'.repeat(2_000),
  '-1',
  '99999999999999999999',
];

describe('hostile fields', () => {
  const forms: [path: string, field: string][] = [
    ['apps/revoke', 'grant'],
    ['sessions/end', 'session'],
    ['sessions/end-others', 'session'],
    ['password', 'password'],
    ['password', 'current'],
    ['password', 'new'],
    ['password', 'again'],
    ['factors/totp', 'code'],
    ['factors/totp', 'name'],
    ['factors/totp', 'label'],
    ['factors/passkey', 'answer'],
    ['factors/passkey', 'response'],
    ['factors/passkey', 'name'],
    ['factors/remove', 'factor'],
    ['recovery-codes', 'password'],
    ['sign-in', 'username'],
    ['sign-in', 'code'],
  ];
  test.each(forms)(
    '/account/%s: %s',
    async (path, field) => {
      // An account of its own: what is tried here may lock it.
      const person = await makePerson(lab.tenant, { roles: ['technician'] });
      const browser = makeBrowser();
      await enter(browser, person);
      const account = await browser.go(`${issuer}/account`);
      const { csrf } = formOf(account);
      for (const text of hostileTexts) {
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const body = new URLSearchParams([
          ['csrf', csrf],
          [field, text],
        ]).toString();
        const page = await browser.go(`${issuer}/account/${path}`, { method: 'POST', headers, body });
        expect([path, field, text.slice(0, 10), page.status < 500]).toEqual([path, field, text.slice(0, 10), true]);
        expect(page.text).not.toContain('<script>alert(1)');
      }
    },
    60_000,
  );

  test.each(['invitation', 'reset'])(
    'the link of a %s',
    async (kind) => {
      for (const text of [...hostileTexts, '', 'a/b', 'constructor']) {
        const browser = makeBrowser();
        const address = `${issuer}/account/${kind}/${encodeURIComponent(text).slice(0, 8_000)}`;
        const page = await browser.go(address);
        expect([
          text.slice(0, 10),
          page.status >= 400 || page.text.includes('name="password"'),
          page.status < 500,
        ]).toEqual([text.slice(0, 10), true, true]);
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const posted = await browser.go(address, {
          method: 'POST',
          headers,
          body: 'csrf=x&password=a+long+enough+password&again=a+long+enough+password',
        });
        expect([text.slice(0, 10), posted.status >= 400, posted.status < 500]).toEqual([text.slice(0, 10), true, true]);
      }
    },
    60_000,
  );
});
