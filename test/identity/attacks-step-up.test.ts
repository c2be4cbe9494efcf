/** RFC 9470, RFC 9700 §4.4.2: a sign-in by password alone does not pass for one with a second factor, whatever is asked for. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { passwordAcr, secondFactorAcr } from '../../src/access/authentication.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { askFhir, askToken, authorizationUrl, makeApp, makeBrowser, makePerson, type App, type Person } from './app.ts';
import { codeFor, exchangeFields } from './attack.ts';

let lab: Laboratory;
let app: App;
let person: Person;
const browser = makeBrowser();

const scope = 'openid user/Patient.rs';

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { secondFactorRoles: [] } });
  app = await makeApp(lab, { scopes: 'openid user/*.cruds manage/users' });
  person = await makePerson(lab.tenant, { roles: ['administrator'] });
  await codeFor(app, person, { browser, scope });
});

async function acrOf(parameters: Record<string, string>): Promise<unknown> {
  const { body } = await askToken(app, exchangeFields(app, await codeFor(app, person, { browser, scope, parameters })));
  const [, payload = ''] = String(body['id_token']).split('.');
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { acr?: unknown }).acr;
}

const claims = (acr: object): string => JSON.stringify({ id_token: { acr } });

describe('asking for a level that was not reached', () => {
  test.each([
    ['acr_values and no page', { acr_values: secondFactorAcr, prompt: 'none' }],
    ['acr_values among others and no page', { acr_values: `${secondFactorAcr} ${passwordAcr}`, prompt: 'none' }],
    ['an essential claim and no page', { claims: claims({ essential: true, value: secondFactorAcr }), prompt: 'none' }],
  ])('%s: no code', async (_, parameters) => {
    const page = await browser.go(authorizationUrl(app, { scope, parameters }));
    expect(page.leftTo?.searchParams.get('code') ?? null).toBeNull();
  });

  test.each([
    ['nothing', {}],
    ['a level of the attacker’s own', { acr_values: 'urn:example:highest' }],
    ['a voluntary claim', { claims: claims({ value: secondFactorAcr }) }],
    ['the level under another name', { acr: secondFactorAcr, amr: 'mfa' }],
  ])('%s: the id_token says what was', async (_, parameters) => {
    expect(await acrOf(parameters as Record<string, string>)).not.toBe(secondFactorAcr);
  });
});

test('a token by password alone changes no user, and the answer says what is missing', async () => {
  const asked = 'openid manage/users';
  const { body } = await askToken(app, exchangeFields(app, await codeFor(app, person, { browser, scope: asked })));
  expect(String(body['scope'])).toContain('manage/users');
  const headers = { 'content-type': 'application/fhir+json' };
  const parameter = [{ name: 'username', valueString: 'mallory' }];
  for (const name of ['$user-add', '$user-set', '$user-reset', '$user-disable', '$client-add', '$role-set']) {
    const init = { method: 'POST', headers, body: JSON.stringify({ resourceType: 'Parameters', parameter }) };
    const answer = await askFhir(app, body['access_token'], name, init);
    expect([name, answer.status]).toEqual([name, name.startsWith('$user') ? 401 : 403]);
    if (name.startsWith('$user'))
      expect(answer.headers.get('www-authenticate')).toContain('insufficient_user_authentication');
  }
});

test('an old sign-in does not pass for a fresh one', async () => {
  await new Promise((done) => setTimeout(done, 2_100));
  const silent = await browser.go(authorizationUrl(app, { scope, parameters: { max_age: '1', prompt: 'none' } }));
  expect(silent.leftTo?.searchParams.get('error')).toBe('login_required');
  const page = await browser.go(authorizationUrl(app, { scope, parameters: { max_age: '1' } }));
  expect(page.text).toContain('name="password"');
  const login = await browser.go(authorizationUrl(app, { scope, parameters: { prompt: 'login' } }));
  expect(login.text).toContain('name="password"');
});
