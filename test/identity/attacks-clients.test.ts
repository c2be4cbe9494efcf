/**
 * Attacks on how applications prove who they are: RFC 9700 §2.5, RFC 6819 §4.3, RFC 7523 §3, RFC 8725 (JWT BCP), and SMART's
 * client-confidential-asymmetric.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportSPKI, importJWK, SignJWT } from 'jose';
import { addClient, secretHash } from '../../src/store/clients.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { makeApp, makeBrowser, makePerson, type App, type Person } from './app.ts';
import {
  assertionType,
  basic,
  codeFor,
  exchangeFields,
  goodClaims,
  makeKeys,
  post,
  rawJwt,
  sign,
  type KeyPair,
} from './attack.ts';

let lab: Laboratory;
let robot: { clientId: string; issuer: string };
let keys: KeyPair;
let rsaKeys: KeyPair;
let foreign: KeyPair;
let person: Person;
let asymmetric: App;
let confidential: App;
/** Signed in once. */
const browser = makeBrowser();

beforeAll(async () => {
  lab = await makeLaboratory();
  [keys, rsaKeys, foreign] = await Promise.all([makeKeys('ES384'), makeKeys('RS384'), makeKeys('ES384')]);
  person = await makePerson(lab.tenant, { roles: ['technician'] });
  await addClient(sessionOf(testDatabase(), lab.tenant.id), {
    id: 'robot',
    kind: 'backend',
    name: 'Robot',
    scopes: 'system/Patient.rs system/Observation.rs',
    metadata: { jwks: { keys: [keys.publicJwk, rsaKeys.publicJwk] } },
    createdBy: 'test',
    secretHash: undefined,
  });
  robot = { clientId: 'robot', issuer: lab.base.replace(/\/fhir$/, '') };
  asymmetric = await makeApp(lab, { kind: 'asymmetric', jwks: { keys: [keys.publicJwk] } });
  confidential = await makeApp(lab, { kind: 'confidential' });
});

function ask(assertion: string, more: Record<string, string> = {}): ReturnType<typeof post> {
  return post(`${robot.issuer}/token`, {
    grant_type: 'client_credentials',
    scope: 'system/Patient.rs',
    client_assertion_type: assertionType,
    client_assertion: assertion,
    ...more,
  });
}

const refused = { status: 401, body: { error: 'invalid_client' } };

test.each([
  ['ES384', () => keys],
  ['RS384', () => rsaKeys],
])('a good assertion by %s is taken', async (_, chosen) => {
  const { status, body } = await ask(await sign(chosen(), goodClaims(robot)));
  expect([status, body['expires_in'], body['scope']]).toEqual([200, 300, 'system/Patient.rs']);
  expect(body).not.toHaveProperty('refresh_token');
});

const now = (): number => Math.floor(Date.now() / 1000);

