/** Operator-issued access tokens (RFC 9068, RFC 8725): what is issued, and every token that is refused. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, generateKeyPair, importPKCS8, SignJWT, UnsecuredJWT } from 'jose';
import { parseScopes } from '../../src/access/scopes.ts';
import { readConfig } from '../../src/config.ts';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { makeVerifier } from '../../src/identity/token-cache.ts';
import { issueToken, verifyToken, type Signing } from '../../src/identity/token.ts';
import { currentSigningKey, retireSigningKeys, verificationKey } from '../../src/store/signing-keys.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase, testServer } from '../server.ts';

const scopes = parseScopes('system/Patient.rs user/*.c');
let signing: Signing;
let tenant: Tenant;
let other: Tenant;

beforeAll(async () => {
  signing = {
    database: testDatabase(),
    keyEncryptionKey: readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey(),
  };
  tenant = (await makeLaboratory()).tenant;
  other = (await makeLaboratory()).tenant;
});

async function refusalOf(token: string, at: Tenant = tenant): Promise<{ status: number; message: string }> {
  const error = await verifyToken(signing.database, at, token).catch((thrown: unknown) => thrown);
  if (!(error instanceof OutcomeError)) throw new Error(`not refused: ${JSON.stringify(error)}`);
  expect(error.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token"/);
  return { status: statusOf(error), message: error.message };
}

/** A token signed with the tenant's own key, with anything in it. */
async function forge(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const key = (await currentSigningKey(signing.database, tenant.id, signing.keyEncryptionKey))!;
  const now = Math.floor(Date.now() / 1000);
  const usual = {
    iss: 'urn:makhbar:operator',
    aud: `urn:makhbar:laboratory:${tenant.name}`,
    sub: 'operator',
    client_id: 'makhbar',
    scope: 'system/*.r',
    jti: 'j',
    iat: now,
    exp: now + 60,
  };
  const merged = Object.fromEntries(Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined));
  return await new SignJWT(merged)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.id, ...header })
    .sign(await importPKCS8(key.privatePem, 'EdDSA'));
}

describe('issued', () => {
  test('a token carries subject, client, scopes, expiry and an id of its own, and is verified', async () => {
    const issued = await issueToken(signing, tenant, { scopes, ttl: 600, subject: 'amal', client: 'bench' });
    const verified = await verifyToken(signing.database, tenant, issued.token);
    expect(verified).toMatchObject({
      subject: 'amal',
      client: 'bench',
      permits: [
        { type: 'Patient', permissions: 'rs', compartments: [], filters: [], roleFilters: [] },
        { type: '*', permissions: 'c', compartments: [], filters: [], roleFilters: [] },
      ],
      clearance: 'all',
      consent: 'exempt',
      exp: issued.exp,
      jti: issued.jti,
    });
    expect(issued.exp - decodeJwt(issued.token).iat!).toBe(600);
    expect(decodeProtectedHeader(issued.token)).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
  });

  test('the key is made once and stored encrypted', async () => {
    const first = decodeProtectedHeader((await issueToken(signing, tenant, { scopes })).token).kid;
    expect(decodeProtectedHeader((await issueToken(signing, tenant, { scopes })).token).kid).toBe(first);
    const wrong = { ...signing, keyEncryptionKey: Buffer.alloc(32, 1) };
    await expect(issueToken(wrong, tenant, { scopes })).rejects.toThrow(/is not the one that wrapped signing key/);
  });

  const refused: [string, { scopes: string; ttl?: number }, RegExp][] = [
    ['more than an hour', { scopes: 'system/*.r', ttl: 3601 }, /lives from 1 to 3600 seconds/],
    ['no time at all', { scopes: 'system/*.r', ttl: 0 }, /lives from 1 to 3600 seconds/],
    ['no scope', { scopes: '' }, /at least one scope/],
  ];
  test.each(refused)('%s is not issued', async (_, request, sentence) => {
    await expect(issueToken(signing, tenant, { ...request, scopes: parseScopes(request.scopes) })).rejects.toThrow(
      sentence,
    );
  });

  test('nothing is issued for a suspended laboratory', async () => {
    await expect(issueToken(signing, { ...tenant, status: 'suspended' }, { scopes })).rejects.toThrow(/is suspended/);
  });
});

