/** What must be found nowhere: codes, tokens, passwords, secrets and launch ids, neither in the log nor in the database. */
import { spawn } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { raw, sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase, testServer } from '../server.ts';
import { askToken, authorize, makeApp, makeBrowser, makePerson, makePkce } from './app.ts';
import { makeEmr } from './emr.ts';

test('after a launch, a refresh and a revocation no secret is in the log or in a table', async () => {
  const { databaseUrl, dataDir } = testServer();
  const script = `
    const { readConfig } = await import('./src/config.ts');
    const { start } = await import('./src/main.ts');
    const running = await start(readConfig(process.env, { only: ['http'] }));
    console.log(running.url);`;
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    PORT: '0',
    HL7_PORT: '0',
    ASTM_PORT: '0',
    LOG_LEVEL: 'trace',
  };
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: 'pipe' });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  try {
    const url = await new Promise<string>((done) =>
      child.stdout.once('data', (data: Buffer) => done(data.toString().trim())),
    );
    const { tenant, secrets } = await flow(url);
    for (const end = Date.now() + 120_000; !log.includes('"route":"token"') && Date.now() < end;)
      await new Promise((done) => setTimeout(done, 200));
    expect(log).toMatch(/"route":"token"/);
    const stored = await everything(tenant);
    expect(stored).toContain('Grant');
    for (const [name, secret] of Object.entries(secrets)) {
      expect([name, secret.length > 20 || name === 'password']).toEqual([name, true]);
      expect([name, log.includes(secret)]).toEqual([name, false]);
      expect([name, stored.includes(secret)]).toEqual([name, false]);
    }
  } finally {
    child.kill('SIGTERM');
  }
}, 120_000);

async function flow(url: string): Promise<{ tenant: number; secrets: Record<string, string> }> {
  const made = await makeLaboratory();
  const lab = { ...made, base: `${url}/${made.tenant.name}/fhir` };
  const person = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  const patient = JSON.stringify({ resourceType: 'Patient', id: 'p1' });
  const headers = { 'content-type': 'application/fhir+json' };
  expect((await made.fetch('Patient/p1', { method: 'PUT', body: patient, headers })).status).toBe(201);
  const app = await makeApp(lab, { kind: 'confidential' });
  const emr = await makeEmr(lab);
  const launch = (await emr.launch([{ name: 'patient', valueString: 'p1' }])).values['launch'] ?? '';
  const browser = makeBrowser();
  const pkce = makePkce();
  const scope = 'launch openid patient/*.rs offline_access';
  const page = await authorize(app, person, { browser, pkce, launch, scope });
  const code = page.leftTo?.searchParams.get('code') ?? '';
  if (code === '') throw new Error(`${page.status} ${page.leftTo?.href} ${page.text.slice(0, 3000)}`);
  const fields = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: app.redirectUri,
    code_verifier: pkce.verifier,
  };
  const first = (await askToken(app, fields)).body;
  const refresh = String(first['refresh_token']);
  const second = (await askToken(app, { grant_type: 'refresh_token', refresh_token: refresh })).body;
  const session = [...browser.cookies].find(([name]) => /^_session /.test(name))?.[1].value ?? '';
  const secrets = {
    launch,
    code,
    verifier: pkce.verifier,
    'access token': String(first['access_token']),
    'refresh token': refresh,
    'next access token': String(second['access_token']),
    'next refresh token': String(second['refresh_token']),
    'id token': String(first['id_token']),
    'client secret': app.secret ?? '',
    'session cookie': session,
    password: person.password,
  };
  return { tenant: lab.tenant.id, secrets };
}

const tables = [
  'openid_state',
  'launch',
  'client',
  'app_state',
  'account',
  'account_ticket',
  'account_challenge',
  'sign_in_attempt',
  'signing_key',
];

/** All rows of the laboratory in all tables that have to do with signing in, as text. */
async function everything(tenant: number): Promise<string> {
  const texts = [];
  for (const table of tables) {
    const statement = sql`select row_to_json(t)::text as text from ${raw(table)} t`;
    texts.push(...(await testDatabase().query<{ text: string }>(tenant, statement)).map(({ text }) => text));
  }
  return texts.join('\n');
}
