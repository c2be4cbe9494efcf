/**
 * Users from the invitation to the last day, from outside: an administrator with an application of his own, people with a
 * browser, the FHIR interface with the tokens that come of it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { generateSync } from 'otplib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { confirmTotp, startTotp } from '../../src/identity/totp.ts';
import { accountById } from '../../src/identity/accounts.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import {
  askFhir,
  askToken,
  authorizationUrl,
  authorize,
  formOf,
  makeApp,
  makeBrowser,
  makePerson,
  makePkce,
  signInTo,
  testIdentity,
  type App,
  type Browser,
  type Page,
  type Person,
} from '../identity/app.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { writeRole } from '../../src/store/roles.ts';
import { changeTenantSettings } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

const managing = 'manage/users manage/roles';
const password = 'seven herons over the lagoon';

let lab: Laboratory;
let console_: App;
let app: App;
let chief: Person;
let secret: string;
let managerToken: unknown;

beforeAll(async () => {
  lab = await makeLaboratory({ scopes: 'system/*.cruds' });
  console_ = await makeApp(lab, { scopes: `openid user/*.cruds ${managing}` });
  app = await makeApp(lab, { scopes: 'openid offline_access user/*.cruds' });
  chief = await makePerson(lab.tenant, { roles: ['administrator'] });
  secret = await enrol(chief);
  managerToken = await managerSignsIn();
}, 60_000);

async function enrol(person: Person, at = lab): Promise<string> {
  const identity = testIdentity();
  const account = await accountById(identity, at.tenant, person.id);
  if (account === undefined) throw new Error('There is no such account.');
  const shown = { acr: 'urn:makhbar:acr:password', authTime: Date.now() / 1_000 };
  const enrolment = await startTotp(identity, at.tenant, account, { label: 'phone', shown });
  // The step before, so that the one of now is still there.
  const code = generateSync({ secret: enrolment.secret, epoch: Math.floor(Date.now() / 1_000) - 30 });
  await confirmTotp(identity, at.tenant, { account, address: '192.0.2.1', code });
  return enrolment.secret;
}

/** Name and password, then the code. */
async function signInWithCode(browser: Browser, url: string, person: Person, of: string): Promise<Page> {
  let page = await browser.go(url);
  if (/name="password"/.test(page.text)) {
    page = await browser.submit(page, [
      ['username', person.username],
      ['password', person.password],
    ]);
  }
  expect(page.text).toContain('name="code"');
  const code = generateSync({ secret: of, epoch: Math.floor(Date.now() / 1_000) });
  page = await browser.submit(page, [
    ['factor', 'totp'],
    ['code', code],
  ]);
  if (!/name="decision"/.test(page.text)) return page;
  const offered = [...page.text.matchAll(/name="scope"\s+value="([^"]*)"/g)].map(([, value = '']): [string, string] => [
    'scope',
    value,
  ]);
  return browser.submit(page, [['decision', 'allow'], ...offered]);
}

async function tokenFrom(used: App, page: Page, verifier: string): Promise<unknown> {
  const code = page.leftTo?.searchParams.get('code') ?? '';
  const fields = { grant_type: 'authorization_code', code, redirect_uri: used.redirectUri, code_verifier: verifier };
  const answer = await askToken(used, fields);
  expect(answer.status).toBe(200);
  return answer.body['access_token'];
}

async function managerSignsIn(): Promise<unknown> {
  const pkce = makePkce();
  const url = authorizationUrl(console_, { scope: `openid user/*.cruds ${managing}`, pkce });
  return tokenFrom(console_, await signInWithCode(makeBrowser(), url, chief, secret), pkce.verifier);
}

async function manage(
  name: string,
  values: Record<string, string | string[]>,
  token = managerToken,
): Promise<Response> {
  const parameter = Object.entries(values).flatMap(([key, value]) =>
    [value].flat().map((one) => ({ name: key, valueString: one })),
  );
  const body = JSON.stringify({ resourceType: 'Parameters', parameter });
  return askFhir(console_, token, name, { method: 'POST', body, headers: { 'content-type': 'application/fhir+json' } });
}

async function linkFrom(answer: Response): Promise<string> {
  const { parameter } = (await answer.json()) as { parameter: JsonObject[] };
  return String(parameter.find(({ name }) => name === 'link')?.['valueUrl']);
}

/** Asks until the answer has the status; how long that took. */
/** What is remembered for two seconds is seen within five on a quiet machine; a token lives for five minutes. */
const seconds = 60_000;