describe('refused with 401', () => {
  test('the forger of this test makes good tokens unless told otherwise', async () => {
    await expect(verifyToken(signing.database, tenant, await forge({}))).resolves.toMatchObject({
      subject: 'operator',
    });
  });

  const now = Math.floor(Date.now() / 1000);
  const claims: [string, Record<string, unknown>][] = [
    ['another issuer', { iss: 'https://issuer.example.org' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'urn:makhbar:laboratory:else' }],
    ['no audience', { aud: undefined }],
    ['no expiry', { exp: undefined }],
    ['no subject', { sub: undefined }],
    ['no id', { jti: undefined }],
    ['no scope', { scope: undefined }],
    ['no client', { client_id: undefined }],
    ['not valid yet', { nbf: now + 600 }],
    ['issued in the future', { iat: now + 600 }],
    ['older than an hour whatever its expiry', { iat: now - 3700, exp: now + 60 }],
  ];
  test.each(claims)('%s', async (_, changed) => {
    expect((await refusalOf(await forge(changed))).status).toBe(401);
  });

  test('expired, and says so', async () => {
    expect(await refusalOf(await forge({ iat: now - 120, exp: now - 60 }))).toEqual({
      status: 401,
      message: 'The access token has expired.',
    });
  });

  const headers: [string, Record<string, unknown>][] = [
    ['an ID token (typ)', { typ: 'JWT' }],
    ['an unknown key', { kid: '00000000-0000-4000-8000-000000000000' }],
    ['a key id that is none', { kid: `' or true --` }],
    ['no key id', { kid: undefined }],
  ];
  test.each(headers)('%s', async (_, header) => {
    expect((await refusalOf(await forge({}, header))).status).toBe(401);
  });

  test('the token of another laboratory, and ours there', async () => {
    const { token } = await issueToken(signing, other, { scopes });
    expect((await refusalOf(token)).status).toBe(401);
    expect((await refusalOf((await issueToken(signing, tenant, { scopes })).token, other)).status).toBe(401);
  });

  test('the key of this laboratory with the name of another', async () => {
    const { token } = await issueToken(signing, { ...tenant, name: other.name }, { scopes });
    expect((await refusalOf(token)).status).toBe(401);
    expect((await refusalOf(token, other)).status).toBe(401);
  });

  test('unsigned, signed with HMAC by the public key, or by a stranger', async () => {
    const good = await forge({});
    const kid = decodeProtectedHeader(good).kid!;
    const body = decodeJwt(good);
    const unsigned = new UnsecuredJWT(body).encode();
    const known = await verificationKey(signing.database, tenant.id, kid);
    const hmac = await new SignJWT(body)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
      .sign(Buffer.from(known!.publicJwk));
    const { privateKey } = await generateKeyPair('EdDSA');
    const stranger = await new SignJWT(body).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid }).sign(privateKey);
    for (const token of [unsigned, hmac, stranger]) expect((await refusalOf(token)).status).toBe(401);
  });

  test.each(['', 'x', 'a.b.c', 'e30.e30.', `${'a'.repeat(100_000)}.b.c`, '\u0000'])('garbage %#', async (token) => {
    expect((await refusalOf(token)).status).toBe(401);
  });

  test('one changed character anywhere (the last one has bits that mean nothing)', async () => {
    const good = await forge({});
    for (let position = 0; position < good.length - 1; position += 7) {
      const changed = `${good.slice(0, position)}${good[position] === 'A' ? 'B' : 'A'}${good.slice(position + 1)}`;
      expect((await refusalOf(changed)).status).toBe(401);
    }
  });
});

describe('remembered', () => {
  test('a verified token for a minute at most, never past its expiry, and for its laboratory only', async () => {
    let clock = Date.now();
    const verify = makeVerifier(signing.database, () => clock);
    const { token } = await issueToken(signing, tenant, { scopes, ttl: 90 });
    const first = await verify(tenant, token);
    expect(await verify(tenant, token)).toBe(first);
    await expect(verify(other, token)).rejects.toThrow(/not good for this laboratory/);
    clock += 61_000;
    expect(await verify(tenant, token)).not.toBe(first);
  });

  test('retired keys end their tokens', async () => {
    const lab = (await makeLaboratory()).tenant;
    const { token } = await issueToken(signing, lab, { scopes });
    expect(await retireSigningKeys(signing.database, lab.id)).toBeGreaterThan(0);
    expect((await refusalOf(token, lab)).status).toBe(401);
    const next = await issueToken(signing, lab, { scopes });
    await expect(verifyToken(signing.database, lab, next.token)).resolves.toMatchObject({ jti: next.jti });
  });
});
