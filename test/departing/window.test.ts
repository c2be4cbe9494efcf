/** The window of a departure: announced and cancelled by the laboratory itself, and its end, at which all is deleted. */
import { spawn } from 'node:child_process';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { shippedRoles } from '../../src/access/roles.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import type { About } from '../../src/identity/token.ts';
import { readConfig } from '../../src/config.ts';
import { sweepDeparted } from '../../src/departing/delete.ts';
import { deleteDue } from '../../src/departing/due.ts';
import { createLog } from '../../src/log.ts';
import { shared } from '../../src/start/http.ts';
import { countRows, findDeparture } from '../../src/store/departures.ts';
import { addHold, liftHold } from '../../src/store/retention.ts';
import { sql } from '../../src/store/sql.ts';
import { findTenant } from '../../src/store/tenants.ts';
import { eventsOf } from '../audit/log.ts';
import { database as superuser } from '../erasure/laboratory.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';

const fresh: About = { acr: 'urn:makhbar:acr:second-factor', authTime: Math.floor(Date.now() / 1_000) };
const scopes = 'system/*.cruds manage/settings';
let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory({ scopes, about: fresh });
});

async function ask(who: Laboratory, name: string, values: Record<string, string> = {}): Promise<[number, string]> {
  const parameter = Object.entries(values).map(([key, valueString]) => ({ name: key, valueString }));
  const body = JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) });
  const headers = { 'content-type': 'application/fhir+json' };
  const get = name === '$departure-status';
  const answer = await who.fetch(name, get ? {} : { method: 'POST', headers, body });
  return [answer.status, await answer.text()];
}

/** What the officers of a laboratory were told. */
async function tasksOf(who: Laboratory): Promise<JsonObject[]> {
  const answer = await who.fetch('Task?code=urn:makhbar:task|departure');
  const { entry = [] } = (await answer.json()) as { entry?: { resource: JsonObject }[] };
  return entry.map(({ resource }) => resource);
}

describe('by the API', () => {
  test('each officer who is a resource of the laboratory has a Task of his own, as the announcement has, or there is none', async () => {
    const own = await makeLaboratory({ scopes, about: fresh });
    const client = await superuser();
    const officers = ['Practitioner/one', 'Practitioner/two'];
    for (const reference of officers) {
      const { rows } = await client.query<{ id: string }>(
        `insert into account (tenant_id, account_id, username, display, fhir_user, status, created, created_by)
        values ($1, gen_random_uuid(), $2, 'Officer', $2, 'active', now(), 'operator') returning account_id as id`,
        [own.tenant.id, reference],
      );
      await client.query(`insert into account_role values ($1, $2, 'data-protection-officer', now(), 'operator')`, [
        own.tenant.id,
        rows[0]?.id,
      ]);
    }
    expect((await ask(own, '$departure-announce', { days: 'x' }))[0]).toBe(400);
    expect(await tasksOf(own)).toEqual([]);
    expect((await ask(own, '$departure-announce'))[0]).toBe(200);
    const owners = (await tasksOf(own)).map(({ owner }) => (owner as { reference: string }).reference);
    expect(owners.toSorted()).toEqual(officers);
    const seen = async (role: string): Promise<number> => {
      const { scopes: roleScopes = [], clearance = [] } = shippedRoles.get(role) ?? {};
      return (await tasksOf(await signIn(own.tenant, 'user/*.cruds', role, { roleScopes, clearance }))).length;
    };
    expect([await seen('data-protection-officer'), await seen('pathologist'), await seen('technician')]).toEqual([
      ...[2, 0, 0],
    ]);
  });

  test('announced once, told, cancelled; each with its event', async () => {
    const [status, said] = await ask(lab, '$departure-announce', { days: '14' });
    expect([status, said]).toEqual([200, expect.stringContaining('"announced"')]);
    const departure = await findDeparture(testDatabase(), lab.tenant.name);
    const days = (Date.parse(departure?.windowEnds ?? '') - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(14);
    expect((await ask(lab, '$departure-status'))[1]).toContain(departure?.windowEnds);
    expect((await ask(lab, '$departure-announce'))[0]).toBe(409);
    const [task] = await tasksOf(lab);
    expect(task).toMatchObject({
      status: 'requested',
      performerType: [{ coding: [{ system: 'urn:makhbar:role', code: 'data-protection-officer' }] }],
      description: expect.stringContaining(departure?.windowEnds ?? '-'),
      restriction: { period: { end: departure?.windowEnds } },
    });
    // Nothing is closed: all can be taken.
    expect((await lab.fetch('Patient')).status).toBe(200);
    expect((await ask(lab, '$departure-cancel'))[0]).toBe(200);
    expect((await ask(lab, '$departure-status'))[1]).not.toContain('announced');
    expect((await ask(lab, '$departure-cancel'))[0]).toBe(409);
    expect((await tasksOf(lab)).map(({ status }) => status)).toEqual(['cancelled']);
    const kinds = (await eventsOf(lab)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.startsWith('departure-')).toSorted()).toEqual([
      'departure-announced',
      'departure-cancelled',
    ]);
  });

  test.each<[string, string, About, Record<string, string>, number]>([
    ['without settings', 'system/*.cruds', fresh, {}, 403],
    ['without a fresh second factor', scopes, { ...fresh, authTime: 1_700_000_000 }, {}, 401],
    ['for too short a time', scopes, fresh, { days: '6' }, 400],
    ['for too long a time', scopes, fresh, { days: '366' }, 400],
    ['for no number of days', scopes, fresh, { days: '1e2' }, 400],
  ])('not %s', async (_, given, about, values, status) => {
    const caller = await signIn(lab.tenant, given, 'caller', about);
    expect((await ask(caller, '$departure-announce', values))[0]).toBe(status);
    expect(await findDeparture(testDatabase(), lab.tenant.name)).toBeUndefined();
  });
});

