/** SMART backend services and private_key_jwt. https://hl7.org/fhir/smart-app-launch/backend-services.html */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { askFhir, askToken, makeApp, makePerson, signInTo, type App, type TokenAnswer } from './app.ts';
import { assertion, assertionType, makeKeys, type ClientKeys } from './key-pairs.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
});

async function backend(keys: ClientKeys, scopes = 'system/Observation.rs system/Patient.rs'): Promise<App> {
  return await makeApp(lab, { kind: 'backend', scopes, jwks: { keys: [keys.publicJwk] } });
}

async function ask(app: App, clientAssertion: string, scope = 'system/Observation.rs'): Promise<TokenAnswer> {
  const { status, body } = await askToken(
    { ...app, secret: undefined },
    {
      grant_type: 'client_credentials',
      scope,
      client_assertion_type: assertionType,
      client_assertion: clientAssertion,
    },
  );
  return { status, body };
}

describe.each(['RS384', 'ES384'] as const)('backend services with %s', (algorithm) => {
  let keys: ClientKeys;
  let app: App;

  beforeAll(async () => {
    keys = await makeKeys(algorithm);
    app = await backend(keys);
  });

  const claims = (): { clientId: string; audience: string } => ({
    clientId: app.clientId,
    audience: `${app.issuer}/token`,
  });

  test('a token for at most five minutes, good for what was asked', async () => {
    const { status, body } = await ask(app, await assertion(keys, claims()));
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'system/Observation.rs' });
    expect(body).not.toHaveProperty('refresh_token');
    expect((await askFhir(app, body['access_token'], 'Observation')).status).toBe(200);
    expect((await askFhir(app, body['access_token'], 'Patient')).status).toBe(403);
  });

  test('of what is asked only what it was registered for', async () => {
    const { body } = await ask(app, await assertion(keys, claims()), 'system/*.cruds user/*.rs openid');
    expect(body['scope']).toBe('system/Observation.rs system/Patient.rs');
    const nothing = await ask(app, await assertion(keys, claims()), 'system/Encounter.rs');
    expect(nothing).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
  });

  test('the same assertion twice', async () => {
    const used = await assertion(keys, claims());
    expect((await ask(app, used)).status).toBe(200);
    expect(await ask(app, used)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  test('of the same assertion at once one is taken', async () => {
    const used = await assertion(keys, claims());
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(app, used)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  const wrong: [string, () => Promise<string>][] = [
    ['another key', async () => assertion(await makeKeys(algorithm), claims())],
    ['another audience', async () => assertion(keys, { ...claims(), audience: 'https://elsewhere.example/token' })],
    ['another client', async () => assertion(keys, { ...claims(), clientId: 'nobody' })],
    ['expired', async () => assertion(keys, { ...claims(), expiresIn: -60 })],
    ['good for too long', async () => assertion(keys, { ...claims(), expiresIn: 900 })],
    ['another type', async () => assertion(keys, { ...claims(), header: { typ: 'at+jwt' } })],
    ['keys from elsewhere', async () => assertion(keys, { ...claims(), header: { jku: 'https://evil.example/jwks' } })],
  ];
  test.each(wrong)('refuses an assertion: %s', async (_, make) => {
    expect((await ask(app, await make())).status).toBe(401);
  });
});

describe('keys at an address', () => {
  let site: Server;
  let served: () => { status?: number; headers?: Record<string, string>; text: string };
  let asked = 0;
  let address: string;

  beforeAll(async () => {
    site = createServer((_request, response) => {
      asked += 1;
      const { status = 200, headers = {}, text } = served();
      response.writeHead(status, headers).end(text);
    });
    await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
    address = `http://127.0.0.1:${(site.address() as AddressInfo).port}/jwks`;
  });
  afterAll(async () => {
    await new Promise((done) => site.close(done));
  });

  async function atAddress(keys: ClientKeys): Promise<() => Promise<TokenAnswer>> {
    const app = await makeApp(lab, { kind: 'backend', scopes: 'system/Patient.rs', jwksUri: address });
    const claims = { clientId: app.clientId, audience: `${app.issuer}/token` };
    return async () => ask(app, await assertion(keys, claims), 'system/Patient.rs');
  }

  test('are fetched, and not again for each token', async () => {
    const keys = await makeKeys('ES384');
    served = () => ({ text: JSON.stringify({ keys: [keys.publicJwk] }) });
    const token = await atAddress(keys);
    asked = 0;
    expect((await token()).status).toBe(200);
    expect((await token()).status).toBe(200);
    expect(asked).toBe(1);
  });

  const bad: [string, () => { status?: number; headers?: Record<string, string>; text: string }][] = [
    ['too large', () => ({ text: `{"keys":[],"x":"${'x'.repeat(100_000)}"}` })],
    ['no JSON', () => ({ text: 'hello' })],
    ['not there', () => ({ status: 404, text: '' })],
    ['a redirect', () => ({ status: 302, headers: { location: `${address}?x` }, text: '' })],
  ];
  test.each(bad)('%s: no token', async (_, answer) => {
    served = answer;
    const token = await atAddress(await makeKeys('ES384'));
    expect((await token()).status).toBe(401);
  });
});

describe('an app for people with keys', () => {
  test('authenticates with them', async () => {
    const keys = await makeKeys('ES384');
    const app = await makeApp(lab, { kind: 'asymmetric', jwks: { keys: [keys.publicJwk] } });
    const person = await makePerson(lab.tenant, { roles: ['technician'] });
    const client = await assertion(keys, { clientId: app.clientId, audience: app.issuer });
    const extra = { client_assertion_type: assertionType, client_assertion: client };
    const answer = await signInTo(app, person, { scope: 'user/Patient.rs', tokenFields: extra });
    expect(answer).toMatchObject({ status: 200, body: { scope: 'user/Patient.rs' } });
    const without = await signInTo(app, person, { scope: 'user/Patient.rs' });
    expect(without).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });
});
