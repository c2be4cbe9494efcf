/**
 * Under which address a laboratory signs people in: PUBLIC_URL, a domain of its own, what a trusted proxy says; every
 * address that the provider tells, and every cookie, is of that one.
 */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { start } from '../../src/main.ts';
import type { Running } from '../../src/start/running.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';
import { authorizationUrl, makeApp, type App } from './app.ts';

let lab: Laboratory;
let app: App;
const servers: Running[] = [];

async function serverWith(environment: Record<string, string>): Promise<number> {
  const { databaseUrl, dataDir } = testServer();
  const common = {
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    PORT: '0',
    HL7_PORT: '0',
    ASTM_PORT: '0',
    LOG_LEVEL: 'error',
  };
  const { PUBLIC_URL: _, ...rest } = environment;
  // The port is told by the address that the server shows, which PUBLIC_URL would hide: so a fixed free one is taken.
  const probe = await start(readConfig({ ...common, ...rest }), undefined);
  const port = Number(new URL(probe.url).port);
  if (environment['PUBLIC_URL'] === undefined) {
    servers.push(probe);
    return port;
  }
  await probe.stop();
  servers.push(await start(readConfig({ ...common, ...environment, PORT: String(port) })));
  return port;
}

beforeAll(async () => {
  lab = await makeLaboratory();
  app = await makeApp(lab);
});
afterAll(async () => {
  for (const server of servers) await server.stop();
});

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** fetch would set the header Host itself. */
async function ask(port: number, path: string, headers: Record<string, string>): Promise<Answer> {
  return await new Promise((done, fail) => {
    const sent = request({ port, host: '127.0.0.1', path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', fail);
    sent.end();
  });
}

interface Case {
  environment: Record<string, string>;
  /** Where the request goes, and what it says. */
  path(tenant: string): string;
  headers(tenant: string): Record<string, string>;
  issuer(tenant: string): string;
  cookiePath(tenant: string): string;
}

const cases: [string, Case][] = [
  [
    'PUBLIC_URL',
    {
      environment: { PUBLIC_URL: 'https://fhir.example.org' },
      path: (tenant) => `/${tenant}`,
      headers: () => ({ host: 'evil.example' }),
      issuer: (tenant) => `https://fhir.example.org/${tenant}`,
      cookiePath: (tenant) => `/${tenant}`,
    },
  ],
  [
    'a domain of its own',
    {
      environment: { PUBLIC_URL: 'https://labs.example', BASE_DOMAIN: 'labs.example' },
      path: () => '',
      headers: (tenant) => ({ host: `${tenant}.labs.example` }),
      issuer: (tenant) => `https://${tenant}.labs.example`,
      cookiePath: () => '/',
    },
  ],
  [
    'a trusted proxy',
    {
      environment: { TRUST_PROXY: 'loopback' },
      path: (tenant) => `/${tenant}`,
      headers: () => ({ host: 'inner', 'x-forwarded-host': 'outer.example', 'x-forwarded-proto': 'https' }),
      issuer: (tenant) => `https://outer.example/${tenant}`,
      cookiePath: (tenant) => `/${tenant}`,
    },
  ],
];

describe.each(cases)('%s', (_, { environment, path, headers, issuer, cookiePath }) => {
  let port: number;
  let root: string;
  let sent: Record<string, string>;
  let expected: string;

  beforeAll(async () => {
    const { name } = lab.tenant;
    port = await serverWith(environment);
    root = path(name);
    sent = headers(name);
    expected = issuer(name);
  });

  test('discovery and smart-configuration tell addresses below the issuer', async () => {
    for (const document of ['/.well-known/openid-configuration', '/fhir/.well-known/smart-configuration']) {
      const { status, text } = await ask(port, root + document, sent);
      expect(status).toBe(200);
      const told = JSON.parse(text) as Record<string, unknown>;
      expect(told['issuer']).toBe(expected);
      const addresses = Object.entries(told).filter(([name]) => /_(endpoint|uri)$/.test(name));
      expect(addresses.length).toBeGreaterThan(4);
      for (const [name, address] of addresses)
        expect([name, String(address).startsWith(`${expected}/`)]).toEqual([name, true]);
    }
  });

  test('an authorization goes on below the issuer, with secure cookies of the laboratory', async () => {
    const at: App = { ...app, issuer: expected, lab: { ...lab, base: `${expected}/fhir` } };
    const url = new URL(authorizationUrl(at, { scope: 'user/Patient.rs' }));
    const first = await ask(port, `${root}/auth${url.search}`, sent);
    expect(first.status).toBe(303);
    const location = String(first.headers['location']);
    expect(location.startsWith(`${expected}/sign-in/`)).toBe(true);
    const cookies = (first.headers['set-cookie'] ?? []) as string[];
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/; secure/i);
      expect(cookie).toContain(`path=${cookiePath(lab.tenant.name)}`);
    }
    const pairs = cookies.map((cookie) => cookie.split(';')[0]).join('; ');
    const page = await ask(
      port,
      root + new URL(location).pathname.slice(new URL(expected).pathname.replace(/\/$/, '').length),
      {
        ...sent,
        cookie: pairs,
      },
    );
    expect(page.status).toBe(200);
    expect(page.text).toMatch(/name="password"/);
  });
});
