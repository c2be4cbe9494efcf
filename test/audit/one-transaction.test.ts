/** A change of users, roles, clients, settings, keys or overrides and its event are one transaction: neither is without the other. */
import { execFile } from 'node:child_process';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { disableUser, addUser, setUser } from '../../src/accounts/users.ts';
import { registerClient } from '../../src/accounts/clients.ts';
import { setRole } from '../../src/accounts/own-roles.ts';
import type { Administration } from '../../src/accounts/administration.ts';
import { administrationBy, notingTenant } from '../../src/command/note.ts';
import type { Database } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { changeTenantSettings, findTenant } from '../../src/store/tenants.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import { failing, withoutLog } from './broken.ts';
import { eventsOf } from './log.ts';

let lab: Laboratory;
let admin: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  admin = await signIn(lab.tenant, 'system/*.cruds manage/users manage/roles manage/clients', 'admin', {
    acr: 'urn:makhbar:acr:second-factor',
    authTime: Math.floor(Date.now() / 1_000),
  });
});

/** Everything that the changes of this file could change. */
async function state({ tenant }: Laboratory): Promise<string> {
  const { id } = tenant;
  const [row] = await testDatabase().query<{ all: string }>(
    id,
    sql`select jsonb_build_array(
      (select jsonb_agg(to_jsonb(a) order by account_id) from account a where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(r) order by account_id, role) from account_role r where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(r) order by name) from role r where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(c) order by client_id) from client c where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(t) order by to_jsonb(t)) from account_ticket t where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(b) order by override) from break_glass b where tenant_id = ${id}),
      (select jsonb_agg(job_id order by job_id) from job where tenant_id = ${id} and kind = 'reindex'),
      (select count(*) from launch where tenant_id = ${id}),
      (select count(*) from signing_key where tenant_id = ${id}))::text as all`,
  );
  const { settings, status } = (await findTenant(testDatabase(), tenant.name)) ?? lab.tenant;
  return `${row?.all ?? ''} ${JSON.stringify([settings, status])}`;
}

const parameters = (pairs: readonly (readonly [string, string])[]): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/fhir+json' },
  body: JSON.stringify({
    resourceType: 'Parameters',
    parameter: pairs.map(([name, valueString]) => ({ name, valueString })),
  }),
});

const role = [
  ['name', 'reader'],
  ['title', 'Reader'],
  ['scope', 'user/Patient.rs'],
  ['consent', 'enforced'],
  ['clearance', 'N'],
] as const;
const client = [
  ['kind', 'confidential'],
  ['name', 'Chart'],
  ['id', 'chart'],
  ['redirectUri', 'https://chart.example.org/cb'],
] as const;

describe('operations', () => {
  test.each<readonly [string, readonly (readonly [string, string])[]]>([
    ['$user-add', [['username', 'layla']]],
    [
      '$user-set',
      [
        ['username', 'layla'],
        ['role', 'technician'],
      ],
    ],
    ['$user-reset', [['username', 'layla']]],
    ['$user-disable', [['username', 'layla']]],
    ['$user-enable', [['username', 'layla']]],
    ['$role-set', role],
    ['$role-delete', [['name', 'reader']]],
    ['$client-add', client],
    ['$client-rotate-secret', [['id', 'chart']]],
    ['$client-revoke', [['id', 'chart']]],
  ])('%s: without its event nothing is changed', async (operation, pairs) => {
    const before = await state(lab);
    const refused = await withoutLog(lab.tenant, () => admin.fetch(operation, parameters(pairs)));
    expect(refused.status).toBe(503);
    expect(await state(lab)).toBe(before);
    const events = (await eventsOf(lab)).length;
    expect((await admin.fetch(operation, parameters(pairs))).status).toBe(200);
    expect(await state(lab)).not.toBe(before);
    expect((await eventsOf(lab)).slice(events)).toEqual([
      expect.objectContaining({ deed: operation, outcome: 0, further: [expect.anything()] }),
    ]);
  });

  test.each<readonly [string, number, RequestInit]>([
    ['$reindex', 202, parameters([['type', 'Patient']])],
    ['$launch-context', 200, parameters([])],
  ])('%s', async (operation, status, init) => {
    const one = await signIn(lab.tenant, 'system/*.cruds manage/settings manage/launches', 'one');
    const before = await state(lab);
    expect((await withoutLog(lab.tenant, () => one.fetch(operation, init))).status).toBe(503);
    expect(await state(lab)).toBe(before);
    const events = (await eventsOf(lab)).length;
    expect((await one.fetch(operation, init)).status).toBe(status);
    expect(await state(lab)).not.toBe(before);
    expect((await eventsOf(lab)).slice(events)).toEqual([expect.objectContaining({ deed: operation, outcome: 0 })]);
  });

  test('the end of an override', async () => {
    const headers = { 'content-type': 'application/fhir+json' };
    await lab.fetch('Patient/p', { method: 'PUT', headers, body: '{"resourceType":"Patient","id":"p"}' });
    const physician = await signIn(lab.tenant, 'user/*.rs', 'physician', {
      clearance: ['N'],
      consent: 'enforced',
      roleScopes: ['user/Patient.rs'],
      breakGlass: { minutes: 60, roleScopes: ['user/Patient.rs'] },
    });
    await physician.fetch('Patient/p/$break-glass', parameters([['reason', 'Unconscious in the emergency room']]));
    const before = await state(lab);
    const close = (): Promise<Response> => physician.fetch('Patient/p/$break-glass-close', { method: 'POST' });
    expect((await withoutLog(lab.tenant, close)).status).toBe(503);
    expect(await state(lab)).toBe(before);
    expect((await close()).status).toBe(200);
    expect(await state(lab)).not.toBe(before);
  });
});

