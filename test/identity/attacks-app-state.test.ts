/** Attacks on SMART app state: what an app keeps is its own, about whom its token is, and within bounds. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { addClient } from '../../src/store/clients.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { askToken, makeApp, makeBrowser, makePerson, type App, type Person } from './app.ts';
import { assertionType, codeFor, exchangeFields, goodClaims, makeKeys, post, sign } from './attack.ts';

let lab: Laboratory;
let issuer: string;
let app: App;
let person: Person;
let token: string;
const browser = makeBrowser();
const system = 'https://app.example.org/prefs';
const scope = 'user/Basic.cuds';

async function tokenOf(one: App, asked = scope): Promise<string> {
  const { body } = await askToken(one, exchangeFields(one, await codeFor(one, person, { browser, scope: asked })));
  return String(body['access_token']);
}

beforeAll(async () => {
  lab = await makeLaboratory();
  issuer = lab.base.replace(/\/fhir$/, '');
  person = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab);
  token = await tokenOf(app);
});

/** `{base}` stands for the FHIR base. */
const about = (): object => ({ subject: { reference: '{base}/Practitioner/t1' } });
const basic = (code = 'display', more: object = {}): object => ({
  resourceType: 'Basic',
  code: { coding: [{ system, code }] },
  ...about(),
  ...more,
});

async function send(
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const written = (typeof body === 'string' ? body : (JSON.stringify(body) ?? '')).replace('{base}', lab.base);
  const answer = await fetch(`${issuer}/app-state/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json', ...headers },
    ...(body !== undefined && { body: written }),
  });
  return { status: answer.status, text: await answer.text() };
}

test('it works for whom it is meant', async () => {
  expect((await send('POST', 'Basic', basic())).status).toBe(201);
});

describe('hostile content', () => {
  test.each<[string, unknown]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a null in the code', basic('a\u0000b')],
    ['half a pair in the code', basic('a\ud800b')],
    ['a null in the system', { ...basic(), code: { coding: [{ system: `${system}\u0000`, code: 'x' }] } }],
    ['a null in the subject', basic('x', { subject: { reference: `${'https://a.example/Patient/1'}\u0000` } })],
    ['the subject as script', basic('x', { subject: { reference: 'javascript:alert(1)' } })],
    ['a prototype', '{"resourceType":"Basic","__proto__":{"code":1}}'],
    ['depth', `{"resourceType":"Basic","code":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['300 kB', basic('x', { extension: [{ url: 'https://app.example.org/x', valueString: 'x'.repeat(300_000) }] })],
    [
      'the code of another app',
      { ...basic(), code: { coding: [{ system: 'https://evil.example.org/prefs', code: 'x' }] } },
    ],
    [
      'a host that begins the same',
      { ...basic(), code: { coding: [{ system: 'https://app.example.org.evil.example/prefs', code: 'x' }] } },
    ],
    [
      'a user in front of the host',
      { ...basic(), code: { coding: [{ system: 'https://app.example.org@evil.example/prefs', code: 'x' }] } },
    ],
    ['another person', basic('x', { subject: { reference: '{base}/Practitioner/t2' } })],
    ['nobody, without the scope', basic('x', { subject: undefined })],
  ])('%s', async (_, body) => {
    const { status, text } = await send('POST', 'Basic', body);
    expect([status >= 400, status < 500]).toEqual([true, true]);
    expect(text).not.toMatch(/ at .*\.ts:\d+/);
  });

  test('a null in a search', async () => {
    const { status } = await send(
      'GET',
      `Basic?code=${encodeURIComponent(`${system}|a\u0000`)}&subject=${encodeURIComponent(`${lab.base}/Practitioner/t1`)}`,
      undefined,
    );
    expect(status).toBeLessThan(500);
  });
});

