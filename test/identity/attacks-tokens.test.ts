/**
 * Attacks with tokens: RFC 9700 §2.2, §4.3, §4.10 and §4.14 (replay, leaks, refresh tokens), RFC 6819 §4.6 and §5, RFC 6750,
 * RFC 7009 and RFC 7662.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader, exportSPKI, importJWK, SignJWT } from 'jose';
import { addClient, revokeClient } from '../../src/store/clients.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';
import { askFhir, askToken, makeApp, makeBrowser, makePerson, type App, type Person } from './app.ts';
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
let issuer: string;
let app: App;
let confidential: App;
let person: Person;
/** Signed in once. */
const browser = makeBrowser();

const scope = 'openid fhirUser offline_access user/Patient.rs';

beforeAll(async () => {
  lab = await makeLaboratory();
  issuer = lab.base.replace(/\/fhir$/, '');
  person = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab);
  confidential = await makeApp(lab, { kind: 'confidential' });
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p1' });
  await lab.fetch('Patient/p1', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
});

interface Tokens {
  readonly access: string;
  readonly refresh: string;
  readonly id: string;
}

async function tokensOf(one: App, asked = scope): Promise<Tokens> {
  const { body } = await askToken(one, exchangeFields(one, await codeFor(one, person, { browser, scope: asked })));
  return tokensFrom(body);
}

function tokensFrom(body: Record<string, unknown>): Tokens {
  return { access: String(body['access_token']), refresh: String(body['refresh_token']), id: String(body['id_token']) };
}

const refreshing = (token: string, more: Record<string, string> = {}): Record<string, string> => ({
  grant_type: 'refresh_token',
  refresh_token: token,
  ...more,
});

const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));
const gone = { status: 400, body: { error: 'invalid_grant' } };

describe('RFC 9700 §4.14 refresh tokens', () => {
  test.each([
    ['a public application', () => app],
    ['a confidential application', () => confidential],
  ])(
    '%s: each is used once; a second use ends everything that came of it',
    async (_, chosen) => {
      const one = chosen();
      const first = await tokensOf(one);
      const second = tokensFrom((await askToken(one, refreshing(first.refresh))).body);
      expect(second.refresh).not.toBe(first.refresh);
      expect((await askFhir(one, second.access, 'Patient')).status).toBe(200);
      expect(await askToken(one, refreshing(first.refresh))).toMatchObject(gone);
      expect(await askToken(one, refreshing(second.refresh))).toMatchObject(gone);
      // A token is remembered for 3.5 s.
      await wait(4_000);
      expect((await askFhir(one, second.access, 'Patient')).status).toBe(401);
    },
    15_000,
  );

  test('of many uses at once at most one gets a new one, and it does not last', async () => {
    const { refresh } = await tokensOf(app);
    const answers = await Promise.all(Array.from({ length: 8 }, () => askToken(app, refreshing(refresh))));
    const good = answers.filter(({ status }) => status === 200);
    expect(good.length).toBeLessThanOrEqual(1);
    for (const { body } of good)
      expect(await askToken(app, refreshing(String(body['refresh_token'])))).toMatchObject(gone);
  });

  test('it is bound to its application', async () => {
    const { refresh } = await tokensOf(app);
    expect(await askToken(confidential, refreshing(refresh))).toMatchObject(gone);
    expect(await askToken(await makeApp(lab), refreshing(refresh))).toMatchObject(gone);
    const secret = await tokensOf(confidential);
    expect(
      (await post(`${issuer}/token`, refreshing(secret.refresh, { client_id: confidential.clientId }))).status,
    ).toBe(401);
    expect(await askToken(app, refreshing(secret.refresh))).toMatchObject(gone);
  });

  test.each([
    'user/Patient.cruds',
    'user/Patient.rs user/Observation.rs',
    'user/*.rs',
    'system/*.cruds',
    'manage/users',
    'openid fhirUser offline_access user/Patient.rs launch/patient',
    'patient/Patient.rs',
  ])('no more than was granted: %s', async (asked) => {
    const { refresh } = await tokensOf(app);
    const { status, body } = await askToken(app, refreshing(refresh, { scope: asked }));
    if (status !== 200) expect([status, body['error']]).toEqual([400, 'invalid_scope']);
    else expect(new Set(scope.split(' '))).toEqual(new Set([...scope.split(' '), ...String(body['scope']).split(' ')]));
  });

  test('less than was granted stays less for this token, not for the next', async () => {
    const { refresh } = await tokensOf(app, 'openid offline_access user/Patient.rs user/Observation.rs');
    const less = await askToken(app, refreshing(refresh, { scope: 'user/Patient.rs' }));
    expect(less.body['scope']).toBe('user/Patient.rs');
    expect((await askFhir(app, less.body['access_token'], 'Observation')).status).toBe(403);
  });

  test('without offline_access or online_access there is none', async () => {
    const { body } = await askToken(
      app,
      exchangeFields(app, await codeFor(app, person, { browser, scope: 'user/Patient.rs' })),
    );
    expect(body).not.toHaveProperty('refresh_token');
  });

  test('an access token, an id_token or a code is none', async () => {
    const { access, id } = await tokensOf(app);
    const { code } = await codeFor(app, person, { browser });
    for (const token of [access, id, code, '', 'x']) {
      expect((await askToken(app, refreshing(token))).status).toBe(400);
    }
  });

  test('it is good for nothing at FHIR', async () => {
    const { refresh, id } = await tokensOf(app);
    expect((await askFhir(app, refresh, 'Patient')).status).toBe(401);
    expect((await askFhir(app, id, 'Patient')).status).toBe(401);
  });
});