describe('commands', () => {
  const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
  const makhbar = (...args: string[]): Promise<number> => {
    const { databaseUrl, dataDir } = testServer();
    const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
    return new Promise((done) =>
      execFile(process.execPath, [launcher, ...args], { env, cwd: dataDir }, (error) => done(Number(error?.code ?? 0))),
    );
  };

  test.each<readonly [kind: string, args: (name: string) => string[]]>([
    ['settings-changed', (name) => ['tenant', 'set', name, 'passwordLength', '20']],
    ['settings-changed', (name) => ['tenant', 'unset', name, 'passwordLength']],
    ['settings-changed', (name) => ['tenant', 'suspend', name]],
    ['settings-changed', (name) => ['tenant', 'resume', name]],
    ['user-changed', (name) => ['user', 'add', name, 'omar']],
    ['user-changed', (name) => ['user', 'disable', name, 'omar']],
    ['client-changed', (name) => ['client', 'add', name, '--kind', 'launcher', '--name', 'EMR', '--id', 'emr']],
    ['client-changed', (name) => ['client', 'revoke', name, 'emr']],
    ['key-rotated', (name) => ['keys', 'rotate', name]],
  ])(
    '%s %#: without its event nothing is changed',
    async (kind, args) => {
      const command = args(lab.tenant.name);
      const before = await state(lab);
      expect(await withoutLog(lab.tenant, () => makhbar(...command))).toBe(1);
      expect(await state(lab)).toBe(before);
      const events = (await eventsOf(lab)).length;
      expect(await makhbar(...command)).toBe(0);
      expect(await state(lab)).not.toBe(before);
      const deed = `makhbar ${command.slice(0, 2).join(' ')}`;
      expect((await eventsOf(lab)).slice(events)).toEqual([
        expect.objectContaining({ kind, deed, agent: expect.objectContaining({ subject: 'operator' }) }),
      ]);
    },
    30_000,
  );
});

describe('whichever statement fails, a change is not half made', () => {
  const definition = { name: 'half', title: 'Half', scopes: ['user/Patient.rs'], manages: [], secondFactor: false };
  const byAdministrator: Record<string, (administration: Administration) => Promise<unknown>> = {
    addUser: (one) => addUser(one, { username: 'half', roles: ['technician', 'auditor'] }),
    setUser: (one) => setUser(one, 'half', { roles: ['pathologist'], display: 'Half' }),
    disableUser: (one) => disableUser(one, 'half'),
    setRole: (one) => setRole(one, { ...definition, clearance: ['N'], consent: 'enforced' }),
    registerClient: (one) =>
      registerClient(one, {
        kind: 'public',
        name: 'Half',
        id: 'half',
        metadata: { redirectUris: ['https://half.example.org/cb'] },
      }),
  };
  const deed = { kind: 'settings-changed', deed: 'makhbar half' } as const;
  const changes: Record<string, (database: Database) => Promise<unknown>> = {
    ...Object.fromEntries(
      Object.entries(byAdministrator).map(([name, change]) => [
        name,
        (database: Database) => change(administrationBy(database, lab.tenant, deed)),
      ]),
    ),
    tenant: (database) =>
      notingTenant(database, deed, (operator) =>
        changeTenantSettings(operator, lab.tenant.name, { website: 'https://half.example.org' }),
      ),
  };

  test.each(Object.keys(changes))('%s', async (name) => {
    const before = await state(lab);
    const events = (await eventsOf(lab)).length;
    let cuts = 0;
    for (let n = 1; ; n++) {
      const { database, failed } = failing(n);
      const done = await changes[name]?.(database).then(
        () => true,
        () => false,
      );
      if (done === true) break;
      expect(failed()).toBe(true);
      cuts += 1;
      expect(await state(lab)).toBe(before);
      expect(await eventsOf(lab)).toHaveLength(events);
    }
    expect(cuts).toBeGreaterThanOrEqual(2);
    expect(await state(lab)).not.toBe(before);
    expect((await eventsOf(lab)).slice(events)).toEqual([expect.objectContaining({ deed: 'makhbar half' })]);
  });
});
