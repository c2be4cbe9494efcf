/**
 * Attacks by applications that register themselves (RFC 7591 §5), and by the addresses that they name: server-side request
 * forgery (RFC 9700 §4.11, OpenID Connect Registration §9).
 */
import { createServer, type Server } from 'node:http';
import { createServer as createTcp, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addClient } from '../../src/store/clients.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import {
  authorizationUrl,
  authorize,
  makeApp,
  makeBrowser,
  makePerson,
  offeredScopes,
  type App,
  type Person,
} from './app.ts';
import { assertionType, goodClaims, makeKeys, post, sign, type KeyPair } from './attack.ts';

let lab: Laboratory;
let closed: Laboratory;
let issuer: string;
let person: Person;
let keys: KeyPair;
/** A service inside, and how often it was asked. */
let inside: Server;
let asked: string[] = [];

const redirect = 'https://app.example.org/callback';

beforeAll(async () => {
  [lab, closed] = await Promise.all([makeLaboratory({ settings: { dynamicRegistration: true } }), makeLaboratory()]);
  issuer = lab.base.replace(/\/fhir$/, '');
  person = await makePerson(lab.tenant, { roles: ['technician'] });
  keys = await makeKeys();
  inside = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url?.startsWith('/redirect') === true)
      response.writeHead(302, { location: `${addressOf(inside)}/jwks` });
    else response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: [keys.publicJwk] }));
  }).listen(0, '127.0.0.1');
  await new Promise((done) => inside.once('listening', done));
});
afterAll(() => {
  inside.close();
});