describe('RFC 6750 §2.3, RFC 9700 §4.3.2 tokens in addresses', () => {
  test.each(['Patient', 'Patient/p1', 'metadata', '$usage', '_history'])(
    'FHIR does not look for one: %s',
    async (path) => {
      const { access } = await tokensOf(app);
      const answer = await fetch(`${lab.base}/${path}?access_token=${access}`);
      expect(answer.status).toBe(path === 'metadata' ? answer.status : 401);
      expect(await answer.text()).not.toContain('"id":"p1"');
    },
  );

  test('in a form neither', async () => {
    const { access } = await tokensOf(app);
    const { status } = await post(`${lab.base}/Patient/_search`, { access_token: access });
    expect(status).toBe(401);
  });

  test('userinfo does not look for one in its address', async () => {
    const { access } = await tokensOf(app);
    expect((await fetch(`${issuer}/me?access_token=${access}`)).status).toBeGreaterThanOrEqual(400);
  });

  test.each([
    ['as Basic', (token: string) => `Basic ${Buffer.from(token).toString('base64')}`],
    ['without a word', (token: string) => token],
    ['as DPoP', (token: string) => `DPoP ${token}`],
    ['two of them', (token: string) => `Bearer ${token}, Bearer ${token}`],
    ['with a quotation mark', (token: string) => `Bearer "${token}"`],
  ])('a header %s is none', async (_, header) => {
    const { access } = await tokensOf(app);
    expect((await fetch(`${lab.base}/Patient`, { headers: { authorization: header(access) } })).status).toBe(401);
  });
});

describe('OpenID Connect §5.3 userinfo', () => {
  test('a token without openid learns nothing there; one without fhirUser or profile no more than sub', async () => {
    const about = async (asked: string): Promise<{ status: number; body: unknown }> => {
      const { body } = await askToken(app, exchangeFields(app, await codeFor(app, person, { browser, scope: asked })));
      const answer = await fetch(`${issuer}/me`, {
        headers: { authorization: `Bearer ${String(body['access_token'])}` },
      });
      return { status: answer.status, body: await answer.json() };
    };
    expect((await about('user/Patient.rs')).status).toBeGreaterThanOrEqual(401);
    expect(await about('openid user/Patient.rs')).toEqual({ status: 200, body: { sub: person.id } });
    expect(await about('openid fhirUser user/Patient.rs')).toEqual({
      status: 200,
      body: { sub: person.id, fhirUser: `${lab.base}/Practitioner/t1` },
    });
  });

  test('a token of a machine learns nothing there', async () => {
    const keys = await makeKeys();
    await machine('robot-me', keys);
    const { body } = await machineToken('robot-me', keys);
    const answer = await fetch(`${issuer}/me`, {
      headers: { authorization: `Bearer ${String(body['access_token'])}` },
    });
    expect(answer.status).toBeGreaterThanOrEqual(401);
  });
});

async function machine(id: string, keys: KeyPair, scopes = 'system/*.rs'): Promise<void> {
  await addClient(sessionOf(testDatabase(), lab.tenant.id), {
    id,
    kind: 'backend',
    name: id,
    scopes,
    metadata: { jwks: { keys: [keys.publicJwk] } },
    createdBy: 'test',
    secretHash: undefined,
  });
}

async function assertionOf(id: string, keys: KeyPair): Promise<Record<string, string>> {
  const assertion = await sign(keys, goodClaims({ clientId: id, issuer }));
  return { client_assertion_type: assertionType, client_assertion: assertion };
}

async function machineToken(id: string, keys: KeyPair): ReturnType<typeof post> {
  return await post(`${issuer}/token`, {
    grant_type: 'client_credentials',
    scope: 'system/Patient.rs',
    ...(await assertionOf(id, keys)),
  });
}