async function until(status: number, ask: () => Promise<Response>): Promise<number> {
  const begun = performance.now();
  while ((await ask()).status !== status) {
    if (performance.now() - begun > 60_000) return Infinity;
    await pause(100);
  }
  return performance.now() - begun;
}

describe('from the invitation to the last day', () => {
  test('invited, signs in, works, gets another role, leaves: each is seen within seconds', async () => {
    const username = 'Sara.Nasser';
    const added = await manage('$user-add', {
      username,
      display: 'Sara',
      fhirUser: 'Practitioner/sara',
      role: 'technician',
    });
    expect(added.status).toBe(200);
    const link = await linkFrom(added);
    expect(link.startsWith(`${console_.issuer}/account/invitation/`)).toBe(true);

    const browser = makeBrowser();
    const greeting = await browser.go(link);
    expect([greeting.status, greeting.text.includes('Sara')]).toEqual([200, true]);
    expect(greeting.headers.get('referrer-policy')).toBe('no-referrer');
    const weak = await browser.submit(greeting, [
      ['password', 'sara.nasser-2026'],
      ['again', 'sara.nasser-2026'],
    ]);
    expect(weak.status).toBe(422);
    expect(
      (
        await browser.submit(weak, [
          ['password', password],
          ['again', password],
        ])
      ).status,
    ).toBe(200);
    expect((await makeBrowser().go(link)).status).toBe(404);

    const sara: Person = { id: '', username, password };
    const answer = await signInTo(app, sara, { scope: 'openid offline_access user/*.cruds' });
    const token = answer.body['access_token'];
    const read = (type: string) => () => askFhir(app, token, type);
    expect([(await read('Observation')()).status, (await read('AuditEvent')()).status]).toEqual([200, 403]);

    await manage('$user-set', { username, role: 'reception' });
    expect(await until(403, read('Observation'))).toBeLessThan(seconds);
    expect((await read('Consent')()).status).toBe(200);

    expect((await manage('$user-disable', { username })).status).toBe(200);
    expect(await until(401, read('Consent'))).toBeLessThan(seconds);
    const refresh = { grant_type: 'refresh_token', refresh_token: String(answer.body['refresh_token']) };
    expect((await askToken(app, refresh)).body).toMatchObject({ error: 'invalid_grant' });
    const page = await authorize(app, sara, { scope: 'openid user/*.cruds' });
    expect([page.leftTo, page.status]).toEqual([undefined, 422]);
  }, 60_000);

  test('an administrator manages and reads no clinical data, whatever the token asked for', async () => {
    const statuses = async (token: unknown, ...types: string[]): Promise<number[]> =>
      Promise.all(types.map(async (type) => (await askFhir(console_, token, type)).status));
    expect(await statuses(managerToken, 'Practitioner', 'ActivityDefinition')).toEqual([200, 200]);
    expect(await statuses(managerToken, 'Patient', 'Observation', 'DiagnosticReport', 'AuditEvent', 'Consent')).toEqual(
      [403, 403, 403, 403, 403],
    );
    const everything = await askFhir(console_, managerToken, '$graphql?query={PatientList{id}}');
    expect(everything.status).toBe(403);
  });

  test('nobody raises himself: not by a role, not by changing one that he holds', async () => {
    const raised = await manage('$user-set', { username: chief.username, role: ['administrator', 'pathologist'] });
    const changed = await manage('$role-set', {
      name: 'administrator',
      title: 'x',
      consent: 'exempt',
      clearance: 'all',
    });
    expect([raised.status, changed.status]).toEqual([403, 403]);
  });

  test('a role that was given in the token but is no longer understood grants nothing', async () => {
    const person = await makePerson(lab.tenant, { roles: ['phlebotomist'] });
    const { body } = await signInTo(app, person, { scope: 'user/*.cruds' });
    const read = () => askFhir(app, body['access_token'], 'Patient');
    expect((await read()).status).toBe(200);
    const damaged = { name: 'phlebotomist', definition: '{"name":"phlebotomist","scopes":["user/*.cruds"]}' };
    await writeRole(sessionOf(testDatabase(), lab.tenant.id), damaged, { by: 'x', now: Date.now() });
    expect(await until(403, read)).toBeLessThan(seconds);
    expect((await manage('$role-delete', { name: 'phlebotomist' })).status).toBe(200);
    expect(await until(200, read)).toBeLessThan(seconds);
  }, 30_000);
});