function addressOf(server: Server, host = '127.0.0.1'): string {
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

/** Each at a laboratory of its own: they are limited by laboratory and address. */
async function register(metadata: object, where?: Laboratory): Promise<Registered> {
  const guest = where ?? (await makeLaboratory({ settings: { dynamicRegistration: true } }));
  const at = guest.base.replace(/\/fhir$/, '');
  const body = JSON.stringify({
    client_name: 'Guest',
    redirect_uris: [redirect],
    token_endpoint_auth_method: 'none',
    ...metadata,
  });
  const answer = await fetch(`${at}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await answer.text();
  const found = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text };
  const app = {
    lab: guest,
    issuer: at,
    clientId: String(found['client_id']),
    secret: undefined,
    redirectUri: redirect,
  };
  return { status: answer.status, body: found, app };
}

interface Registered {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly app: App;
}

test('where the laboratory has not switched it on there is none', async () => {
  const at = closed.base.replace(/\/fhir$/, '');
  expect((await register({}, closed)).status).toBe(404);
  const document = (await (await fetch(`${at}/.well-known/openid-configuration`)).json()) as object;
  expect(document).not.toHaveProperty('registration_endpoint');
});

describe('what an application says of itself', () => {
  test.each<[string, object]>([
    ['a redirect to a script', { redirect_uris: ['javascript:alert(1)'] }],
    ['a redirect to data', { redirect_uris: ['data:text/html,x'] }],
    ['a redirect without TLS', { redirect_uris: ['http://app.example.org/callback'] }],
    ['a redirect with a wildcard', { redirect_uris: ['https://*.example.org/callback'] }],
    ['a redirect with a fragment', { redirect_uris: [`${redirect}#x`] }],
    ['a redirect with a user', { redirect_uris: ['https://user@app.example.org/callback'] }],
    ['a redirect that changes the policy of pages', { redirect_uris: ['https://x;sandbox/callback'] }],
    ['a redirect that ends the policy of pages', { redirect_uris: ['https://x,sandbox/callback'] }],
    ['a web application with a scheme of its own', { redirect_uris: ['com.example.app:/callback'] }],
    ['a native application with the browser’s scheme', { application_type: 'native', redirect_uris: ['about:blank'] }],
    ['no redirect', { redirect_uris: [] }],
    ['redirects without number', { redirect_uris: Array.from({ length: 1_000 }, (_, i) => `${redirect}/${i}`) }],
    ['redirects that are no texts', { redirect_uris: [{ a: 1 }] }],
    ['redirects that are one text', { redirect_uris: redirect }],
    ['a name of 100,000 characters', { client_name: 'x'.repeat(100_000) }],
    ['a name that is no text', { client_name: { a: 1 } }],
    ['a name with a null', { client_name: 'a\u0000b' }],
    ['a name with half a pair', { client_name: 'a\ud800b' }],
    ['a name with a line end', { client_name: 'a\r\nb' }],
    [
      'a key with a null',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...keysOf(), kid: '\u0000' }] } },
    ],
    ['a logo that is a script', { logo_uri: 'javascript:alert(1)' }],
    ['an address that is a script', { client_uri: 'javascript:alert(1)' }],
    ['grants for itself', { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }],
    ['a private key', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...keysOf(), d: 'AAAA' }] } }],
    [
      'a symmetric key',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AAAA', kid: 'x' }] } },
    ],
    ['no key where one is needed', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['another way to prove who it is', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['implicit', { response_types: ['token'], grant_types: ['implicit'] }],
    ['unsigned id_tokens', { id_token_signed_response_alg: 'none' }],
    ['id_tokens signed by a secret', { id_token_signed_response_alg: 'HS256' }],
    ['request objects', { request_object_signing_alg: 'none', request_uris: ['https://evil.example.org/'] }],
    ['a sector', { sector_identifier_uri: 'https://evil.example.org/sector.json' }],
  ])('%s is refused, or left out', async (_, metadata) => {
    const { status, body } = await register(metadata);
    if (status === 201) {
      for (const name of Object.keys(metadata)) expect([name, body[name]]).not.toEqual([name, metadata[name as never]]);
      return;
    }
    expect([status, body['error']]).toEqual([
      400,
      expect.stringMatching(/invalid_(client_metadata|redirect_uri|request)/),
    ]);
  });

  function keysOf(): object {
    return { kty: 'EC', crv: 'P-384', x: 'AAAA', y: 'AAAA', kid: 'x' };
  }

  test('members of the server’s own are not its to set', async () => {
    const { status, body, app } = await register({
      allowed_scopes: 'system/*.cruds manage/users',
      scope: 'system/*.cruds manage/users',
      trusted: true,
      client_kind: 'backend',
      client_id: 'chosen',
      client_secret: 'chosen',
      grant_types: ['authorization_code', 'client_credentials'],
    });
    if (status !== 201) return expect(status).toBe(400);
    expect(body['client_id']).not.toBe('chosen');
    const page = await makeBrowser().go(authorizationUrl(app, { scope: 'user/*.rs' }));
    expect(page.text).toContain('name="password"');
    const machine = await post(`${app.issuer}/token`, {
      grant_type: 'client_credentials',
      scope: 'system/*.cruds',
      client_id: app.clientId,
    });
    expect(machine.body).not.toHaveProperty('access_token');
  });

  test('it is trusted with nothing: the person is asked, and system/ or manage/ are not offered', async () => {
    const { app } = await register({ trusted: true, allowed_scopes: 'system/*.cruds manage/users user/*.rs' });
    const guest = await makePerson(app.lab.tenant, { roles: ['technician'] });
    const browser = makeBrowser();
    const first = await browser.go(authorizationUrl(app, { scope: 'openid user/*.rs system/*.cruds manage/users' }));
    const page = await browser.submit(first, [
      ['username', guest.username],
      ['password', guest.password],
    ]);
    expect(page.text).toContain('name="decision"');
    expect(offeredScopes(page).join(' ')).not.toMatch(/system\/|manage\//);
  });

  test('its name and addresses are text on the page', async () => {
    const { status, app } = await register({
      client_name: '<img src=x onerror=alert(1)>"\'',
      logo_uri: 'https://app.example.org/"><script>x</script>.png',
    });
    if (status !== 201) return expect(status).toBe(400);
    const page = await makeBrowser().go(authorizationUrl(app, { scope: 'user/*.rs' }));
    expect(page.text).not.toMatch(/<img src=x|<script>x/);
  });

  test.each([
    ['no JSON', 'x', 'application/json'],
    ['a list', '[]', 'application/json'],
    ['nothing', '', 'application/json'],
    ['null', 'null', 'application/json'],
    ['a form', 'redirect_uris=x', 'application/x-www-form-urlencoded'],
    [
      'a prototype',
      '{"__proto__":{"trusted":true},"redirect_uris":["https://app.example.org/callback"],"token_endpoint_auth_method":"none"}',
      'application/json',
    ],
    ['much', `{"client_name":"${'x'.repeat(2_000_000)}"}`, 'application/json'],
    ['deep', `{"client_name":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 'application/json'],
  ])('a body that is %s', async (_, body, type) => {
    const answer = await fetch(`${issuer}/register`, { method: 'POST', headers: { 'content-type': type }, body });
    expect(answer.status).toBeLessThan(500);
    if (answer.status === 201) expect(await answer.text()).not.toContain('"trusted":true');
  });

  test('without end', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 80 && !statuses.includes(429); i++)
      statuses.push((await register({ redirect_uris: ['x'] }, lab)).status);
    expect(statuses).toContain(429);
  });
});

describe('server-side request forgery', () => {
  /** Registered by whoever runs the laboratory’s clients; the table tells what the server does with the address. */
  async function clientAt(jwksUri: string): Promise<string> {
    const id = `robot-${Math.random().toString(36).slice(2)}`;
    await addClient(sessionOf(testDatabase(), lab.tenant.id), {
      id,
      kind: 'backend',
      name: id,
      scopes: 'system/*.rs',
      metadata: { jwksUri },
      createdBy: 'test',
      secretHash: undefined,
    });
    return id;
  }

  async function sendAssertion(clientId: string): ReturnType<typeof post> {
    const assertion = await sign(keys, goodClaims({ clientId, issuer }));
    return await post(`${issuer}/token`, {
      grant_type: 'client_credentials',
      scope: 'system/Patient.rs',
      client_assertion_type: assertionType,
      client_assertion: assertion,
    });
  }

  test.each([
    ['loopback', (port: number) => `http://127.0.0.1:${port}/jwks`],
    ['localhost', (port: number) => `http://localhost:${port}/jwks`],
    ['loopback of IPv6', (port: number) => `http://[::1]:${port}/jwks`],
    ['loopback as a number', (port: number) => `http://2130706433:${port}/jwks`],
    ['loopback in short', (port: number) => `http://127.1:${port}/jwks`],
    ['any address', (port: number) => `http://0.0.0.0:${port}/jwks`],
    ['metadata of a cloud', () => 'http://169.254.169.254/latest/meta-data'],
    ['a file', () => 'file:///etc/passwd'],
    ['gopher', () => 'gopher://127.0.0.1:6379/_x'],
  ])('a registration with keys at %s is refused', async (_, address) => {
    asked = [];
    const jwks = address((inside.address() as AddressInfo).port);
    const { status, body } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: jwks });
    expect([status, body['error']]).toEqual([400, 'invalid_client_metadata']);
    expect(asked).toEqual([]);
  });

  test.each([
    ['loopback', (port: number) => `https://127.0.0.1:${port}/jwks`],
    ['localhost', (port: number) => `https://localhost:${port}/jwks`],
    ['loopback of IPv6', (port: number) => `https://[::1]:${port}/jwks`],
    ['loopback within IPv6', (port: number) => `https://[::ffff:127.0.0.1]:${port}/jwks`],
    ['any address', (port: number) => `https://0.0.0.0:${port}/jwks`],
  ])('keys by https at %s: the connection is ended before anything is asked', async (_, address) => {
    let bytes = 0;
    // Not TLS: whatever arrives would be seen.
    const port = createTcp((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        if (chunk[0] !== 0x16) bytes += chunk.length;
        socket.destroy();
      });
    }).listen(0);
    await new Promise((done) => port.once('listening', done));
    const id = await clientAt(address((port.address() as AddressInfo).port));
    expect((await sendAssertion(id)).status).toBe(401);
    expect(bytes).toBe(0);
    port.close();
  });

  test.each([
    ['an address that redirects inside', () => `${addressOf(inside)}/redirect`],
    ['plain http at another name', () => `${addressOf(inside).replace('127.0.0.1', '127.0.0.2')}/jwks`],
  ])('%s is not followed', async (_, address) => {
    asked = [];
    const id = await clientAt(address());
    expect((await sendAssertion(id)).status).toBe(401);
    expect(asked.filter((path) => path === '/jwks')).toEqual([]);
  });

  test('keys at an address that does not answer do not hold the server', async () => {
    const silent = createTcp(() => undefined).listen(0, '127.0.0.1');
    await new Promise((done) => silent.once('listening', done));
    const id = await clientAt(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/jwks`);
    const started = Date.now();
    expect((await sendAssertion(id)).status).toBe(401);
    expect(Date.now() - started).toBeLessThan(100_000);
    silent.close();
  }, 60_000);

  test('keys without end are not read', async () => {
    const endless = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(`{"keys":["${'x'.repeat(65_536)}`), 1);
      response.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    await new Promise((done) => endless.once('listening', done));
    const id = await clientAt(`${addressOf(endless)}/jwks`);
    expect((await sendAssertion(id)).status).toBe(401);
    endless.closeAllConnections();
    endless.close();
  }, 60_000);

  test('a request object by reference is not fetched', async () => {
    asked = [];
    const app = await makeApp(lab);
    const address = `${addressOf(inside)}/request.jwt`;
    const page = await authorize(app, person, { scope: 'user/*.rs', parameters: { request_uri: address } });
    expect(page.leftTo?.searchParams.get('error') ?? 'x').toMatch(/request_uri_not_supported|invalid_request|x/);
    expect(asked).toEqual([]);
  });

  test.each(['none', 'HS256', 'RS256'])('a request object by value (%s) changes nothing', async (alg) => {
    const app = await makeApp(lab);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const request = `${part({ alg })}.${part({ client_id: app.clientId, redirect_uri: 'https://evil.example.org/', scope: 'system/*.cruds' })}.`;
    const page = await authorize(app, person, { scope: 'user/*.rs', parameters: { request } });
    expect(page.leftTo?.origin ?? 'https://app.example.org').toBe('https://app.example.org');
    expect(page.leftTo?.searchParams.get('code') ?? null).toBeNull();
  });
});
