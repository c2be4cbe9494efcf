/**
 * An application as seen from outside: registered at a laboratory, it runs SMART's flows over HTTP with a browser's cookies
 * and nothing of ours but the pages. People and clients are put into the database directly.
 *
 *   const lab = await makeLaboratory();
 *   const person = await makePerson(lab.tenant, { roles: ['pathologist'], fhirUser: 'Practitioner/1' });
 *   const app = await makeApp(lab, { scopes: 'launch/patient patient/*.rs openid fhirUser' });
 *   const answer = await signInTo(app, person, { patient: 'p1' });      // the answer of the token endpoint
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { grantRole, insertAccount, sessionOf, setPassword } from '../../src/store/accounts.ts';
import type { ClientKind, ClientMetadata } from '../../src/access/clients.ts';
import { addClient, newSecret } from '../../src/store/clients.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { hashPassword } from '../../src/identity/password.ts';
import { makeIdentity } from '../../src/identity/identity.ts';
import { readConfig } from '../../src/config.ts';
import { testDatabase, testServer, type Laboratory } from '../server.ts';
import { makeBrowser, makePkce, offeredScopes, type Browser, type Page, type Pkce } from './visitor.ts';

export interface Person {
  readonly id: string;
  readonly username: string;
  readonly password: string;
}

export interface PersonOptions {
  readonly roles?: readonly string[];
  readonly fhirUser?: string;
}

/** An active account. The roles must not demand a second factor, or the laboratory's setting must say so. */
export async function makePerson(tenant: Tenant, options: PersonOptions = {}): Promise<Person> {
  const session = sessionOf(testDatabase(), tenant.id);
  const id = randomUUID();
  const username = `user-${randomBytes(4).toString('hex')}`;
  const password = `correct horse ${randomBytes(6).toString('hex')}`;
  const { fhirUser } = options;
  const account = { id, username, display: `Person ${username}`, createdBy: 'test', ...(fhirUser && { fhirUser }) };
  await insertAccount(session, account, Date.now());
  await setPassword(session, id, await hashPassword(testIdentity(), tenant, password), Date.now());
  for (const role of options.roles ?? []) await grantRole(session, id, { role, by: 'test', now: Date.now() });
  return { id, username, password };
}

export function testIdentity() {
  return makeIdentity(testDatabase(), readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey());
}

export interface App {
  readonly lab: Laboratory;
  readonly issuer: string;
  readonly clientId: string;
  readonly secret: string | undefined;
  readonly redirectUri: string;
}

export interface AppOptions extends ClientMetadata {
  readonly kind?: ClientKind;
  /** What it may ask for. */
  readonly scopes?: string;
  readonly name?: string;
}

export const everyScope =
  'openid fhirUser profile offline_access online_access launch launch/patient launch/encounter patient/*.cruds user/*.cruds';

export async function makeApp(lab: Laboratory, options: AppOptions = {}): Promise<App> {
  const { kind = 'public', scopes = everyScope, name = 'Growth chart', ...metadata } = options;
  const clientId = `app-${randomBytes(4).toString('hex')}`;
  const redirectUri = options.redirectUris?.[0] ?? 'https://app.example.org/callback';
  const secret = kind === 'confidential' ? newSecret() : undefined;
  const forPeople = kind === 'public' || kind === 'confidential' || kind === 'asymmetric';
  await addClient(sessionOf(testDatabase(), lab.tenant.id), {
    id: clientId,
    kind,
    name,
    scopes,
    metadata: { ...(forPeople && { redirectUris: [redirectUri] }), ...metadata },
    createdBy: 'test',
    secretHash: secret?.hash,
  });
  const issuer = lab.base.replace(/\/fhir$/, '');
  return { lab, issuer, clientId, secret: secret?.secret, redirectUri };
}

export { formOf, makeBrowser, makePkce, offeredScopes, type Browser, type Page, type Pkce } from './visitor.ts';

export interface FlowOptions {
  readonly scope?: string;
  readonly launch?: string;
  /** Id of the patient to choose where the page asks. */
  readonly patient?: string;
  /** What to keep of the scopes offered. */
  readonly keep?: (scope: string) => boolean;
  /** Further parameters of the authorization request; undefined takes one away. */
  readonly parameters?: Readonly<Record<string, string | undefined>>;
  readonly browser?: Browser;
  readonly pkce?: Pkce;
  /** Further fields for the token endpoint, a client's assertion for instance. */
  readonly tokenFields?: Readonly<Record<string, string>>;
}

export function authorizationUrl(app: App, options: FlowOptions = {}): string {
  const { scope = 'launch/patient patient/*.rs', launch, pkce = makePkce(), parameters = {} } = options;
  const query: Record<string, string | undefined> = {
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: app.redirectUri,
    scope,
    state: 'st4te',
    aud: app.lab.base,
    launch,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...parameters,
  };
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `${app.issuer}/auth?${new URLSearchParams(given).toString()}`;
}

/** Goes through the pages up to where the browser leaves to the application, or a page that is none of these. */
export async function authorize(app: App, person: Person, options: FlowOptions = {}): Promise<Page> {
  const browser = options.browser ?? makeBrowser();
  let page = await browser.go(authorizationUrl(app, options));
  if (/name="password"/.test(page.text)) {
    page = await browser.submit(page, [
      ['username', person.username],
      ['password', person.password],
    ]);
  }
  if (/name="search"/.test(page.text) && options.patient !== undefined) {
    page = await browser.submit(page, [['patient', options.patient]]);
  }
  if (/name="decision"/.test(page.text)) {
    const kept = offeredScopes(page).filter(options.keep ?? (() => true));
    page = await browser.submit(page, [['decision', 'allow'], ...kept.map((scope) => ['scope', scope] as const)]);
  }
  return page;
}

export interface TokenAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Asks the token endpoint, as the kind of client that it is. */
export async function askToken(app: App, fields: Readonly<Record<string, string>>): Promise<TokenAnswer> {
  const named = app.secret !== undefined || 'client_assertion' in fields;
  const own: Record<string, string> = named ? {} : { client_id: app.clientId };
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  if (app.secret !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${app.clientId}:${app.secret}`).toString('base64')}`;
  }
  const body = new URLSearchParams({ ...own, ...fields }).toString();
  const answer = await fetch(`${app.issuer}/token`, { method: 'POST', headers, body });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** The whole flow. @throws Error where it does not end with a code. */
export async function signInTo(app: App, person: Person, options: FlowOptions = {}): Promise<TokenAnswer> {
  const pkce = options.pkce ?? makePkce();
  const page = await authorize(app, person, { ...options, pkce });
  const code = page.leftTo?.searchParams.get('code');
  if (typeof code !== 'string') {
    throw new Error(`No code: ${page.status} ${page.leftTo?.href ?? page.text.replaceAll(/<[^>]*>|\s+/g, ' ')}`);
  }
  return await askToken(app, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: app.redirectUri,
    code_verifier: pkce.verifier,
    ...options.tokenFields,
  });
}

/** A FHIR request with a token. */
export async function askFhir(app: App, token: unknown, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${String(token)}`);
  return await fetch(`${app.lab.base}/${path}`, { ...init, headers });
}
