/**
 * Attacks on sessions and on authorizations under way: RFC 6819 §4.4.1.5 and §5.1.6, OpenID Connect RP-Initiated Logout, and
 * two tabs of one browser.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import {
  askFhir,
  askToken,
  authorizationUrl,
  makeApp,
  makeBrowser,
  makePerson,
  makePkce,
  offeredScopes,
  type App,
  type Browser,
  type Page,
  type Person,
} from './app.ts';
import { codeFor, exchangeFields } from './attack.ts';

let lab: Laboratory;
let app: App;
let ada: Person;
let ben: Person;

beforeAll(async () => {
  lab = await makeLaboratory();
  app = await makeApp(lab);
  [ada, ben] = (await Promise.all([1, 2].map(() => makePerson(lab.tenant, { roles: ['technician'] })))) as [
    Person,
    Person,
  ];
});

const scope = 'openid user/Patient.rs';
const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

function allow(browser: Browser, page: Page): Promise<Page> {
  const scopes = offeredScopes(page).map((one): [string, string] => ['scope', one]);
  return browser.submit(page, [['decision', 'allow'], ...scopes]);
}

async function signOut(browser: Browser): Promise<Page> {
  const page = await browser.go(`${app.issuer}/session/end`);
  return await browser.submit(page, [
    ['xsrf', /name="xsrf" value="([^"]*)"/.exec(page.text)?.[1] ?? ''],
    ['logout', 'yes'],
  ]);
}

test('a grant that is posted twice at once gives one code at most that works', async () => {
  const browser = makeBrowser();
  await codeFor(app, ada, { browser, scope });
  const pkce = makePkce();
  const page = await browser.go(authorizationUrl(app, { scope, pkce }));
  const ends = await Promise.all([1, 2, 3, 4].map(() => allow(browser, page)));
  const codes = new Set(ends.flatMap(({ leftTo }) => leftTo?.searchParams.get('code') ?? []));
  const answers = await Promise.all([...codes].map((code) => askToken(app, exchangeFields(app, { code, pkce }))));
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  for (const { status } of ends) expect(status).toBeLessThan(500);
  // Once used, the page is worth nothing.
  expect((await allow(browser, page)).leftTo).toBeUndefined();
});

test('another person signs in in a second tab: the page of the first grants nothing in either name', async () => {
  const browser = makeBrowser();
  await codeFor(app, ada, { browser, scope });
  const pkce = makePkce();
  const first = await browser.go(authorizationUrl(app, { scope, pkce }));
  expect(first.text).toContain('name="decision"');
  const login = await browser.go(authorizationUrl(app, { scope, parameters: { prompt: 'login' } }));
  const asBen = await browser.submit(login, [
    ['username', ben.username],
    ['password', ben.password],
  ]);
  // The page by which the first person is signed out; a script posts it, or the button.
  const hidden = [...asBen.text.matchAll(/name="(xsrf|logout)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']) => [name, value] as const,
  );
  const second = await browser.submit(asBen, hidden);
  expect((await allow(browser, second)).leftTo?.searchParams.get('code')).toEqual(expect.any(String));
  const end = await allow(browser, first);
  expect([end.status >= 400, end.leftTo?.href]).toEqual([true, undefined]);
});

test('an id_token of one person does not let another through (id_token_hint)', async () => {
  const { body } = await askToken(app, exchangeFields(app, await codeFor(app, ada, { scope })));
  const browser = makeBrowser();
  await codeFor(app, ben, { browser, scope });
  const parameters = { id_token_hint: String(body['id_token']), prompt: 'none' };
  const page = await browser.go(authorizationUrl(app, { scope, parameters }));
  expect(page.leftTo?.searchParams.get('error')).toBe('login_required');
});

test('without a question only what needs none: prompt none never grants', async () => {
  const browser = makeBrowser();
  await codeFor(app, ada, { browser, scope });
  const page = await browser.go(authorizationUrl(app, { scope, parameters: { prompt: 'none' } }));
  expect(page.leftTo?.searchParams.get('error')).toBe('consent_required');
});

describe('signing out', () => {
  test('ends what was granted for as long as the person is there, tokens already issued included; offline stays', async () => {
    const browser = makeBrowser();
    const tokens = async (asked: string): Promise<Record<string, unknown>> =>
      (await askToken(app, exchangeFields(app, await codeFor(app, ada, { browser, scope: asked })))).body;
    const online = await tokens('openid online_access user/Patient.rs');
    const offline = await tokens('openid offline_access user/Patient.rs');
    expect((await askFhir(app, online['access_token'], 'Patient')).status).toBe(200);
    expect((await signOut(browser)).status).toBe(200);
    const refreshed = async ({ refresh_token: token }: Record<string, unknown>): Promise<number> =>
      (await askToken(app, { grant_type: 'refresh_token', refresh_token: String(token) })).status;
    expect(await refreshed(online)).toBe(400);
    expect(await refreshed(offline)).toBe(200);
    await wait(4_000);
    expect((await askFhir(app, online['access_token'], 'Patient')).status).toBe(401);
    expect((await browser.go(authorizationUrl(app, { scope }))).text).toContain('name="password"');
  }, 60_000);

  test('the cookies from before are worth nothing', async () => {
    const browser = makeBrowser();
    await codeFor(app, ada, { browser, scope });
    const kept = new Map(browser.cookies);
    await signOut(browser);
    const thief = makeBrowser();
    for (const [name, cookie] of kept) thief.cookies.set(name, cookie);
    expect((await thief.go(authorizationUrl(app, { scope }))).text).toContain('name="password"');
  });

  test('by an image or a link of another site nobody is signed out', async () => {
    const browser = makeBrowser();
    const { body } = await askToken(app, exchangeFields(app, await codeFor(app, ada, { browser, scope })));
    for (const query of [
      '',
      `?id_token_hint=${String(body['id_token'])}`,
      `?client_id=${app.clientId}`,
      '?logout=yes',
    ]) {
      await browser.go(`${app.issuer}/session/end${query}`);
      await browser.go(`${app.issuer}/session/end/confirm${query}`);
    }
    expect((await browser.go(authorizationUrl(app, { scope }))).text).toContain('name="decision"');
  });
});