test('at the end of the window all is deleted, not before, and not while a hold keeps it', async () => {
  const leaving = await makeLaboratory({ scopes, about: fresh });
  const { id, name } = leaving.tenant;
  const server = shared(readConfig({ DATA_DIR: testServer().dataDir }), testDatabase(), createLog('silent'));
  const round = async (): Promise<boolean> => (await deleteDue(server, createLog('silent'))).includes(name);
  const put = { method: 'PUT', headers: { 'content-type': 'application/fhir+json' } };
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p' });
  expect((await leaving.fetch('Patient/p', { ...put, body })).status).toBe(201);
  await ask(leaving, '$departure-announce');
  expect(await round()).toBe(false);
  await testDatabase().operator(
    sql`update departure set window_ends = clock_timestamp() - interval '1 s' where name = ${name}`,
  );
  const hold = await testDatabase().transaction(id, (session) => addHold(session, { reason: 'A court.', by: 'dpo' }));
  expect([await round(), await round()]).toEqual([false, false]);
  expect((await leaving.fetch('Patient/p')).status).toBe(200);
  // Once, whoever looks how often.
  const held = (await tasksOf(leaving)).filter(({ description }) => String(description).includes('legal hold'));
  expect(held).toMatchObject([{ status: 'requested', priority: 'urgent' }]);
  await testDatabase().transaction(id, (session) => liftHold(session, hold.id, { by: 'dpo', reason: 'over' }));
  // The server's own round may have been first.
  await round();
  expect(await findTenant(testDatabase(), name)).toBeUndefined();
  expect(await findDeparture(testDatabase(), name)).toMatchObject({
    state: 'deleted',
    certificate: expect.stringContaining(`"${name}"`),
    signature: expect.any(String),
  });
  expect(await round()).toBe(false);
}, 60_000);

/** `deleteDue` in a process of its own, ended by SIGKILL once the keys are gone and it waits for a row that is held. */
async function killedRound(leaving: Laboratory): Promise<NodeJS.Signals | null> {
  const { databaseUrl, dataDir } = testServer();
  const child = spawn(process.execPath, [new URL('./delete-due.ts', import.meta.url).pathname], {
    env: { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir },
    stdio: 'ignore',
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)));
  await until(async () => (await countRows(testDatabase(), leaving.tenant.id, 'tenant_key')) === 0);
  child.kill('SIGKILL');
  return ended;
}

async function until(met: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 120_000; !(await met());) {
    if (Date.now() > end) throw new Error('It did not happen.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a deletion that is killed in the middle is gone on with, and what a late process writes afterwards is swept', async () => {
  const leaving = await makeLaboratory({ scopes, about: fresh });
  const { id, name } = leaving.tenant;
  const server = shared(readConfig({ DATA_DIR: testServer().dataDir }), testDatabase(), createLog('silent'));
  const put = { method: 'PUT', headers: { 'content-type': 'application/fhir+json' } };
  expect((await leaving.fetch('Patient/p', { ...put, body: '{"resourceType":"Patient","id":"p"}' })).status).toBe(201);
  const file = { method: 'PUT', headers: { 'content-type': 'image/png' }, body: new Uint8Array(500) };
  expect((await leaving.fetch('Binary/b', file)).status).toBe(201);
  await ask(leaving, '$departure-announce');
  await testDatabase().operator(
    sql`update departure set window_ends = clock_timestamp() - interval '1 s' where name = ${name}`,
  );
  const client = await superuser();
  await client.query('begin');
  await client.query('select 1 from resource where tenant_id = $1 for update', [id]);
  expect(await killedRound(leaving)).toBe('SIGKILL');
  await client.query('rollback');
  const stopped = await findDeparture(testDatabase(), name);
  expect(stopped).toMatchObject({ state: 'deleting', certificate: undefined });
  expect(await countRows(testDatabase(), id, 'resource')).toBeGreaterThan(0);
  // Or the server's own round does it.
  await deleteDue(server, createLog('silent'));
  await until(async () => (await findDeparture(testDatabase(), name))?.state === 'deleted');
  const certificate = JSON.parse((await findDeparture(testDatabase(), name))?.certificate ?? '') as {
    rows: Record<string, { before: number; after: number }>;
  };
  // What there was before the first attempt: two resources and the Task of the departure.
  expect(certificate.rows['resource']).toEqual({ before: 3, after: 0 });

  await client.query(`insert into search_state (tenant_id, revision) values ($1, 1)`, [id]);
  const other = await countRows(testDatabase(), lab.tenant.id, 'resource');
  await sweepDeparted(server);
  expect(await countRows(testDatabase(), id, 'search_state')).toBe(0);
  expect(await countRows(testDatabase(), lab.tenant.id, 'resource')).toBe(other);
}, 120_000);
