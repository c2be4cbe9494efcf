/**
 * Access ends within 5 s of what ends it, tokens already issued included, also in another process than the one that was
 * told: disabling an account, taking a role, revoking a client, suspending the laboratory.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { revokeRole, sessionOf, setAccountStatus } from '../../src/store/accounts.ts';
import { revokeClient } from '../../src/store/clients.ts';
import { setTenantStatus } from '../../src/store/tenants.ts';
import { rotateKeys } from '../../src/identity/keys.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import { askToken, makeApp, makePerson, signInTo, testIdentity, type App, type Person } from './app.ts';

let second: ChildProcess;
let url: string;

/** A further server on the same database and keys, at another port, under the first one's address. */
beforeAll(async () => {
  const { databaseUrl, dataDir, url: first } = testServer();
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    PORT: '0',
    HL7_PORT: '0',
    ASTM_PORT: '0',
    LOG_LEVEL: 'error',
  };
  const script = `
    const { readConfig } = await import('./src/config.ts');
    const { start } = await import('./src/main.ts');
    const running = await start(readConfig({ ...process.env, TRUST_PROXY: 'loopback' }, { only: ['http'] }));
    console.log(running.url);`;
  second = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  url = await new Promise<string>((done, fail) => {
    second.stdout?.once('data', (data: Buffer) => done(data.toString().trim()));
    second.once('exit', () => fail(new Error('The second server did not start.')));
  });
  forwarded = { 'x-forwarded-host': new URL(first).host, 'x-forwarded-proto': 'http' };
}, 30_000);
afterAll(() => {
  second.kill('SIGTERM');
});

let forwarded: Record<string, string> = {};

/** Both servers, the second asked as behind a proxy with the first one's address. */
async function statuses(lab: Laboratory, token: unknown): Promise<number[]> {
  const headers = { authorization: `Bearer ${String(token)}` };
  const path = `/${lab.tenant.name}/fhir/Patient`;
  const answers = await Promise.all([
    fetch(`${testServer().url}${path}`, { headers }),
    fetch(`${url}${path}`, { headers: { ...headers, ...forwarded } }),
  ]);
  return answers.map(({ status }) => status);
}

interface Case {
  readonly lab: Laboratory;
  readonly app: App;
  readonly person: Person;
}

const ends: [string, (one: Case) => Promise<unknown>, number][] = [
  [
    'disabling the account',
    ({ lab, person }) => setAccountStatus(sessionOf(testDatabase(), lab.tenant.id), person.id, 'disabled', Date.now()),
    401,
  ],
  [
    'taking the role',
    ({ lab, person }) => revokeRole(sessionOf(testDatabase(), lab.tenant.id), person.id, 'technician'),
    403,
  ],
  ['revoking the client', ({ lab, app }) => revokeClient(sessionOf(testDatabase(), lab.tenant.id), app.clientId), 401],
  ['suspending the laboratory', ({ lab }) => setTenantStatus(testDatabase(), lab.tenant.name, 'suspended'), 403],
];

interface Signed extends Case {
  readonly tokens: Readonly<Record<string, unknown>>;
}

async function signedIn(): Promise<Signed> {
  const lab = await makeLaboratory();
  const person = await makePerson(lab.tenant, { roles: ['technician'] });
  const app = await makeApp(lab);
  const { body } = await signInTo(app, person, { scope: 'user/Patient.rs offline_access' });
  return { lab, person, app, tokens: body };
}

/** Whether there is no new token, or one that is worth nothing: whoever has no role any more may stay signed in. */
async function isRefusedAnew({ lab, app, tokens }: Signed): Promise<boolean> {
  const refresh_token = String(tokens['refresh_token']);
  const { status, body } = await askToken(app, { grant_type: 'refresh_token', refresh_token });
  if (status >= 400) return true;
  const anew = await statuses(lab, body['access_token']);
  return status !== 200 || anew.every((one) => one === 403);
}

test('each ends access within 5 s in every process, and gives no new token', async () => {
  // One after the other up to what they wait for, which they do together.
  const cases: Signed[] = [];
  for (let i = 0; i < ends.length; i++) cases.push(await signedIn());
  const answers = (): Promise<number[][]> =>
    Promise.all(cases.map(({ lab, tokens }) => statuses(lab, tokens['access_token'])));
  // Now both processes remember the tokens.
  expect(await answers()).toEqual(ends.map(() => [200, 200]));
  for (const [i, [, end]] of ends.entries()) await end(cases[i] as Signed);
  await pause(4_900);
  const found = Object.fromEntries((await answers()).map((statusesOf, i) => [ends[i]?.[0], statusesOf]));
  expect(found).toEqual(Object.fromEntries(ends.map(([what, , status]) => [what, [status, status]])));
  for (const [i, one] of cases.entries())
    expect([ends[i]?.[0], await isRefusedAnew(one)]).toEqual([ends[i]?.[0], true]);
});

describe('rotating the keys', () => {
  async function keyIds(app: App): Promise<string[]> {
    const { keys } = (await (await fetch(`${app.issuer}/jwks`)).json()) as { keys: { kid: string; d?: string }[] };
    expect(keys.every((key) => key.d === undefined)).toBe(true);
    return keys.map(({ kid }) => kid);
  }

  test('signs with a new key within seconds; the old one stays published', async () => {
    const lab = await makeLaboratory();
    const app = await makeApp(lab);
    const person = await makePerson(lab.tenant, { roles: ['technician'] });
    const before = await signInTo(app, person, { scope: 'openid user/Patient.rs' });
    const old = kidOf(before.body['id_token']);
    const made = await rotateKeys(sessionOf(testDatabase(), lab.tenant.id), testIdentity().keyEncryptionKey);
    await pause(5_500);
    const after = await signInTo(app, person, { scope: 'openid user/Patient.rs' });
    expect(made).toContain(kidOf(after.body['id_token']));
    expect(await keyIds(app)).toContain(old);
    expect(await keyIds(app)).toHaveLength(4);
  });

  function kidOf(token: unknown): string {
    const [header = ''] = String(token).split('.');
    return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid;
  }
});
