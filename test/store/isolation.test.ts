/**
 * Isolation of tenants, each defence alone (DESIGN, promise 1): two tenants hold the same ids; every statement of the
 * store runs once with the policy as the only defence and once with the predicate as the only defence.
 *
 * Policy alone: the statement names tenant A, the connection speaks for tenant B. Predicate alone: the statement names
 * tenant B, the connection is a superuser's, whom no policy binds.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { JsonObject } from '../../src/fhir/json.ts';
import { resourceTypes, typeNumber } from '../../src/fhir/resource-types.ts';
import { enqueue } from '../../src/gateways/enqueue.ts';
import { all, fullAccess, type Access } from '../../src/search/ast.ts';
import { extract } from '../../src/search/extract.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { visibleAsIf, type Candidate } from '../../src/store/as-if.ts';
import { countHistory, readHistory, readPrevious, readVersions } from '../../src/store/history.ts';
import { labelsInUse } from '../../src/store/labels.ts';
import { awaitedMessage, nextChanges, nextMessage, queueStatuses } from '../../src/store/outbox.ts';
import type { Session, Statement } from '../../src/store/pool.ts';
import { combinedReads, lockLive, readCurrent, readMany, readManyLocked, readVersion } from '../../src/store/read.ts';
import { render, sql, type Sql } from '../../src/store/sql.ts';
import { readVisible, visibleKeys, visibleRids } from '../../src/store/visible.ts';
import { writeStatement } from '../../src/store/write.ts';
import { indexTables, resourceColumns } from '../../src/search/rows.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';

const patient = typeNumber('Patient') ?? -1;
const key = { type: patient, id: 'same' };
const tag = { system: 'http://example.org/isolation', code: 'a' };

let a: Laboratory;
let b: Laboratory;
let superuser: pg.Client;

beforeAll(async () => {
  [a, b] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  await put(a, { id: 'same', active: true, meta: { tag: [tag] } });
  await put(a, { id: 'only-a', active: true });
  await put(a, { id: 'only-a', active: true, gender: 'female' }, 200);
  await put(b, { id: 'same', active: false });
  await queued(a);
  superuser = new pg.Client({
    connectionString: superuserUrl(),
    types: { getTypeParser: () => (value: string) => value },
  });
  await superuser.connect();
});
afterAll(() => superuser.end());

function superuserUrl(): string {
  const { dataDir, databaseUrl } = testServer();
  const passwords = JSON.parse(readFileSync(join(dataDir, 'postgresql.passwords.json'), 'utf8')) as {
    superuser: string;
  };
  const { host, pathname } = new URL(databaseUrl);
  return `postgres://postgres:${passwords.superuser}@${host}${pathname}`;
}

async function put(laboratory: Laboratory, patient: JsonObject, status = 201): Promise<void> {
  const response = await laboratory.fetch(`Patient/${String(patient['id'])}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Patient', ...patient }),
  });
  expect(response.status).toBe(status);
}

/** A message and a change that wait in the queue of an interface. */
async function queued({ tenant: { id } }: Laboratory): Promise<void> {
  await testDatabase().transaction(id, async (session) => {
    const raw = Buffer.from('MSH|^~\\&|');
    const more = { type: 'ADT^A28', sender: '', charset: 'utf-8', controlId: 'c', patients: [] };
    await enqueue(session, 'only-a', { protocol: 'hl7v2', raw, ...more });
    await session.query(
      sql`insert into outbound_change (tenant_id, interface, rid, ver) values (${id}, 'only-a', 1, 1)`,
    );
  });
}

function texts(statement: Sql | Statement): { text: string; values: unknown[] } {
  return 'text' in statement ? { text: statement.text, values: [...statement.values] } : render(statement);
}

/** Statements name tenant A, the connection speaks for B. */
function policyAlone(): Session {
  return { tenant: a.tenant.id, query: (statement) => testDatabase().query(b.tenant.id, statement) };
}

