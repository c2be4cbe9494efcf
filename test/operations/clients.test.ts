/** $client-list, $client-add, $client-revoke, $client-rotate-secret: applications, for those who manage clients. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { secondFactorAcr } from '../../src/access/authentication.ts';
import { makeKeys } from '../identity/key-pairs.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await signIn((await makeLaboratory()).tenant, 'manage/clients');
});

interface Answer {
  status: number;
  text: string;
  parts: Record<string, unknown>;
  secret: string | undefined;
}

async function ask(operation: string, parameters: Record<string, string>, as = lab): Promise<Answer> {
  const parameter = Object.entries(parameters).map(([name, valueString]) => ({ name, valueString }));
  const answer = await as.fetch(operation, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Parameters', parameter }),
  });
  const text = await answer.text();
  const all =
    (JSON.parse(text) as { parameter?: { name: string; valueString?: string; part?: object[] }[] }).parameter ?? [];
  const parts = (all[0]?.part ?? []) as { name: string }[];
  const values = parts.map((part) => [part.name, Object.entries(part).find(([name]) => name.startsWith('value'))?.[1]]);
  const secret = all.find(({ name }) => name === 'secret')?.valueString;
  return { status: answer.status, text, parts: Object.fromEntries(values) as Record<string, unknown>, secret };
}

const portal = { kind: 'confidential', name: 'Portal', redirectUri: 'https://portal.example.org/cb' };

describe('a client', () => {
  test('is added with a secret shown once, listed without it, given a new one, revoked', async () => {
    const added = await ask('$client-add', { ...portal, id: 'portal', scopes: 'openid user/Patient.rs' });
    expect(added).toMatchObject({
      status: 200,
      parts: { id: 'portal', status: 'active', scopes: 'openid user/Patient.rs' },
    });
    expect(added.secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const listed = await (await lab.fetch('$client-list?id=portal')).text();
    expect(listed).toContain('Portal');
    expect(listed).not.toContain(added.secret ?? 'x');
    const again = await ask('$client-rotate-secret', { id: 'portal' });
    expect(again.secret).not.toBe(added.secret);
    expect((await ask('$client-revoke', { id: 'portal' })).parts['status']).toBe('revoked');
    expect((await ask('$client-rotate-secret', { id: 'portal' })).status).toBe(400);
    expect((await ask('$client-add', { ...portal, id: 'portal' })).status).toBe(409);
  });

  test('with keys has no secret', async () => {
    const jwks = JSON.stringify({ keys: [(await makeKeys('RS384')).publicJwk] });
    const { status, secret } = await ask('$client-add', { kind: 'backend', name: 'x', jwks, scopes: 'system/*.rs' });
    expect({ status, secret }).toEqual({ status: 200, secret: undefined });
  });

  test('that acts for itself on resources is not for an administrator to add', async () => {
    const administrator = await signIn(lab.tenant, 'manage/clients', 'someone', {
      roles: ['administrator'],
      acr: secondFactorAcr,
      authTime: Math.floor(Date.now() / 1_000),
    });
    const jwks = JSON.stringify({ keys: [(await makeKeys('RS384')).publicJwk] });
    const added = await ask('$client-add', { kind: 'backend', name: 'x', jwks, scopes: 'system/*.rs' }, administrator);
    expect(added).toMatchObject({ status: 403, text: expect.stringMatching(/registered by the operator/) });
    expect((await ask('$client-add', { kind: 'launcher', name: 'EMR' }, administrator)).status).toBe(200);
  });

  test('that is an EMR may prepare launches', async () => {
    const { parts, secret } = await ask('$client-add', { kind: 'launcher', name: 'EMR' });
    expect(parts['scopes']).toBe('manage/launches');
    expect(secret).toBeDefined();
  });

  test('of another laboratory is not seen', async () => {
    const other = await signIn((await makeLaboratory()).tenant, 'manage/clients');
    await ask('$client-add', { ...portal, id: 'mine' });
    expect(await (await other.fetch('$client-list')).text()).not.toContain('mine');
    expect((await ask('$client-revoke', { id: 'mine' }, other)).status).toBe(404);
  });

  const wrong: [string, Record<string, string>, RegExp][] = [
    ['no name', { kind: 'public', redirectUri: 'https://x.example/' }, /name is missing/],
    ['a strange id', { ...portal, id: '../x' }, /cannot be the id/],
    ['a strange kind', { ...portal, kind: 'toString' }, /no kind of client/],
    ['an unknown scope', { ...portal, scopes: 'user/Nothing.rs' }, /is no scope/],
    ['a system scope for people', { ...portal, scopes: 'system/*.rs' }, /takes user\/ and patient\/ scopes/],
    ['a user name in the address', { ...portal, redirectUri: 'https://me@x.example/' }, /cannot be a redirect URI/],
    ['javascript', { ...portal, redirectUri: 'javascript:alert(1)' }, /cannot be a redirect URI/],
    ['a scheme of its own, where it is not native', { ...portal, redirectUri: 'com.example.app:/cb' }, /cannot be/],
    ['a common scheme', { ...portal, native: 'true', redirectUri: 'myapp:/cb' }, /cannot be a redirect URI/],
    ['keys that are none', { ...portal, kind: 'asymmetric', jwks: '[]' }, /JSON text of a key set/],
    ['keys by http', { ...portal, kind: 'asymmetric', jwksUri: 'http://x.example/jwks' }, /https address/],
    ['no keys', { ...portal, kind: 'asymmetric' }, /needs its public keys/],
    [
      'a short RSA key',
      { ...portal, kind: 'asymmetric', jwks: '{"keys":[{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB"}]}' },
      /fits neither/,
    ],
    [
      'a private key',
      {
        ...portal,
        kind: 'asymmetric',
        jwks: '{"keys":[{"kty":"EC","crv":"P-384","kid":"1","x":"x","y":"y","d":"d"}]}',
      },
      /this one is private/,
    ],
    ['a page to launch that is no web address', { ...portal, launchUri: 'file:///x' }, /launchUri is an https address/],
  ];
  test.each(wrong)('is not added with %s', async (_, parameters, sentence) => {
    const { status, text } = await ask('$client-add', parameters);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(text).toMatch(sentence);
  });

  test('is not managed without manage/clients', async () => {
    const other = await signIn(lab.tenant, 'system/*.cruds manage/users');
    const answers = await Promise.all([
      ask('$client-add', portal, other),
      ask('$client-revoke', { id: 'x' }, other),
      ask('$client-rotate-secret', { id: 'x' }, other),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect((await other.fetch('$client-list')).status).toBe(403);
  });
});
