/** $erase: what goes, with all its traces, what stays, and who may. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { passwordAcr } from '../../src/access/authentication.ts';
import { makeLaboratory, signIn, testServer, type Laboratory } from '../server.ts';
import {
  countsOf,
  database,
  fill,
  going,
  headers,
  officer,
  parameters,
  secrets,
  send,
  valueOf,
  whereIs,
  type Json,
} from './laboratory.ts';

let lab: Laboratory;
let same: Laboratory;
let dpo: Laboratory;
let answer: Json;
let before: Record<string, string[]>;
let filesBefore: string[];

const reason = 'Request 12 of the person.';

async function files(of: Laboratory): Promise<string[]> {
  const names = await readdir(join(testServer().dataDir, 'files'), { recursive: true, withFileTypes: true });
  return names
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((name) => name.includes(`/${of.tenant.id}/`));
}

const erasing = (of: Laboratory, values: Parameters<typeof parameters>[0] = {}): Promise<Json> =>
  send(of, 'POST', 'Patient/pat-one/$erase', parameters({ reason, ...values }));

beforeAll(async () => {
  [lab, same] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  await Promise.all([fill(lab), fill(same)]);
  dpo = await officer(lab.tenant);
}, 60_000);

describe('the functions of the database', () => {
  test('delete nothing of another laboratory, nor without one, nor what no tombstone names', async () => {
    const client = await database();
    await client.query('begin');
    await client.query('set local role makhbar_app');
    const erasing = (): Promise<unknown> =>
      client
        .query<{ n: string }>(`select erase_resources('00000000-0000-4000-8000-000000000000') as n`)
        .then(({ rows }) => rows[0]?.n);
    await client.query(`select set_config('makhbar.tenant', $1, true)`, [String(lab.tenant.id)]);
    await client.query(
      `insert into erased select tenant_id, type, fhir_id, rid, '00000000-0000-4000-8000-000000000000' from resource
       where fhir_id = 'o-now'`,
    );
    await client.query(`select set_config('makhbar.tenant', $1, true)`, [String(same.tenant.id)]);
    expect(await erasing()).toBe('0');
    const others = await client.query(
      `select erase_overrides('pat-one') as n, (select count(*) from erase_accounts(102::int2, 'Patient')) as a`,
    );
    expect(others.rows).toEqual([{ n: '0', a: '0' }]);
    await client.query(`select set_config('makhbar.tenant', $1, true)`, [String(lab.tenant.id)]);
    expect(await erasing()).toBe('2');
    await client.query(`select set_config('makhbar.tenant', '', true)`);
    await expect(erasing()).rejects.toThrow('No laboratory is named.');
    await client.query('rollback');
  });
});

describe('refuses', () => {
  const status = async (caller: Laboratory, values: Parameters<typeof parameters>[0]): Promise<number> =>
    (
      await caller.fetch('Patient/pat-one/$erase', {
        method: 'POST',
        headers,
        body: JSON.stringify(parameters(values)),
      })
    ).status;

  test.each<[string, Parameters<typeof parameters>[0], number]>([
    ['no reason', {}, 400],
    ['a reason that names the patient', { reason: 'Asked by ms quintessa' }, 400],
    ['a rule with an identifier', { reason, keep: 'clinical', rule: 'as for MRN-778899' }, 400],
    ['keeping without a rule', { reason, keep: 'clinical' }, 400],
    ['keeping what is no type', { reason, keep: 'Everything', rule: 'law' }, 400],
    ['a parameter that it does not know', { reason, force: 'true' }, 400],
  ])('%s', async (_name, values, expected) => {
    expect(await status(dpo, values)).toBe(expected);
  });

  test('whoever is not allowed, or showed no second factor lately', async () => {
    expect(await status(await signIn(lab.tenant, 'system/*.cruds'), { reason })).toBe(403);
    const about = { roles: ['data-protection-officer'], acr: passwordAcr, authTime: Math.floor(Date.now() / 1_000) };
    const other = await signIn(lab.tenant, 'user/*.cruds manage/privacy', 'other', about);
    expect(await status(other, { reason })).toBe(401);
    expect(await status(await officer(lab.tenant, 1_000), { reason })).toBe(401);
  });

  test('a patient who never was', async () => {
    const asked = { method: 'POST', headers, body: JSON.stringify(parameters({ reason })) };
    expect((await dpo.fetch('Patient/nobody/$erase', asked)).status).toBe(404);
  });

  test('and nothing has happened', async () => {
    for (const name of going.filter((one) => !one.includes('o-gone'))) expect((await lab.fetch(name)).status).toBe(200);
  });
});

describe('erases', () => {
  beforeAll(async () => {
    before = await whereIs(lab.tenant, [...secrets, 'pat-one']);
    filesBefore = await files(lab);
    const told = await erasing(dpo, { dryRun: true });
    expect(await whereIs(lab.tenant, [...secrets, 'pat-one'])).toEqual(before);
    answer = await erasing(dpo);
    for (const name of ['erased', 'kept', 'left', 'dereferenced'])
      expect(countsOf(told, name)).toEqual(countsOf(answer, name));
  }, 60_000);

  test('what it found before in every table that can name a patient', () => {
    expect(Object.keys(before).sort()).toEqual(
      expect.arrayContaining([
        'account',
        'app_state',
        'break_glass',
        'launch',
        'openid_state',
        'resource',
        'search_string',
      ]),
    );
    expect([...new Set(Object.values(before).flat())].sort()).toEqual([...secrets, 'pat-one'].sort());
  });

  test('counts by type', () => {
    const types: Record<string, number> = {};
    for (const [type = ''] of going.map((name) => name.split('/'))) types[type] = (types[type] ?? 0) + 1;
    expect(countsOf(answer, 'erased')).toEqual(types);
    expect(countsOf(answer, 'dereferenced')).toEqual({ Group: 1, List: 1, Patient: 1, Provenance: 1 });
    expect(countsOf(answer, 'left')).toEqual({});
    expect(valueOf(answer, 'tombstone')).toMatch(/^urn:uuid:/);
  });

  test('and leaves nothing but ids in the log and the tombstone', async () => {
    const places = await whereIs(lab.tenant, [...secrets, 'pat-one', 'raw scan']);
    const allowed = ['audit_agent', 'audit_event', 'audit_patient', 'erased', 'erasure'];
    expect(Object.keys(places).filter((table) => !allowed.includes(table))).toEqual([]);
    expect([...new Set(Object.values(places).flat())]).toEqual(['pat-one']);
  });

  test('no rows without their resource', async () => {
    const client = await database();
    const orphans = async (table: string, column: string, more = ''): Promise<number> =>
      (
        await client.query(
          `select from ${table} t where tenant_id = $1 and not exists
           (select from resource r where r.tenant_id = $1 and r.rid = t.${column})${more}`,
          [lab.tenant.id],
        )
      ).rowCount ?? -1;
    const held = ' and not exists (select from contained c where c.tenant_id = $1 and c.rid = t.rid)';
    const index = ['search_token', 'search_reference', 'search_string', 'search_date', 'search_quantity'];
    for (const table of index) expect([table, await orphans(table, 'rid', held)]).toEqual([table, 0]);
    for (const table of ['resource_version', 'binary_file'])
      expect([table, await orphans(table, 'rid')]).toEqual([table, 0]);
    expect(await orphans('contained', 'container')).toBe(0);
    expect(await orphans('consent_rule', 'consent')).toBe(0);
  });

  test.each(going)('%s answers 410 and is not taken again', async (name) => {
    const [type = '', id = ''] = name.split('/');
    for (const path of [name, `${name}/_history/1`, `${name}/_history`, `${name}/$meta`]) {
      const gone = await lab.fetch(path);
      expect([path, gone.status, await gone.text()]).toEqual([path, 410, expect.stringContaining('was erased')]);
    }
    const resource = type === 'Observation' ? { status: 'final', code: { text: 'x' } } : {};
    const body = JSON.stringify({ resourceType: type, id, ...resource });
    const again = await lab.fetch(name, { method: 'PUT', headers, body });
    expect([400, 410, 422]).toContain(again.status);
    if (['Patient', 'Observation', 'Bundle'].includes(type)) expect(type === 'Bundle' ? 410 : again.status).toBe(410);
  });

  test('an erased id is not taken in a transaction, nor beside the writes of others, nor is anything stored about the patient', async () => {
    const resource = { resourceType: 'Patient', id: 'pat-one' };
    const entry = [{ resource, request: { method: 'PUT', url: 'Patient/pat-one' } }];
    const transaction = {
      method: 'POST',
      headers,
      body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    };
    expect((await lab.fetch('', transaction)).status).toBe(410);
    const write = (id: string): Promise<Response> =>
      lab.fetch(`Patient/${id}`, { method: 'PUT', headers, body: JSON.stringify({ resourceType: 'Patient', id }) });
    const written = await Promise.all(['beside-1', 'pat-one', 'beside-2', 'beside-3'].map(write));
    expect(written.map(({ status }) => status)).toEqual([201, 410, 201, 201]);
    const late = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/pat-one' },
    };
    expect((await lab.fetch('Observation', { method: 'POST', headers, body: JSON.stringify(late) })).status).toBe(409);
  });

  test('who sees only some resources of a type is answered as for any id', async () => {
    const some = await signIn(lab.tenant, 'user/Observation.rs?status=final', 'some', {
      clearance: 'all',
      consent: 'exempt',
    });
    expect([(await some.fetch('Observation/o-now')).status, (await some.fetch('Observation/never')).status]).toEqual([
      404, 404,
    ]);
  });

  test('takes the references out of what is about others too', async () => {
    const group = await send(lab, 'GET', 'Group/cohort');
    expect(JSON.stringify(group)).not.toContain('pat-one');
    expect((group['member'] as Json[]).map(({ entity }) => Object.keys(entity as Json))).toEqual([
      ['extension'],
      ['reference'],
    ]);
    expect(JSON.stringify(await send(lab, 'GET', 'List/worklist'))).not.toContain('o-now');
    expect((await lab.fetch('Group/cohort/_history/1')).status).toBe(410);
    expect((await lab.fetch('Group/cohort/_history/2')).status).toBe(200);
    expect((await lab.fetch('Observation/o-moved/_history/1')).status).toBe(410);
    expect((await lab.fetch('Observation/o-moved')).status).toBe(200);
    expect((await lab.fetch('Binary/file-shared')).status).toBe(200);
  });

  test('deletes the files, and only those', async () => {
    expect(filesBefore.length).toBe(4);
    for (let tries = 0; tries < 300 && (await files(lab)).length > 1; tries++) await pause(200);
    expect((await files(lab)).length).toBe(1);
    expect((await lab.fetch('Binary/file-shared')).status).toBe(200);
    const noted = await (await database()).query('select from erased_file where tenant_id = $1', [lab.tenant.id]);
    expect(noted.rowCount).toBe(0);
  }, 120_000);

  test('empties and disables the account of the patient', async () => {
    const { rows } = await (
      await database()
    ).query('select username, display, email, fhir_user, status from account where tenant_id = $1', [lab.tenant.id]);
    expect(rows).toEqual([
      {
        username: expect.stringMatching(/^erased-/),
        display: 'Erased',
        email: null,
        fhir_user: null,
        status: 'disabled',
      },
    ]);
  });

  test('has one event, by the officer, about the patient', async () => {
    const found = await send(dpo, 'GET', 'AuditEvent?patient=Patient/pat-one&subtype=patient-erased&outcome=0');
    const events = (found['entry'] as { resource: Json }[]).map(({ resource }) => resource);
    expect(events.map(({ action, outcome }) => [action, outcome])).toEqual([['D', '0']]);
    expect(JSON.stringify(events)).toContain(String(valueOf(answer, 'tombstone')).slice('urn:uuid:'.length));
    const previews = await send(dpo, 'GET', 'AuditEvent?patient=Patient/pat-one&subtype=erasure-previewed');
    expect((previews['entry'] as unknown[]).length).toBe(1);
  });

  test('asked again, changes nothing and tells the same tombstone', async () => {
    const again = await erasing(dpo);
    expect([valueOf(again, 'tombstone'), countsOf(again, 'erased')]).toEqual([valueOf(answer, 'tombstone'), {}]);
  });

  test('touches nothing of a laboratory with the same ids', async () => {
    for (const name of going.filter((one) => !one.includes('o-gone')))
      expect((await same.fetch(name)).status).toBe(200);
    expect(await whereIs(same.tenant, secrets)).not.toEqual({});
  });
});
