/**
 * Attacks on the authorization code: RFC 9700 (OAuth 2.0 Security BCP) and RFC 6819, by their sections. From outside, as an
 * attacker has it: HTTP, and what leaked.
 */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import {
  askFhir,
  askToken,
  authorizationUrl,
  authorize,
  makeApp,
  makeBrowser,
  makePerson,
  makePkce,
  type App,
  type Person,
} from './app.ts';
import { basic, codeFor, exchangeFields, post, without, type Code } from './attack.ts';

let lab: Laboratory;
let app: App;
let confidential: App;
let person: Person;

beforeAll(async () => {
  lab = await makeLaboratory();
  person = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab);
  confidential = await makeApp(lab, { kind: 'confidential' });
});

const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

describe('RFC 9700 §4.5 authorization code injection, RFC 6819 §4.4.1', () => {
  const refusals: [string, (fields: Record<string, string>) => Record<string, string>][] = [
    ['without its verifier', (fields) => without(fields, 'code_verifier')],
    ['with another verifier', (fields) => ({ ...fields, code_verifier: makePkce().verifier })],
    ['with an empty verifier', (fields) => ({ ...fields, code_verifier: '' })],
    [
      'with the challenge as verifier',
      (fields) => ({ ...fields, code_verifier: challengeOf(fields['code_verifier'] ?? '') }),
    ],
    [
      'with a verifier in another case',
      (fields) => ({ ...fields, code_verifier: fields['code_verifier']?.toUpperCase() ?? '' }),
    ],
    ['with another redirect_uri', (fields) => ({ ...fields, redirect_uri: 'https://evil.example.org/callback' })],
    ['without its redirect_uri', (fields) => without(fields, 'redirect_uri')],
    ['cut short', (fields) => ({ ...fields, code: fields['code']?.slice(0, -1) ?? '' })],
    [
      'with another grant type',
      (fields) => ({ ...fields, grant_type: 'refresh_token', refresh_token: fields['code'] ?? '' }),
    ],
  ];
  const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');

  test.each(refusals)('%s a code is worth nothing', async (_, change) => {
    const code = await codeFor(app, person);
    const { status, body } = await post(`${app.issuer}/token`, change(exchangeFields(app, code)));
    expect(status).toBe(400);
    expect(body['error']).toMatch(/invalid_grant|invalid_request/);
    expect(body).not.toHaveProperty('access_token');
  });

  test('a code stolen from one application is worth nothing to another of the same laboratory', async () => {
    const code = await codeFor(app, person);
    const other = await makeApp(lab);
    expect(await post(`${app.issuer}/token`, exchangeFields(other, code))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  test('a code of a confidential application is worth nothing without its secret', async () => {
    const code = await codeFor(confidential, person);
    const fields = exchangeFields(confidential, code);
    expect(await post(`${app.issuer}/token`, fields)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(await post(`${app.issuer}/token`, fields, basic(app.clientId, ''))).toMatchObject({
      status: expect.any(Number),
      body: { error: expect.any(String) },
    });
  });

  test('a code injected into the victim’s flow fails: it belongs to the attacker’s verifier', async () => {
    const attacker = await makePerson(lab.tenant, { roles: ['technician'] });
    const stolen = await codeFor(app, attacker);
    const honest = makePkce();
    const { status, body } = await askToken(app, exchangeFields(app, { code: stolen.code, pkce: honest }));
    expect([status, body['error']]).toEqual([400, 'invalid_grant']);
  });
});

describe('RFC 9700 §4.5, RFC 6749 §4.1.2: a code is used once', () => {
  test('a second use is refused and ends what the first one gave', async () => {
    const code = await codeFor(app, person, { scope: 'openid offline_access user/*.rs' });
    const first = await askToken(app, exchangeFields(app, code));
    expect(first.status).toBe(200);
    const token = first.body['access_token'];
    expect((await askFhir(app, token, 'Patient')).status).toBe(200);
    expect(await askToken(app, exchangeFields(app, code))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    const again = { grant_type: 'refresh_token', refresh_token: String(first.body['refresh_token']) };
    expect(await askToken(app, again)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    // A token is remembered for 3.5 s.
    await wait(4_000);
    expect((await askFhir(app, token, 'Patient')).status).toBe(401);
  }, 60_000);

  test('of many uses at once at most one gets a token, and it does not last', async () => {
    const code = await codeFor(app, person, { scope: 'openid offline_access user/*.rs' });
    const answers = await Promise.all(Array.from({ length: 8 }, () => askToken(app, exchangeFields(app, code))));
    const good = answers.filter(({ status }) => status === 200);
    expect(good.length).toBeLessThanOrEqual(1);
    expect(answers.filter(({ status }) => status === 400).length).toBe(8 - good.length);
    await wait(4_000);
    for (const { body } of good) {
      expect((await askFhir(app, body['access_token'], 'Patient')).status).toBe(401);
      const again = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
      expect((await askToken(app, again)).status).toBe(400);
    }
  }, 60_000);
});

describe('RFC 9700 §2.1.1, §4.8 PKCE', () => {
  const downgrades: [string, Record<string, string | undefined>][] = [
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }],
    ['plain', { code_challenge: makePkce().verifier, code_challenge_method: 'plain' }],
    ['a challenge without a method, which means plain', { code_challenge_method: undefined }],
    ['a method without a challenge', { code_challenge: undefined }],
    ['an empty challenge', { code_challenge: '' }],
    ['an unknown method', { code_challenge_method: 'S512' }],
    ['a method in lower case', { code_challenge_method: 's256' }],
    ['a challenge that is no SHA-256', { code_challenge: 'short' }],
  ];
  test.each(downgrades)('%s: no code, for public and confidential applications', async (_, parameters) => {
    for (const one of [app, confidential]) {
      const page = await authorize(one, person, { parameters });
      expect(page.leftTo?.searchParams.get('code') ?? null).toBeNull();
      expect(page.leftTo?.searchParams.get('error') ?? (page.status === 400 ? 'invalid_request' : undefined)).toBe(
        'invalid_request',
      );
    }
  });

  test('discovery names S256 alone', async () => {
    const document = (await (await fetch(`${app.issuer}/.well-known/openid-configuration`)).json()) as object;
    expect(document).toMatchObject({ code_challenge_methods_supported: ['S256'], response_types_supported: ['code'] });
    const smart = (await (await fetch(`${app.lab.base}/.well-known/smart-configuration`)).json()) as object;
    expect(smart).toMatchObject({ code_challenge_methods_supported: ['S256'], response_types_supported: ['code'] });
  });
});

describe('RFC 9700 §2.1.2, §4.3 tokens do not pass through the browser', () => {
  test.each(['token', 'id_token', 'id_token token', 'code token', 'code id_token', 'none', ''])(
    'response_type "%s" is refused',
    async (type) => {
      const page = await authorize(app, person, { parameters: { response_type: type, nonce: 'n' } });
      const answer = page.leftTo?.href ?? '';
      expect(answer).not.toMatch(/access_token|id_token=|[?#&]code=/);
      expect(
        page.status === 400 || /error=(unsupported_response_type|invalid_request|unauthorized_client)/.test(answer),
      ).toBe(true);
    },
  );

  test.each(['fragment', 'web_message', 'jwt', 'fragment.jwt'])(
    'response_mode %s does not put a code where scripts find it',
    async (mode) => {
      const page = await authorize(app, person, { scope: 'user/*.rs', parameters: { response_mode: mode } });
      const answer = new URLSearchParams(page.leftTo?.search ?? '');
      const fragment = new URLSearchParams(page.leftTo?.hash.slice(1) ?? '');
      expect([answer.get('code'), fragment.get('code')]).toEqual([null, null]);
      expect(answer.get('error') ?? fragment.get('error')).toMatch(
        /unsupported_response_mode|invalid_request|unauthorized_client/,
      );
      expect(page.text).not.toContain('postMessage');
    },
  );

  test.each([
    'password',
    'implicit',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:device_code',
    '',
  ])('grant_type "%s" is refused', async (type) => {
    const fields = {
      grant_type: type,
      username: person.username,
      password: person.password,
      scope: 'user/*.rs',
      client_id: app.clientId,
    };
    const { status, body } = await post(`${app.issuer}/token`, fields);
    expect(status).toBe(400);
    expect(body['error']).toMatch(/unsupported_grant_type|invalid_request|unauthorized_client/);
  });
});

describe('RFC 9700 §4.4 mix-up, §4.7 CSRF', () => {
  test('the answer carries state, unchanged, and the issuer (RFC 9207)', async () => {
    const state = 'a b&c=d%20é"<>';
    const { answer } = await codeFor(app, person, { parameters: { state } });
    expect(answer.searchParams.get('state')).toBe(state);
    expect(answer.searchParams.get('iss')).toBe(app.issuer);
    expect(answer.searchParams.getAll('code')).toHaveLength(1);
  });

  test('an error carries state and issuer too', async () => {
    const page = await authorize(app, person, {
      scope: 'launch user/*.rs',
      parameters: { launch: 'unknown', state: 'x' },
    });
    expect(page.leftTo?.searchParams.get('error')).toBe('invalid_request');
    expect([page.leftTo?.searchParams.get('state'), page.leftTo?.searchParams.get('iss')]).toEqual(['x', app.issuer]);
  });

  test('the nonce comes back in the id_token, and the id_token is for this application', async () => {
    const code = await codeFor(app, person, { parameters: { nonce: 'n0nce' } });
    const { body } = await askToken(app, exchangeFields(app, code));
    const claims = JSON.parse(
      Buffer.from(String(body['id_token']).split('.')[1] ?? '', 'base64url').toString(),
    ) as object;
    expect(claims).toMatchObject({ nonce: 'n0nce', aud: app.clientId, iss: app.issuer });
  });
});

describe('RFC 9700 §4.2 leaks by Referer and history, §4.12 redirects by 307', () => {
  test('no step of the flow answers 307 or 308, or may be cached, or sends a Referer', async () => {
    const seen: { status: number; headers: Headers; url: string }[] = [];
    const plain = globalThis.fetch;
    globalThis.fetch = async (input, init) => {
      const answer = await plain(input, init);
      seen.push({ status: answer.status, headers: answer.headers, url: String(input) });
      return answer;
    };
    try {
      await codeFor(app, person);
    } finally {
      globalThis.fetch = plain;
    }
    expect(seen.length).toBeGreaterThan(4);
    for (const { status, headers, url } of seen) {
      expect([url, status === 200 || status === 303]).toEqual([url, true]);
      expect([url, headers.get('referrer-policy'), headers.get('cache-control')]).toEqual([
        url,
        'no-referrer',
        expect.stringContaining('no-store'),
      ]);
    }
  });

  test('the answer of the token endpoint may not be cached', async () => {
    const answer = await fetch(`${app.issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(exchangeFields(app, await codeFor(app, person))).toString(),
    });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  });
});

describe('SMART: the audience', () => {
  test.each([
    ['missing', undefined],
    ['another server', 'https://evil.example.org/fhir'],
    ['the issuer', 'ISSUER'],
    ['the FHIR base of another laboratory', 'OTHER'],
    ['a prefix of the FHIR base', 'PREFIX'],
    ['the FHIR base with a path', 'LONGER'],
    ['the FHIR base in another case', 'UPPER'],
  ])('aud %s: no code', async (_, aud) => {
    const written: Record<string, string> = {
      ISSUER: app.issuer,
      OTHER: (await makeLaboratory()).base,
      PREFIX: lab.base.slice(0, -1),
      LONGER: `${lab.base}/Patient`,
      UPPER: lab.base.toUpperCase(),
    };
    const page = await authorize(app, person, {
      parameters: { aud: aud === undefined ? undefined : (written[aud] ?? aud) },
    });
    expect(page.leftTo?.searchParams.get('code') ?? null).toBeNull();
    expect(page.leftTo?.searchParams.get('error')).toMatch(/invalid_request|invalid_target/);
  });

  test('a second resource beside it is refused', async () => {
    const page = await makeBrowser().go(`${authorizationUrl(app)}&resource=https%3A%2F%2Fevil.example.org`);
    expect(page.leftTo?.searchParams.get('error')).toMatch(/invalid_request|invalid_target/);
  });

  test('a token for another resource is not given at the token endpoint', async () => {
    const code: Code = await codeFor(app, person);
    const fields = { ...exchangeFields(app, code), resource: 'https://evil.example.org' };
    expect(await post(`${app.issuer}/token`, fields)).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
  });
});