/** Statements name tenant B, no policy is in force. */
function predicateAlone(): Session {
  return {
    tenant: b.tenant.id,
    query: async <Row>(statement: Sql | Statement) => (await superuser.query(texts(statement))).rows as Row[],
  };
}

const byId: Access = () => ({ kind: 'id', values: ['only-a'] });
const byPatient: Access = (type) =>
  type === 'Patient' ? all : parseSearch('Observation', [['patient.active', 'true']]).condition;

/** An Observation of the patient that only tenant A has. */
const ofOnlyA: Candidate = {
  type: typeNumber('Observation') ?? -1,
  id: 'o',
  rid: '0',
  version: 1,
  lastUpdated: '2026-01-01T00:00:00Z',
  index: extract({ resourceType: 'Observation', id: 'o', subject: { reference: 'Patient/only-a' } }, defaultParameters),
};

async function ridOfA(): Promise<string> {
  const session: Session = { tenant: a.tenant.id, query: (statement) => testDatabase().query(a.tenant.id, statement) };
  return (await readCurrent(session, patient, 'only-a'))!.rid;
}

/** Every reading statement of the store, with how much it finds. */
const reads: Record<string, (session: Session) => Promise<unknown[]>> = {
  readCurrent: async (session) => [await readCurrent(session, patient, 'only-a')].filter(Boolean),
  readVersion: async (session) =>
    [await readVersion(session, { type: patient, id: 'only-a', version: 1 })].filter(Boolean),
  readMany: (session) => readMany(session, [{ type: patient, id: 'only-a' }]),
  readManyLocked: (session) => readManyLocked(session, [{ type: patient, id: 'only-a' }]),
  lockLive: (session) => lockLive(session, [{ type: patient, id: 'only-a' }]),
  combinedReads: (session) => session.query(combinedReads.statement(session.tenant, [{ type: patient, id: 'only-a' }])),
  'history of an instance': (session) => readHistory(session, { types: [patient], id: 'only-a', count: 10 }),
  'history of everything': async (session) =>
    (await readHistory(session, { count: 10 })).filter((version) => version.id === 'only-a'),
  countHistory: async (session) =>
    Array.from({ length: await countHistory(session, { types: [patient], id: 'only-a', count: 1 }) }),
  readVersions: async (session) => readVersions(session, [{ rid: await ridOfA(), version: 1 }]),
  readPrevious: (session) => readPrevious(session, [{ type: patient, id: 'only-a' }]),
  visibleRids: async (session) => [...(await visibleRids(session, [{ type: patient, rid: await ridOfA() }], byId))],
  visibleKeys: (session) => visibleKeys(session, [{ type: patient, id: 'only-a' }], byId),
  readVisible: async (session) => [await readVisible(session, { type: patient, id: 'only-a' }, byId)].filter(Boolean),
  'visibleAsIf, by a chain to what the tenant holds': async (session) =>
    (await visibleAsIf(session, [ofOnlyA], byPatient)).filter(Boolean),
  nextMessage: async (session) => [await nextMessage(session, 'only-a')].filter(Boolean),
  nextChanges: (session) => nextChanges(session, 'only-a', 10),
  queueStatuses: async (session) => (await queueStatuses(session)).filter((one) => one.interface === 'only-a'),
  awaitedMessage: async (session) => [await awaitedMessage(session, 'only-a', 'c')].filter(Boolean),
  labelsInUse: async (session) => [...(await labelsInUse(session, resourceTypes, fullAccess)).tag],
};