describe('RFC 7523 §3 claims of an assertion', () => {
  test.each<[string, () => Record<string, unknown>]>([
    ['iss of another', () => ({ iss: 'other' })],
    ['no iss', () => ({ iss: undefined })],
    ['sub of another', () => ({ sub: 'other' })],
    ['no sub', () => ({ sub: undefined })],
    ['aud of another server', () => ({ aud: 'https://evil.example.org/token' })],
    ['aud of the FHIR base', () => ({ aud: lab.base })],
    ['no aud', () => ({ aud: undefined })],
    ['empty aud', () => ({ aud: [] })],
    ['no exp', () => ({ exp: undefined })],
    ['expired', () => ({ exp: now() - 60, iat: now() - 120 })],
    ['exp further than five minutes', () => ({ exp: now() + 3_600 })],
    ['exp as text', () => ({ exp: String(now() + 60) })],
    ['exp without end', () => ({ exp: 1e300 })],
    ['nbf in the future', () => ({ nbf: now() + 120 })],
    ['iat in the future', () => ({ iat: now() + 600, exp: now() + 700 })],
    ['no jti', () => ({ jti: undefined })],
    ['empty jti', () => ({ jti: '' })],
    ['jti that is no text', () => ({ jti: 7 })],
    ['jti of 10,000 characters', () => ({ jti: 'x'.repeat(10_000) })],
  ])('%s', async (_, change) => {
    expect(await ask(await sign(keys, { ...goodClaims(robot), ...change() }))).toMatchObject(refused);
  });

  test('the same assertion twice, one after the other and at once', async () => {
    const assertion = await sign(keys, goodClaims(robot));
    expect((await ask(assertion)).status).toBe(200);
    expect(await ask(assertion)).toMatchObject(refused);
    const other = await sign(keys, goodClaims(robot));
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(other)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('the same jti in another assertion', async () => {
    const jti = randomUUID();
    expect((await ask(await sign(keys, { ...goodClaims(robot), jti }))).status).toBe(200);
    expect(await ask(await sign(keys, { ...goodClaims(robot), jti, exp: now() + 200 }))).toMatchObject(refused);
  });
});

describe('RFC 8725 §2, §3 algorithms and keys', () => {
  test.each<[string, () => Promise<string> | string]>([
    ['none', () => rawJwt({ alg: 'none', typ: 'JWT', kid: keys.publicJwk.kid }, goodClaims(robot))],
    ['None in other letters', () => rawJwt({ alg: 'NonE', typ: 'JWT', kid: keys.publicJwk.kid }, goodClaims(robot))],
    [
      'none with the signature of another',
      async () => {
        const [, , signature = ''] = (await sign(keys, goodClaims(robot))).split('.');
        return rawJwt({ alg: 'none', typ: 'JWT', kid: keys.publicJwk.kid }, goodClaims(robot), signature);
      },
    ],
    ['no signature', async () => `${(await sign(keys, goodClaims(robot))).split('.').slice(0, 2).join('.')}.`],
    [
      'other claims under a good signature',
      async () => {
        const [header = '', , signature = ''] = (await sign(keys, goodClaims(robot))).split('.');
        return `${header}.${Buffer.from(JSON.stringify(goodClaims(robot))).toString('base64url')}.${signature}`;
      },
    ],
    [
      'HS256 with the public key as secret, as PEM',
      async () => hmac('HS256', await exportSPKI((await importJWK(rsaKeys.publicJwk, 'RS384')) as never)),
    ],
    ['HS384 with the public key as secret, as JWK', async () => hmac('HS384', JSON.stringify(rsaKeys.publicJwk))],
    ['HS256 with the id of the client', () => hmac('HS256', 'robot')],
    ['a foreign key under the kid of a good one', () => sign(foreign, goodClaims(robot), { kid: keys.publicJwk.kid })],
    ['a foreign key', () => sign(foreign, goodClaims(robot))],
    ['no kid', () => sign(keys, goodClaims(robot), { kid: undefined })],
    ['a kid that is a path', () => sign(foreign, goodClaims(robot), { kid: '../../../../dev/null' })],
    ['a kid that is SQL', () => sign(foreign, goodClaims(robot), { kid: "x' or '1'='1" })],
    ['its own key in the header', () => sign(foreign, goodClaims(robot), { jwk: foreign.publicJwk })],
    [
      'the address of its keys in the header',
      () => sign(foreign, goodClaims(robot), { jku: 'https://evil.example.org/jwks' }),
    ],
    [
      'the address of a certificate in the header',
      () => sign(foreign, goodClaims(robot), { x5u: 'https://evil.example.org/cert' }),
    ],
    ['a certificate in the header', () => sign(foreign, goodClaims(robot), { x5c: ['MIIB'] })],
    [
      'an unknown critical extension',
      () => sign(keys, goodClaims(robot), { crit: ['x'], x: 1 }).catch(() => 'refused by the signer'),
    ],
    [
      'another algorithm of the same family',
      async () =>
        new SignJWT(goodClaims(robot))
          .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: rsaKeys.publicJwk.kid })
          .sign((await rsaAs('RS256')) as never),
    ],
    [
      'PS384 by an RS384 key',
      async () =>
        new SignJWT(goodClaims(robot))
          .setProtectedHeader({ alg: 'PS384', typ: 'JWT', kid: rsaKeys.publicJwk.kid })
          .sign((await rsaAs('PS384')) as never),
    ],
    ['an access token as assertion', () => lab.token],
    ['no JWT', () => 'x'],
    ['nothing', () => ''],
    ['100 kB', async () => sign(keys, { ...goodClaims(robot), padding: 'x'.repeat(100_000) })],
  ])('%s', async (_, make) => {
    const { status, body } = await ask(await make());
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body['error']).toMatch(/invalid_client|invalid_request/);
    expect(body).not.toHaveProperty('access_token');
  });

  function hmac(alg: string, secret: string): string {
    const input = rawJwt({ alg, typ: 'JWT', kid: rsaKeys.publicJwk.kid }, goodClaims(robot)).replace(/\.$/, '');
    const digest = createHmac(alg === 'HS256' ? 'sha256' : 'sha384', secret)
      .update(input)
      .digest('base64url');
    return `${input}.${digest}`;
  }

  async function rsaAs(algorithm: string): Promise<unknown> {
    const { exportJWK } = await import('jose');
    return await importJWK({ ...(await exportJWK(rsaKeys.privateKey)), alg: algorithm }, algorithm);
  }
});

