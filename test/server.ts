/**
 * What a test file uses of the one server (start-server.ts): its addresses, laboratories of its own, tokens for them.
 *
 *   const lab = await makeLaboratory();
 *   const answer = await lab.fetch('Patient/1');                       // path below the FHIR base, token included
 */
import { randomBytes } from 'node:crypto';
import { afterAll } from '@jest/globals';
import { parseManages, parseScopes } from '../src/access/scopes.ts';
import { readConfig } from '../src/config.ts';
import { issueToken, type About } from '../src/identity/token.ts';
import { openDatabase, type Database } from '../src/store/pool.ts';
import { createTenant, type Tenant, type TenantSettings } from '../src/store/tenants.ts';
import { environmentName, type TestServer } from './start-server.ts';

let opened: Database | undefined;
afterAll(() => opened?.close());

/** @throws Error with the reason when the server did not start. */
export function testServer(): TestServer {
  const server = JSON.parse(process.env[environmentName] ?? '{"failure":"it was not asked to"}') as TestServer;
  if (server.failure !== undefined) throw new Error(`The test server did not start: ${server.failure}`);
  return server;
}

/** The server's database through a pool of this test file, closed at its end. */
export function testDatabase(): Database {
  return (opened ??= openDatabase({ url: testServer().databaseUrl, connections: 8, statementTimeout: 30_000 }));
}

export interface Laboratory {
  tenant: Tenant;
  /** FHIR base without a slash at its end. */
  base: string;
  token: string;
  /** Asks for a path below the FHIR base with the token; headers and body as in the global fetch. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export interface LaboratoryOptions {
  /** SMART scopes, separated by spaces. */
  scopes?: string;
  about?: About;
  settings?: TenantSettings;
}

/** A new laboratory with nothing in it, and a token for it. */
export async function makeLaboratory(options: LaboratoryOptions = {}): Promise<Laboratory> {
  const name = `t-${randomBytes(8).toString('hex')}`;
  const tenant = await createTenant(testDatabase(), name, { settings: options.settings ?? {} });
  return signIn(tenant, options.scopes, undefined, options.about);
}

/** The same laboratory for another caller: `signIn(tenant, 'patient/*.rs', 'p', { patient: '1' })`. */
export async function signIn(
  tenant: Tenant,
  scopes = 'system/*.cruds',
  subject = 'operator',
  about?: About,
): Promise<Laboratory> {
  const { url, dataDir } = testServer();
  const keyEncryptionKey = readConfig({ DATA_DIR: dataDir }).keyEncryptionKey();
  const signing = { database: testDatabase(), keyEncryptionKey };
  const { token } = await issueToken(signing, tenant, {
    scopes: parseScopes(scopes),
    manages: parseManages(scopes),
    subject,
    ...(about && { about }),
  });
  const base = `${url}/${tenant.name}/fhir`;
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${token}`);
    return fetch(path === '' ? base : `${base}/${path}`, { ...init, headers });
  };
  return { tenant, base, token, fetch: ask };
}