describe('reading', () => {
  test.each(Object.keys(reads))('%s finds what tenant A holds when asked properly', async (name) => {
    const own: Session = { tenant: a.tenant.id, query: (statement) => testDatabase().query(a.tenant.id, statement) };
    expect((await reads[name]?.(own))?.length).toBeGreaterThan(0);
  });

  test.each(Object.keys(reads))('%s: the policy alone hides it from tenant B', async (name) => {
    expect(await reads[name]?.(policyAlone())).toEqual([]);
  });

  test.each(Object.keys(reads))('%s: the predicate alone hides it from tenant B', async (name) => {
    expect(await reads[name]?.(predicateAlone())).toEqual([]);
  });

  test('the same id is another resource in each tenant', async () => {
    const found = await Promise.all([a, b].map((laboratory) => laboratory.fetch('Patient/same').then((r) => r.json())));
    expect(found.map((resource) => (resource as { active: boolean }).active)).toEqual([true, false]);
  });
});

const entry = {
  ...key,
  method: 'PUT' as const,
  expect: 'any' as const,
  content: '{"resourceType":"Patient","id":"same","meta":{},"active":false,"gender":"other"}',
  exact: null,
  index: {
    columns: resourceColumns.map(() => null),
    tables: Object.fromEntries(indexTables.map((table) => [table.name, []])),
  },
};

describe('writing', () => {
  test('the policy alone refuses a row that names tenant A', async () => {
    await expect(policyAlone().query(writeStatement(a.tenant.id, [{ ...entry, id: 'planted' }]))).rejects.toMatchObject(
      {
        code: '42501',
      },
    );
    expect((await a.fetch('Patient/planted')).status).toBe(404);
  });

  test('the policy alone keeps an update and a deletion from tenant A', async () => {
    const deletion = { ...entry, method: 'DELETE' as const, content: null, index: null };
    await expect(policyAlone().query(writeStatement(a.tenant.id, [entry]))).rejects.toMatchObject({ code: '42501' });
    expect(await policyAlone().query(writeStatement(a.tenant.id, [deletion]))).toEqual([]);
    expect(await (await a.fetch('Patient/same')).json()).toMatchObject({ active: true, meta: { versionId: '1' } });
  });

  test('the predicate alone keeps a write of tenant B from the row of tenant A', async () => {
    expect(await predicateAlone().query(writeStatement(b.tenant.id, [entry]))).toHaveLength(1);
    expect(await (await a.fetch('Patient/same')).json()).toMatchObject({ active: true, meta: { versionId: '1' } });
    expect(await (await b.fetch('Patient/same')).json()).toMatchObject({ gender: 'other', meta: { versionId: '2' } });
  });

  test('the application may not delete or rewrite versions', async () => {
    const own = (text: Sql): Promise<unknown> => testDatabase().query(a.tenant.id, text);
    await expect(own(sql`delete from resource_version where tenant_id = ${a.tenant.id}`)).rejects.toMatchObject({
      code: '42501',
    });
    await expect(
      own(sql`update resource_version set content = '{}' where tenant_id = ${a.tenant.id}`),
    ).rejects.toMatchObject({ code: '42501' });
  });

  test('a connection that speaks for no tenant sees nothing', async () => {
    await superuser.query('begin');
    await superuser.query('set local role makhbar_app');
    const { rows } = await superuser.query('select * from resource');
    await superuser.query('rollback');
    expect(rows).toEqual([]);
  });
});

describe('over HTTP', () => {
  test.each([
    ['an unknown laboratory', 404, 'nobody-here'],
    ['a suspended laboratory', 403, ''],
  ])('%s is answered with %d and an OperationOutcome', async (what, status, name) => {
    const laboratory = await makeLaboratory();
    if (what.includes('suspended')) {
      await testDatabase().operator(
        sql`update tenant set status = 'suspended' where tenant_id = ${laboratory.tenant.id}`,
      );
    }
    const url = name === '' ? laboratory.base : `${testServer().url}/${name}/fhir`;
    const response = await fetch(`${url}/Patient/same`, { headers: { authorization: `Bearer ${laboratory.token}` } });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  test('a token of one laboratory is no token of another', async () => {
    const response = await fetch(`${a.base}/Patient/same`, { headers: { authorization: `Bearer ${b.token}` } });
    expect(response.status).toBe(401);
  });
});
