/** Events that are no interaction over FHIR: signing in, tokens, users, roles, clients, overrides. One each, and the right one. */
import { beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { eventColumns, recordFromRow, type EventRow } from '../../src/store/audit-read.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import {
  askToken,
  authorize,
  makeApp,
  makeBrowser,
  makePerson,
  signInTo,
  type App,
  type Person,
} from '../identity/app.ts';

let lab: Laboratory;
let app: App;
let person: Person;

beforeAll(async () => {
  lab = await makeLaboratory();
  person = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t' });
  app = await makeApp(lab);
});

/** What `work` adds to the log. */
async function during(work: () => Promise<unknown>): Promise<AuditRecord[]> {
  const { id } = lab.tenant;
  const all = async (): Promise<AuditRecord[]> =>
    (
      await testDatabase().query<EventRow>(
        id,
        sql`select ${eventColumns} from audit_event e join audit_agent a on a.tenant_id = e.tenant_id and a.agent = e.agent
          where e.tenant_id = ${id} order by e.transaction, e.id`,
      )
    ).map(recordFromRow);
  const before = (await all()).length;
  await work();
  return (await all()).slice(before);
}

const client = (): Partial<AuditRecord['agent']> => ({ subject: person.id, client: app.clientId });

test('a sign-in and the token that follows', async () => {
  const events = await during(() => signInTo(app, person, { scope: 'openid user/*.rs' }));
  expect(events.map(({ kind }) => kind)).toEqual(['sign-in', 'token-issued']);
  const [first, second] = events;
  expect(first).toMatchObject({
    outcome: 0,
    address: '127.0.0.1',
    agent: { ...client(), fhirUser: 'Practitioner/t', name: `Person ${person.username}` },
  });
  expect(second).toMatchObject({ outcome: 0, agent: client() });
});

test('a password that is wrong', async () => {
  const events = await during(() => authorize(app, { ...person, password: 'wrong' }));
  expect(events).toEqual([
    expect.objectContaining({
      kind: 'sign-in-failed',
      outcome: 4,
      reason: 'credentials',
      further: [expect.objectContaining({ what: { identifier: { value: person.username } } })],
    }),
  ]);
  expect(JSON.stringify(events)).not.toMatch(/wrong|correct horse/);
});

test('a token that is refreshed, refused and revoked', async () => {
  const { body } = await signInTo(app, person, { scope: 'offline_access user/*.rs' });
  const refresh = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
  let next: Record<string, unknown> = {};
  const refreshed = await during(async () => (next = (await askToken(app, refresh)).body));
  expect(refreshed).toEqual([
    expect.objectContaining({ kind: 'token-refreshed', agent: expect.objectContaining(client()) }),
  ]);
  const refused = await during(() => askToken(app, { ...refresh, refresh_token: 'nonsense' }));
  expect(refused).toEqual([
    expect.objectContaining({ kind: 'token-refused', outcome: 4, reason: '400 invalid_grant' }),
  ]);
  const revoked = await during(() =>
    fetch(`${app.issuer}/token/revocation`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_id: app.clientId, token: String(next['refresh_token']) }),
    }),
  );
  expect(revoked).toEqual([
    expect.objectContaining({ kind: 'token-revoked', agent: expect.objectContaining(client()) }),
  ]);
  expect(JSON.stringify([refreshed, refused, revoked])).not.toContain(String(next['refresh_token']));
});

test('a sign-out', async () => {
  const browser = makeBrowser();
  await signInTo(app, person, { browser, scope: 'openid user/*.rs' });
  const events = await during(async () => {
    const page = await browser.go(`${app.issuer}/session/end`);
    const xsrf = /name="xsrf" value="([^"]*)"/.exec(page.text)?.[1] ?? '';
    await browser.submit(page, [
      ['xsrf', xsrf],
      ['logout', 'yes'],
    ]);
  });
  expect(events).toEqual([
    expect.objectContaining({ kind: 'sign-out', agent: expect.objectContaining({ subject: person.id }) }),
  ]);
});