describe('who', () => {
  let id: string;
  beforeAll(async () => {
    id = (JSON.parse((await send('POST', 'Basic', basic('mine'))).text) as { id: string }).id;
  });
  const match = { 'if-match': 'W/"1"' };

  test('without a token, with the operator’s, with one of another laboratory: nothing', async () => {
    for (const authorization of [
      '',
      'Bearer x',
      `Bearer ${lab.token}`,
      `Bearer ${(await makeLaboratory()).token}`,
      'Bearer ',
    ]) {
      expect(
        (
          await send('GET', `Basic?code=${system}|mine&subject=${lab.base}/Practitioner/t1`, undefined, {
            authorization,
          })
        ).status,
      ).toBe(401);
    }
  });

  test('another app changes and deletes nothing, though it knows the id', async () => {
    const other = await makeApp(lab, { redirectUris: ['https://other.example.org/callback'] });
    const authorization = `Bearer ${await tokenOf(other)}`;
    expect((await send('PUT', `Basic/${id}`, basic('mine', { id }), { authorization, ...match })).status).toBe(403);
    expect((await send('DELETE', `Basic/${id}`, undefined, { authorization, ...match })).status).toBe(403);
  });

  test('the same app of another person changes nothing', async () => {
    const other = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t2' });
    const { body } = await askToken(app, exchangeFields(app, await codeFor(app, other, { scope })));
    const authorization = `Bearer ${String(body['access_token'])}`;
    expect((await send('PUT', `Basic/${id}`, basic('mine', { id }), { authorization, ...match })).status).toBe(403);
    expect((await send('DELETE', `Basic/${id}`, undefined, { authorization, ...match })).status).toBe(403);
  });

  test('the same app at another laboratory finds nothing under this id', async () => {
    const there = await makeLaboratory();
    const at = there.base.replace(/\/fhir$/, '');
    const its = await makeApp(there);
    const somebody = await makePerson(there.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
    const { body } = await askToken(its, exchangeFields(its, await codeFor(its, somebody, { scope })));
    const headers = { authorization: `Bearer ${String(body['access_token'])}`, ...match };
    expect((await fetch(`${at}/app-state/Basic/${id}`, { method: 'DELETE', headers })).status).toBe(412);
  });

  test('a machine has none', async () => {
    const keys = await makeKeys();
    await addClient(sessionOf(testDatabase(), lab.tenant.id), {
      id: 'robot-state',
      kind: 'backend',
      name: 'Robot',
      scopes: 'system/*.cruds',
      metadata: { jwks: { keys: [keys.publicJwk] } },
      createdBy: 'test',
      secretHash: undefined,
    });
    const assertion = await sign(keys, goodClaims({ clientId: 'robot-state', issuer }));
    const { body } = await post(`${issuer}/token`, {
      grant_type: 'client_credentials',
      scope: 'system/Basic.cruds',
      client_assertion_type: assertionType,
      client_assertion: assertion,
    });
    const authorization = `Bearer ${String(body['access_token'])}`;
    expect((await send('POST', 'Basic', basic('x'), { authorization })).status).toBe(403);
  });

  test('a token without the scope', async () => {
    const authorization = `Bearer ${await tokenOf(app, 'user/Patient.rs user/Basic.s')}`;
    expect((await send('POST', 'Basic', basic('x'), { authorization })).status).toBe(403);
  });
});

test('at most twenty of a kind, also when they come at once', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => send('POST', 'Basic', basic('many'))));
  expect(answers.filter(({ status }) => status === 201).length).toBeLessThanOrEqual(20);
});

test('it counts for the storage of the laboratory, and a full one takes no more', async () => {
  const full = await makeLaboratory({ settings: { storageLimit: 20_000 } });
  const at = full.base.replace(/\/fhir$/, '');
  const its = await makeApp(full);
  const somebody = await makePerson(full.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  const { body } = await askToken(its, exchangeFields(its, await codeFor(its, somebody, { scope })));
  const authorization = `Bearer ${String(body['access_token'])}`;
  const put = async (code: string, length: number): Promise<Response> => {
    const extension = [{ url: system, valueString: 'x'.repeat(length) }];
    const sent = JSON.stringify(basic(code, { extension })).replace('{base}', full.base);
    return await fetch(`${at}/app-state/Basic`, { method: 'POST', headers: { authorization }, body: sent });
  };
  const first = await put('a', 12_000);
  expect(first.status).toBe(201);
  expect((await put('b', 12_000)).status).toBe(507);
  const { id } = (await first.json()) as { id: string };
  const headers = { authorization, 'if-match': 'W/"1"' };
  expect((await fetch(`${at}/app-state/Basic/${id}`, { method: 'DELETE', headers })).status).toBe(204);
  expect((await put('b', 12_000)).status).toBe(201);
});