describe('RFC 7662 introspection, RFC 7009 revocation', () => {
  test('an application learns of its own tokens alone, and others’ look like none', async () => {
    const { access, refresh } = await tokensOf(app);
    const keys = await makeKeys();
    await machine('robot-spy', keys);
    for (const token of [access, refresh]) {
      const foreign = await post(`${issuer}/token/introspection`, { token, ...(await assertionOf('robot-spy', keys)) });
      expect(foreign).toEqual({ status: 200, body: { active: false } });
      const other = await post(
        `${issuer}/token/introspection`,
        { token },
        basic(confidential.clientId, confidential.secret ?? ''),
      );
      expect(other).toEqual({ status: 200, body: { active: false } });
    }
    const none = await post(`${issuer}/token/introspection`, { token: 'x', ...(await assertionOf('robot-spy', keys)) });
    expect(none).toEqual({ status: 200, body: { active: false } });
  });

  test('one that was registered for it learns what SMART says', async () => {
    const keys = await makeKeys();
    await machine('resource-server', keys, 'introspection system/Patient.rs');
    const { access } = await tokensOf(app);
    const { body } = await post(`${issuer}/token/introspection`, {
      token: access,
      ...(await assertionOf('resource-server', keys)),
    });
    expect(body).toMatchObject({
      active: true,
      client_id: app.clientId,
      scope,
      fhirUser: `${lab.base}/Practitioner/t1`,
      sub: person.id,
    });
    expect(typeof body['exp']).toBe('number');
  });

  test.each(['introspection', 'revocation'])('%s needs an application that proves who it is', async (what) => {
    const { access } = await tokensOf(confidential);
    for (const fields of [
      { token: access },
      { token: access, client_id: confidential.clientId },
      { token: access, client_id: 'nobody' },
    ]) {
      expect((await post(`${issuer}/token/${what}`, fields)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await fetch(`${issuer}/token/${what}?token=${access}`)).status).toBe(404);
    expect((await askFhir(confidential, access, 'Patient')).status).toBe(200);
  });

  test('an application revokes its own tokens alone', async () => {
    const { access, refresh } = await tokensOf(app);
    for (const token of [access, refresh]) {
      const { body } = await post(
        `${issuer}/token/revocation`,
        { token },
        basic(confidential.clientId, confidential.secret ?? ''),
      );
      expect(body).not.toHaveProperty('access_token');
    }
    await wait(4_000);
    expect((await askFhir(app, access, 'Patient')).status).toBe(200);
    expect((await askToken(app, refreshing(refresh))).status).toBe(200);
  }, 60_000);

  test('a refresh token that was revoked takes its access tokens along', async () => {
    const { access, refresh } = await tokensOf(app);
    expect((await post(`${issuer}/token/revocation`, { token: refresh, client_id: app.clientId })).status).toBe(200);
    expect(await askToken(app, refreshing(refresh))).toMatchObject(gone);
    await wait(4_000);
    expect((await askFhir(app, access, 'Patient')).status).toBe(401);
  }, 60_000);

  test('a client that was revoked, an account that was disabled, a role that was taken: within 5 s', async () => {
    const keys = await makeKeys();
    await machine('robot-gone', keys);
    const robot = String((await machineToken('robot-gone', keys)).body['access_token']);
    const one = await makeApp(lab);
    const [another, demoted] = await Promise.all([1, 2].map(() => makePerson(lab.tenant, { roles: ['technician'] })));
    const tokenFor = async (who: Person): Promise<Tokens> =>
      tokensFrom((await askToken(one, exchangeFields(one, await codeFor(one, who, { scope })))).body);
    const disabled = await tokenFor(another as Person);
    const without = await tokenFor(demoted as Person);
    for (const token of [robot, disabled.access, without.access])
      expect((await askFhir(one, token, 'Patient')).status).toBe(200);
    const session = sessionOf(testDatabase(), lab.tenant.id);
    await revokeClient(session, 'robot-gone');
    await session.query(
      sql`update account set status = 'disabled' where tenant_id = ${lab.tenant.id} and account_id = ${(another as Person).id}`,
    );
    await session.query(
      sql`delete from account_role where tenant_id = ${lab.tenant.id} and account_id = ${(demoted as Person).id}`,
    );
    await wait(4_500);
    expect((await askFhir(one, robot, 'Patient')).status).toBe(401);
    expect((await askFhir(one, disabled.access, 'Patient')).status).toBe(401);
    expect((await askFhir(one, without.access, 'Patient')).status).toBe(403);
    expect(await askToken(one, refreshing(disabled.refresh))).toMatchObject(gone);
    expect((await machineToken('robot-gone', keys)).status).toBe(401);
  }, 60_000);
});

describe('scopes', () => {
  test.each([
    ['system/*.cruds', 'a scope of the system'],
    ['user/*.cruds system/*.rs', 'among others'],
    ['manage/users manage/clients', 'managing'],
  ])('%s: a person’s token has none of it', async (asked) => {
    const { body } = await askToken(
      app,
      exchangeFields(app, await codeFor(app, person, { browser, scope: `${asked} user/Patient.rs` })),
    );
    expect(String(body['scope'])).not.toMatch(/system\/|manage\//);
  });

  test('at the token endpoint a code cannot be made more', async () => {
    const code = await codeFor(app, person, { browser, scope: 'user/Patient.rs' });
    const { body } = await askToken(app, { ...exchangeFields(app, code), scope: 'user/*.cruds system/*.cruds' });
    expect(body['scope'] ?? 'user/Patient.rs').toBe('user/Patient.rs');
  });

  test('an application with few scopes gets no more, whatever it asks for', async () => {
    const small = await makeApp(lab, { scopes: 'openid user/Patient.rs?_id=p1' });
    const { body } = await askToken(
      small,
      exchangeFields(small, await codeFor(small, person, { browser, scope: 'openid offline_access user/*.cruds' })),
    );
    expect(body['scope']).toBe('openid user/Patient.rs?_id=p1');
    expect(body).not.toHaveProperty('refresh_token');
  });
});

describe('RFC 8725: tokens of the operator are JWTs', () => {
  const operatorClaims = (): Record<string, unknown> => {
    const [, payload = ''] = lab.token.split('.');
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  };
  const header = (): { kid: string } => decodeProtectedHeader(lab.token) as { kid: string };
  const publicKey = async (): Promise<string> => {
    const session = sessionOf(testDatabase(), lab.tenant.id);
    const [row] = await session.query<{ public_jwk: string }>(
      sql`select public_jwk from signing_key where tenant_id = ${lab.tenant.id} and key_id = ${header().kid}`,
    );
    return row?.public_jwk ?? '';
  };

  test.each<[string, () => Promise<string> | string]>([
    ['none', () => rawJwt({ ...header(), alg: 'none' }, operatorClaims())],
    [
      'none with the old signature',
      () => rawJwt({ ...header(), alg: 'none' }, operatorClaims(), lab.token.split('.')[2]),
    ],
    [
      'other claims under the old signature',
      () =>
        `${lab.token.split('.')[0]}.${Buffer.from(JSON.stringify({ ...operatorClaims(), sub: 'evil' })).toString('base64url')}.${lab.token.split('.')[2]}`,
    ],
    ['HS256 with the public key as JWK', async () => hmac(await publicKey())],
    [
      'HS256 with the public key as PEM',
      async () => hmac(await exportSPKI((await importJWK(JSON.parse(await publicKey()) as object, 'EdDSA')) as never)),
    ],
    ['a key of its own under the kid', async () => own({ kid: header().kid })],
    ['a kid of its own', async () => own({ kid: randomUUID() })],
    ['a kid that is a path', async () => own({ kid: '../../../dev/null' })],
    ['a kid that is SQL', async () => own({ kid: "' or true --" })],
    ['no kid', async () => own({})],
    ['its key in the header', async () => own({ kid: header().kid, jwk: (await makeKeys()).publicJwk })],
    [
      'the address of its key',
      async () => own({ kid: header().kid, jku: 'https://evil.example.org/jwks', x5u: 'https://evil.example.org/x' }),
    ],
    ['another typ', async () => own({ kid: header().kid, typ: 'JWT' })],
    ['no claims', () => `${lab.token.split('.')[0]}..${lab.token.split('.')[2]}`],
    ['dots', () => '....'],
    ['100 dots', () => '.'.repeat(100)],
    ['an id_token of this laboratory', async () => (await tokensOf(app)).id],
  ])('%s', async (_, make) => {
    const answer = await fetch(`${lab.base}/Patient`, { headers: { authorization: `Bearer ${await make()}` } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  async function own(more: object): Promise<string> {
    const keys = await makeKeys();
    return await new SignJWT(operatorClaims())
      .setProtectedHeader({ alg: 'ES384', typ: 'at+jwt', ...more })
      .sign(keys.privateKey);
  }

  function hmac(secret: string): string {
    const input = rawJwt({ ...header(), alg: 'HS256' }, operatorClaims()).replace(/\.$/, '');
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
  }

  test('the keys of id_tokens do not sign it, and its keys are not among the published', async () => {
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: Record<string, unknown>[] };
    expect(keys.map(({ kid }) => kid)).not.toContain(header().kid);
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys)
      expect(Object.keys(key).filter((name) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(name))).toEqual([]);
  });

  test('a good one still works', async () => {
    expect((await (await signIn(lab.tenant)).fetch('Patient')).status).toBe(200);
  });
});