test('a person who signs in to the account and changes the password', async () => {
  const own = await makePerson(lab.tenant);
  const browser = makeBrowser();
  const next = 'another heron over the lagoon';
  const events = await during(async () => {
    const start = await browser.go(`${app.issuer}/account/sign-in`);
    await browser.submit(start, [
      ['username', own.username],
      ['password', own.password],
    ]);
    const page = await browser.go(`${app.issuer}/account/password`);
    await browser.submit(page, [
      ['current', own.password],
      ['password', next],
      ['again', next],
    ]);
  });
  expect(events).toEqual([
    expect.objectContaining({ kind: 'sign-in', agent: expect.objectContaining({ subject: own.id, client: '' }) }),
    expect.objectContaining({ kind: 'user-changed', deed: 'account password', outcome: 0 }),
  ]);
  expect(JSON.stringify(events)).not.toContain('heron');
});

const parameters = (...pairs: [string, string][]): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/fhir+json' },
  body: JSON.stringify({
    resourceType: 'Parameters',
    parameter: pairs.map(([name, valueString]) => ({ name, valueString })),
  }),
});

test.each([
  ['$user-add', [['username', 'somebody']], 'user-changed'],
  ['$user-disable', [['username', 'somebody']], 'user-changed'],
  [
    '$role-set',
    [
      ['name', 'reader'],
      ['title', 'Reader'],
      ['scope', 'user/Patient.rs'],
      ['consent', 'enforced'],
      ['clearance', 'N'],
    ],
    'role-changed',
  ],
  ['$role-delete', [['name', 'reader']], 'role-changed'],
  [
    '$client-add',
    [
      ['kind', 'backend'],
      ['name', 'Reports'],
      ['id', 'reports'],
      ['scopes', 'system/Patient.rs'],
      ['jwksUri', 'https://app.example.org/jwks'],
    ],
    'client-changed',
  ],
  ['$client-revoke', [['id', 'reports']], 'client-changed'],
] as const)('%s', async (operation, pairs, kind) => {
  const admin = await signIn(lab.tenant, 'system/*.cruds manage/users manage/roles manage/clients', 'admin', {
    acr: 'urn:makhbar:acr:second-factor',
    authTime: Math.floor(Date.now() / 1_000),
  });
  let status = 0;
  let answer = '';
  const events = await during(async () => {
    const response = await admin.fetch(operation, parameters(...pairs.map(([a, b]): [string, string] => [a, b])));
    status = response.status;
    answer = await response.text();
  });
  expect([status, answer]).toEqual([200, answer]);
  expect(events).toEqual([
    expect.objectContaining({
      kind,
      deed: operation,
      outcome: 0,
      agent: expect.objectContaining({ subject: 'admin' }),
      further: [expect.objectContaining({ type: expect.anything() })],
    }),
  ]);
});

test('an override, and its end', async () => {
  const headers = { 'content-type': 'application/fhir+json' };
  await lab.fetch('Patient/p', { method: 'PUT', headers, body: '{"resourceType":"Patient","id":"p"}' });
  const physician = await signIn(lab.tenant, 'user/*.rs', 'physician', {
    clearance: ['N'],
    consent: 'enforced',
    roleScopes: ['user/Patient.rs'],
    breakGlass: { minutes: 60, roleScopes: ['user/Patient.rs'] },
  });
  const opened = await during(() =>
    physician.fetch('Patient/p/$break-glass', parameters(['reason', 'Unconscious in the emergency room'])),
  );
  expect(opened).toEqual([
    expect.objectContaining({
      kind: 'emergency-override-started',
      outcome: 0,
      patients: ['p'],
      agent: expect.objectContaining({ subject: 'physician' }),
      touched: [expect.objectContaining({ type: 'Task', version: 1 })],
    }),
  ]);
  const closed = await during(() => physician.fetch('Patient/p/$break-glass-close', { method: 'POST' }));
  expect(closed).toEqual([
    expect.objectContaining({ kind: 'emergency-override-stopped', outcome: 0, patients: ['p'] }),
  ]);
});

