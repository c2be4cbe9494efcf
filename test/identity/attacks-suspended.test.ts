/** A suspended laboratory: no way in is open, what was given before is worth nothing, and afterwards it is as it was. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { setTenantStatus } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { askFhir, askToken, authorizationUrl, makeApp, makeBrowser, makePerson, type App, type Person } from './app.ts';
import { codeFor, exchangeFields, post, type Code } from './attack.ts';

let lab: Laboratory;
let app: App;
let person: Person;
let code: Code;
let tokens: Record<string, unknown>;
const browser = makeBrowser();

/** The server remembers a laboratory for 2 s; DESIGN promises 5. */
async function become(status: 'suspended' | 'active'): Promise<void> {
  await setTenantStatus(testDatabase(), lab.tenant.name, status);
  await new Promise((done) => setTimeout(done, 2_500));
}

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { dynamicRegistration: true } });
  app = await makeApp(lab);
  person = await makePerson(lab.tenant, { roles: ['technician'] });
  const scope = 'openid offline_access user/*.rs';
  tokens = (await askToken(app, exchangeFields(app, await codeFor(app, person, { browser, scope })))).body;
  code = await codeFor(app, person, { browser, scope });
  await become('suspended');
}, 60_000);

const paths = [
  '/.well-known/openid-configuration',
  '/fhir/.well-known/smart-configuration',
  '/fhir/metadata',
  '/jwks',
  '/auth',
  '/token',
  '/token/introspection',
  '/token/revocation',
  '/me',
  '/register',
  '/session/end',
  '/session/end/confirm',
  '/session/end/success',
  '/sign-in/x',
  '/account',
  '/account/password',
  '/account/invitation',
  '/account/reset',
  '/assets/style.css',
  '/brands.json',
  '/',
  '',
];

describe.each(['GET', 'POST'])('%s', (method) => {
  test.each(paths)('%s', async (path) => {
    const answer = await fetch(`${app.issuer}${path}`, { method, redirect: 'manual' });
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('is suspended')]);
  });
});

test('what was given before', async () => {
  expect((await browser.go(authorizationUrl(app))).status).toBe(403);
  expect((await post(`${app.issuer}/token`, exchangeFields(app, code))).status).toBe(403);
  const refreshing = {
    grant_type: 'refresh_token',
    client_id: app.clientId,
    refresh_token: String(tokens['refresh_token']),
  };
  expect((await post(`${app.issuer}/token`, refreshing)).status).toBe(403);
  expect((await askFhir(app, tokens['access_token'], 'Patient')).status).toBe(403);
});

test('afterwards', async () => {
  await become('active');
  expect((await askFhir(app, tokens['access_token'], 'Patient')).status).toBe(200);
  const refreshing = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) };
  expect((await askToken(app, refreshing)).status).toBe(200);
});
