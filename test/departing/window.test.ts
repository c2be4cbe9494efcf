/** The window of a departure: announced and cancelled by the laboratory itself, and its end, at which all is deleted. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { About } from '../../src/identity/token.ts';
import { readConfig } from '../../src/config.ts';
import { deleteDue } from '../../src/departing/due.ts';
import { createLog } from '../../src/log.ts';
import { shared } from '../../src/start/http.ts';
import { findDeparture } from '../../src/store/departures.ts';
import { addHold, liftHold } from '../../src/store/retention.ts';
import { sql } from '../../src/store/sql.ts';
import { findTenant } from '../../src/store/tenants.ts';
import { eventsOf } from '../audit/log.ts';
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

describe('by the API', () => {
  test('announced once, told, cancelled; each with its event', async () => {
    const [status, said] = await ask(lab, '$departure-announce', { days: '14' });
    expect([status, said]).toEqual([200, expect.stringContaining('"announced"')]);
    const departure = await findDeparture(testDatabase(), lab.tenant.name);
    const days = (Date.parse(departure?.windowEnds ?? '') - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(14);
    expect((await ask(lab, '$departure-status'))[1]).toContain(departure?.windowEnds);
    expect((await ask(lab, '$departure-announce'))[0]).toBe(409);
    // Nothing is closed: all can be taken.
    expect((await lab.fetch('Patient')).status).toBe(200);
    expect((await ask(lab, '$departure-cancel'))[0]).toBe(200);
    expect((await ask(lab, '$departure-status'))[1]).not.toContain('announced');
    expect((await ask(lab, '$departure-cancel'))[0]).toBe(409);
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
  expect(await round()).toBe(false);
  expect((await leaving.fetch('Patient/p')).status).toBe(200);
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