describe('a role that demands a second factor', () => {
  test('grants nothing to who signed in before it was given, by password; a new sign-in asks for the factor', async () => {
    const person = await makePerson(lab.tenant, { roles: ['reception'] });
    const { body } = await signInTo(app, person, { scope: 'user/*.cruds' });
    const read = (type: string, token = body['access_token']): Promise<Response> => askFhir(app, token, type);
    expect((await read('Consent')).status).toBe(200);
    await manage('$user-set', { username: person.username, role: ['technician', 'pathologist'] });
    // The technician's scopes come, the pathologist's do not.
    expect(await until(200, () => read('Observation'))).toBeLessThan(seconds);
    expect(await until(403, () => read('Consent'))).toBeLessThan(seconds);
    expect((await read('Communication')).status).toBe(403);
    const own = await enrol(person);
    const pkce = makePkce();
    const url = authorizationUrl(app, { scope: 'user/*.cruds', pkce });
    const strong = await tokenFrom(app, await signInWithCode(makeBrowser(), url, person, own), pkce.verifier);
    expect((await read('Communication', strong)).status).toBe(200);
  }, 60_000);

  test('so does one that the laboratory’s setting names from now on', async () => {
    const own = await makeLaboratory({ settings: { secondFactorRoles: [] } });
    const used = await makeApp(own, { scopes: 'user/*.cruds' });
    const person = await makePerson(own.tenant, { roles: ['pathologist'] });
    const { body } = await signInTo(used, person, { scope: 'user/*.cruds' });
    const read = () => askFhir(used, body['access_token'], 'Observation');
    expect((await read()).status).toBe(200);
    await changeTenantSettings(testDatabase(), own.tenant.name, { secondFactorRoles: ['pathologist'] });
    expect(await until(403, read)).toBeLessThan(seconds);
  }, 30_000);
});

describe('step-up', () => {
  test('a token by password alone is sent to sign in again; with acr_values and max_age the same browser is asked for the code', async () => {
    const own = await makeLaboratory({ settings: { secondFactorRoles: [] } });
    const used = await makeApp(own, { scopes: `openid ${managing}` });
    const person = await makePerson(own.tenant, { roles: ['administrator'] });
    const browser = makeBrowser();
    const pkce = makePkce();
    const first = await authorize(used, person, { scope: `openid ${managing}`, browser, pkce });
    const weak = await tokenFrom(used, first, pkce.verifier);
    const add = (token: unknown): Promise<Response> =>
      askFhir(used, token, '$user-add', {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json' },
        body: '{"resourceType":"Parameters","parameter":[{"name":"username","valueString":"new.user"}]}',
      });
    const refused = await add(weak);
    const challenge = refused.headers.get('www-authenticate') ?? '';
    expect([refused.status, challenge]).toEqual([
      401,
      expect.stringContaining('error="insufficient_user_authentication"'),
    ]);
    const asked = Object.fromEntries(
      ['acr_values', 'max_age'].map((name) => [name, new RegExp(`${name}="([^"]+)"`).exec(challenge)?.[1]]),
    );
    const ownSecret = await enrol(person, own);
    const again = makePkce();
    const url = authorizationUrl(used, { scope: `openid ${managing}`, pkce: again, parameters: asked });
    const strong = await tokenFrom(used, await signInWithCode(browser, url, person, ownSecret), again.verifier);
    expect((await add(strong)).status).toBe(200);
  }, 60_000);
});

describe('lock-out', () => {
  test('thirty forms at once: five are looked at, also when one of the others is right', async () => {
    const person = await makePerson(lab.tenant, { roles: ['reception'] });
    const pages = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const browser = makeBrowser();
        return { browser, page: await browser.go(authorizationUrl(app, { scope: 'openid user/Patient.rs' })) };
      }),
    );
    expect(
      formOf(pages[0]?.page ?? { url: '', status: 0, text: '', headers: new Headers(), leftTo: undefined }).csrf,
    ).not.toBe('');
    const wrong = await Promise.all(
      pages.slice(0, 29).map(({ browser, page }) =>
        browser.submit(page, [
          ['username', person.username],
          ['password', 'not this one at all'],
        ]),
      ),
    );
    const said = Map.groupBy(wrong, ({ text }) => (/too many/i.test(text) ? 'locked' : 'credentials'));
    expect([said.get('credentials')?.length, said.get('locked')?.length]).toEqual([5, 24]);
    const last = pages[29];
    const right = await last?.browser.submit(last.page, [
      ['username', person.username],
      ['password', person.password],
    ]);
    expect([right?.leftTo, /too many/i.test(right?.text ?? '')]).toEqual([undefined, true]);
  }, 60_000);
});