test('what an app keeps for itself', async () => {
  const headers = { 'content-type': 'application/fhir+json' };
  await lab.fetch('Patient/s', { method: 'PUT', headers, body: '{"resourceType":"Patient","id":"s"}' });
  const { body } = await signInTo(app, person, { scope: 'launch/patient patient/Basic.cuds', patient: 's' });
  const code = { system: 'https://app.example.org/prefs', code: 'display' };
  const basic = { resourceType: 'Basic', code: { coding: [code] }, subject: { reference: `${lab.base}/Patient/s` } };
  let id = '';
  const send = async (method: string, path: string, more: object = {}, token = String(body['access_token'])) => {
    const asked = { authorization: `Bearer ${token}`, 'if-match': 'W/"1"' };
    const sent = method === 'GET' || method === 'DELETE' ? {} : { body: JSON.stringify({ ...basic, ...more }) };
    const answer = await fetch(`${app.issuer}/app-state/Basic${path}`, { method, headers: asked, ...sent });
    const text = await answer.text();
    if (answer.status === 201) id = (JSON.parse(text) as { id: string }).id;
  };
  const subject = encodeURIComponent(`${lab.base}/Patient/s`);
  const query = `?code=${encodeURIComponent(`${code.system}|${code.code}`)}&subject=${subject}`;
  const own = { kind: 'app-state', agent: expect.objectContaining(client()), patients: ['s'] };
  const about = (): object => ({ further: [expect.objectContaining({ what: { identifier: { value: id } } })] });
  for (const [work, expected] of [
    [() => send('POST', ''), () => ({ ...own, ...about(), deed: 'app-state create', outcome: 0 })],
    [() => send('GET', query), () => ({ ...own, ...about(), deed: 'app-state search', outcome: 0 })],
    [() => send('PUT', `/${id}`, { id }), () => ({ ...own, ...about(), deed: 'app-state update', outcome: 0 })],
    [
      () => send('PUT', `/${id}`, { id }),
      () => ({ ...own, ...about(), deed: 'app-state update', outcome: 4, reason: '412 conflict', patients: [] }),
    ],
    [
      () => send('POST', '', { code: { coding: [{ ...code, system: 'https://other.example.org' }] } }),
      () => ({ kind: 'access-denied', deed: 'app-state create', outcome: 8, reason: '403 forbidden' }),
    ],
    [
      () => send('GET', query, {}, 'nonsense'),
      () => ({ kind: 'access-denied', deed: 'app-state search', reason: '401 login', patients: [] }),
    ],
    [
      () => send('PATCH', `/${id}`),
      () => ({ kind: 'app-state', deed: 'app-state request', outcome: 4, reason: '404 not-found' }),
    ],
  ] as const) {
    const events = await during(work);
    expect(events).toEqual([expect.objectContaining(expected())]);
  }
});

test('the log that cannot be written: nobody gets a token', async () => {
  const broken = await makeLaboratory();
  const other = await makeApp(broken);
  const owner = new pg.Client(testServer().databaseUrl);
  await owner.connect();
  await owner.query(`create or replace function test_no_security() returns trigger language plpgsql as
    $$ begin raise exception 'no audit'; end $$`);
  const trigger = `test_no_security_${broken.tenant.id}`;
  await owner.query(`create trigger ${trigger} before insert on audit_event for each row
    when (new.tenant_id = ${broken.tenant.id}) execute function test_no_security()`);
  try {
    const somebody = await makePerson(broken.tenant, { roles: ['technician'] });
    const page = await authorize(other, somebody);
    expect([page.status, page.leftTo]).toEqual([503, undefined]);
    expect(page.headers.getSetCookie()).toEqual([]);
    const { status, body } = await askToken(other, { grant_type: 'authorization_code', code: 'x' });
    expect([status, Object.keys(body)]).toEqual([503, ['error', 'error_description']]);
  } finally {
    await owner.query(`drop trigger ${trigger} on audit_event`);
    await owner.end();
  }
});