describe('RFC 9700 §2.5 a weaker way of proving who it is', () => {
  test.each<[string, () => ReturnType<typeof post>]>([
    [
      'a machine: nothing but its id',
      async () =>
        post(`${robot.issuer}/token`, {
          grant_type: 'client_credentials',
          client_id: 'robot',
          scope: 'system/Patient.rs',
        }),
    ],
    [
      'a machine: a secret in the header',
      async () =>
        post(
          `${robot.issuer}/token`,
          { grant_type: 'client_credentials', scope: 'system/Patient.rs' },
          basic('robot', 'x'),
        ),
    ],
    [
      'a machine: an empty secret',
      async () =>
        post(
          `${robot.issuer}/token`,
          { grant_type: 'client_credentials', scope: 'system/Patient.rs' },
          basic('robot', ''),
        ),
    ],
    [
      'a machine: the word undefined as secret',
      async () =>
        post(`${robot.issuer}/token`, {
          grant_type: 'client_credentials',
          client_id: 'robot',
          client_secret: 'undefined',
        }),
    ],
    [
      'a machine: another type of assertion',
      async () =>
        ask(await sign(keys, goodClaims(robot)), {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
        }),
    ],
    [
      'a machine: an assertion and a secret',
      async () => ask(await sign(keys, goodClaims(robot)), { client_secret: 'x' }),
    ],
    [
      'a machine: the assertion of another client’s name',
      async () => ask(await sign(keys, goodClaims(robot)), { client_id: asymmetric.clientId }),
    ],
    [
      'an app with keys: nothing',
      async () =>
        post(`${robot.issuer}/token`, exchangeFields(asymmetric, await codeFor(asymmetric, person, { browser }))),
    ],
    [
      'an app with keys: a secret',
      async () =>
        post(
          `${robot.issuer}/token`,
          exchangeFields(asymmetric, await codeFor(asymmetric, person, { browser })),
          basic(asymmetric.clientId, 'x'),
        ),
    ],
    [
      'an app with a secret: nothing',
      async () =>
        post(`${robot.issuer}/token`, exchangeFields(confidential, await codeFor(confidential, person, { browser }))),
    ],
    [
      'an app with a secret: an empty one',
      async () =>
        post(
          `${robot.issuer}/token`,
          exchangeFields(confidential, await codeFor(confidential, person, { browser })),
          basic(confidential.clientId, ''),
        ),
    ],
    [
      'an app with a secret: its hash',
      async () =>
        post(
          `${robot.issuer}/token`,
          exchangeFields(confidential, await codeFor(confidential, person, { browser })),
          basic(confidential.clientId, secretHash(confidential.secret ?? '')),
        ),
    ],
    [
      'an app with a secret: an assertion',
      async () => {
        const assertion = await sign(keys, goodClaims(confidential));
        const fields = exchangeFields(confidential, await codeFor(confidential, person, { browser }));
        return post(`${robot.issuer}/token`, {
          ...fields,
          client_assertion_type: assertionType,
          client_assertion: assertion,
        });
      },
    ],
    [
      'an app with a secret: HS256 by its secret',
      async () => {
        const input = rawJwt({ alg: 'HS256', typ: 'JWT', kid: 'x' }, goodClaims(confidential)).replace(/\.$/, '');
        const assertion = `${input}.${createHmac('sha256', confidential.secret ?? '')
          .update(input)
          .digest('base64url')}`;
        const fields = exchangeFields(confidential, await codeFor(confidential, person, { browser }));
        return post(`${robot.issuer}/token`, {
          ...fields,
          client_assertion_type: assertionType,
          client_assertion: assertion,
        });
      },
    ],
  ])('%s', async (_, attack) => {
    const { status, body } = await attack();
    expect([400, 401]).toContain(status);
    expect(body['error']).toMatch(/invalid_client|invalid_request/);
    expect(body).not.toHaveProperty('access_token');
  });

  test.each(['client_credentials', 'password'])(
    'an application for people gets no token for itself by %s',
    async (grant) => {
      const { status, body } = await post(
        `${robot.issuer}/token`,
        { grant_type: grant, scope: 'system/*.rs' },
        basic(confidential.clientId, confidential.secret ?? ''),
      );
      expect([status, body['access_token']]).toEqual([400, undefined]);
    },
  );

  test('secrets and assertions in the address are not looked at', async () => {
    const query = new URLSearchParams({
      client_id: confidential.clientId,
      client_secret: confidential.secret ?? '',
    }).toString();
    const fields = exchangeFields(confidential, await codeFor(confidential, person, { browser }));
    const { status } = await post(`${robot.issuer}/token?${query}`, fields);
    expect([400, 401]).toContain(status);
  });
});

describe('RFC 6749 §3.3 scopes of a machine', () => {
  test.each([
    ['system/*.cruds', 'system/Patient.rs system/Observation.rs'],
    ['system/Patient.cruds', 'system/Patient.rs'],
    ['system/Patient.rs system/Encounter.rs', 'system/Patient.rs'],
    ['system/Encounter.rs', undefined],
    ['user/Patient.rs', undefined],
    ['patient/Patient.rs', undefined],
    ['openid fhirUser offline_access', undefined],
    ['manage/users', undefined],
    ['introspection', undefined],
    ['system/Patient.rs?_id=x system/Patient.rs', 'system/Patient.rs?_id=x system/Patient.rs'],
  ])('%s → %s', async (scope, granted) => {
    const { status, body } = await ask(await sign(keys, goodClaims(robot)), { scope });
    if (granted === undefined) expect([status, body['error']]).toEqual([400, 'invalid_scope']);
    else expect([status, body['scope']]).toEqual([200, granted]);
  });
});
