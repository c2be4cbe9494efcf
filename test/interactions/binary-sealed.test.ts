/**
 * Data of a Binary that is part of its resource, by every way in: nothing in the database holds it, and every way out gives
 * it as it was sent.
 */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

const fhir = { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' };

type Json = Record<string, unknown>;

async function send(method: string, path: string, body: object, headers: Record<string, string> = {}): Promise<Json> {
  const response = await lab.fetch(path, { method, body: JSON.stringify(body), headers: { ...fhir, ...headers } });
  const json = (await response.json().catch(() => ({}))) as Json;
  if (!response.ok) throw new Error(JSON.stringify(json));
  return json;
}

async function read(path: string): Promise<Json> {
  return (await (await lab.fetch(path, { headers: fhir })).json()) as Json;
}

/** Plain content that is found nowhere else, and the Binary that holds it. */
function secret(id: string): { plain: string; data: string; resource: Json } {
  const plain = `plain ${randomBytes(24).toString('hex')}`;
  const data = Buffer.from(plain).toString('base64');
  const tag = [{ system: 'urn:test', code: id }];
  return { plain, data, resource: { resourceType: 'Binary', id, meta: { tag }, contentType: 'text/plain', data } };
}

const bundle = (type: string, resource: Json, request: Json): Json => ({
  resourceType: 'Bundle',
  type,
  entry: [{ resource, request }],
});

/** Each brings data into Binary `id`. */
const waysIn: Record<string, (id: string, resource: Json) => Promise<unknown>> = {
  'a transaction': (id, resource) =>
    send('POST', '', bundle('transaction', resource, { method: 'PUT', url: `Binary/${id}` })),
  'a conditional create': async (id, resource) => {
    const criteria = `_tag=urn:test|${id}`;
    const made = await send('POST', 'Binary', resource, { 'if-none-exist': criteria, prefer: 'return=representation' });
    expect(made['data']).toBe(resource['data']);
  },
  'a conditional update': (id, resource) => send('PUT', `Binary?_tag=urn:test|${id}`, resource),
  'a patch': async (id, { data, ...bare }) => {
    await send('PUT', `Binary/${id}`, bare);
    const patch = [{ op: 'add', path: '/data', value: data }];
    await send('PATCH', `Binary/${id}`, patch, { 'content-type': 'application/json-patch+json' });
  },
  'a patch in a transaction': async (id, { data, ...bare }) => {
    await send('PUT', `Binary/${id}`, bare);
    const patch = Buffer.from(JSON.stringify([{ op: 'add', path: '/data', value: data }])).toString('base64');
    const carrier = { resourceType: 'Binary', contentType: 'application/json-patch+json', data: patch };
    await send('POST', '', bundle('transaction', carrier, { method: 'PATCH', url: `Binary/${id}` }));
  },
};

/** Every text of every table of the laboratory that holds one of these. */
async function tablesHolding(words: readonly string[]): Promise<string[]> {
  const database = testDatabase();
  const tables = await database.query<{ name: string }>(
    lab.tenant.id,
    sql`select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
        and has_table_privilege(c.oid, 'select')`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const any = `%(${words.map((word) => word.replaceAll(/[^A-Za-z0-9]/g, '_')).join('|')})%`;
    const text = `select 1 from "${name}" t where t::text similar to $1 limit 1`;
    const rows = await database.query(lab.tenant.id, { text, values: [any] });
    if (rows.length > 0) found.push(name);
  }
  return found;
}

test('the scan of the tables finds what is there in plain', async () => {
  const word = randomBytes(24).toString('hex');
  await send('PUT', 'Patient/scanned', { resourceType: 'Patient', id: 'scanned', name: [{ family: word }] });
  expect(await tablesHolding([word])).toContain('resource_version');
});

test('data that came by a batch is a file, as that of a request is', async () => {
  const { plain, data, resource } = secret('batched');
  await send('POST', '', bundle('batch', resource, { method: 'PUT', url: 'Binary/batched' }));
  expect(await tablesHolding([plain, data])).toEqual([]);
  expect(await read('Binary/batched')).toMatchObject({ data });
});

test('nothing is left of a transaction that failed', async () => {
  const { plain, data, resource } = secret('failed');
  const whole = bundle('transaction', resource, { method: 'PUT', url: 'Binary/failed' });
  const wrong = { resource: { resourceType: 'Patient', gender: 'none' }, request: { method: 'POST', url: 'Patient' } };
  const before = await read('_history?_count=0');
  await expect(send('POST', '', { ...whole, entry: [...(whole['entry'] as Json[]), wrong] })).rejects.toThrow('gender');
  expect(await read('_history?_count=0')).toMatchObject({ total: before['total'] });
  expect(await tablesHolding([plain, data])).toEqual([]);
  expect((await lab.fetch('Binary/failed', { headers: fhir })).status).toBe(404);
});

describe.each(Object.entries(waysIn))('data that came by %s', (way, bring) => {
  const id = `b-${way.replaceAll(' ', '-')}`;
  const { plain, data, resource } = secret(id);
  let path = '';

  beforeAll(async () => {
    await bring(id, resource);
    const found = (await read(`Binary?_tag=urn:test|${id}`)) as { entry: { resource: { id: string } }[] };
    path = `Binary/${found.entry[0]?.resource.id}`;
  });

  test('stands in no table, in plain or in base64', async () => {
    expect(await tablesHolding([plain, data, Buffer.from(data).toString('base64')])).toEqual([]);
  });

  test('is read as bytes, as JSON and as XML', async () => {
    expect(await (await lab.fetch(path, { headers: { accept: '*/*' } })).text()).toBe(plain);
    expect(await read(path)).toMatchObject({ data });
    const xml = await lab.fetch(path, { headers: { accept: 'application/fhir+xml' } });
    expect(await xml.text()).toContain(`<data value="${data}"/>`);
    expect(await read(`${path}?_elements=data`)).toMatchObject({ data });
  });

  test.each(['search', 'history', 'the history of all', 'a batch'])('is part of %s', async (what) => {
    const request = { method: 'GET', url: path };
    const answers: Record<string, () => Promise<Json>> = {
      search: () => read(`Binary?_tag=urn:test|${id}`),
      history: () => read(`${path}/_history`),
      'the history of all': () => read('_history?_count=200'),
      'a batch': () => send('POST', '', { resourceType: 'Bundle', type: 'batch', entry: [{ request }] }),
    };
    const answer = (await answers[what]?.()) as { entry: { resource?: Json }[] } | undefined;
    expect(answer?.entry.map((one) => one.resource?.['data'])).toContain(data);
  });

  test('stays what it is through a change of labels and a patch of something else', async () => {
    const meta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'kept' }] } }] };
    await send('POST', `${path}/$meta-add`, meta);
    const patch = [
      { op: 'test', path: '/data', value: data },
      { op: 'replace', path: '/contentType', value: 'text/csv' },
    ];
    await send('PATCH', path, patch, { 'content-type': 'application/json-patch+json' });
    expect(await read(path)).toMatchObject({ data, contentType: 'text/csv' });
    expect(await tablesHolding([plain, data])).toEqual([]);
  });

  test('goes with a patch that removes it', async () => {
    const patch = [{ op: 'remove', path: '/data' }];
    await send('PATCH', path, patch, { 'content-type': 'application/json-patch+json' });
    expect(await read(path)).not.toHaveProperty('data');
  });
});

async function storedData(id: string): Promise<string> {
  const [row] = await testDatabase().query<{ data: string }>(
    lab.tenant.id,
    sql`select v.content ->> 'data' as data from resource_version v join resource r using (tenant_id, rid)
      where v.tenant_id = ${lab.tenant.id} and r.fhir_id = ${id}`,
  );
  return row?.data ?? '';
}

/** Version 2 by hand, with data as it is given. */
async function putVersion(id: string, data: string): Promise<void> {
  await testDatabase().query(
    lab.tenant.id,
    sql`with changed as (
        update resource set ver = 2 where tenant_id = ${lab.tenant.id} and fhir_id = ${id} returning rid)
      insert into resource_version (tenant_id, rid, ver, type, last_updated, method, content, bytes)
      select v.tenant_id, v.rid, 2, v.type, v.last_updated, v.method, jsonb_set(v.content, '{data}', to_jsonb(${data}::text)), v.bytes
      from resource_version v join changed using (rid) where v.tenant_id = ${lab.tenant.id}`,
  );
}

test('what stands in the row of another Binary cannot be opened there', async () => {
  const [one, other] = [secret('mine'), secret('moved')];
  for (const { resource } of [one, other]) await waysIn['a transaction']?.(String(resource['id']), resource);
  await putVersion('moved', await storedData('mine'));
  expect(await read('Binary/mine')).toMatchObject({ data: one.data });
  expect((await lab.fetch('Binary/moved', { headers: fhir })).status).toBe(500);
});

test('data that a client sends as if it were sealed is refused', async () => {
  const { resource } = secret('forged');
  const response = await lab.fetch('', {
    method: 'POST',
    headers: fhir,
    body: JSON.stringify(
      bundle('transaction', { ...resource, data: '@TUtGMQ==' }, { method: 'PUT', url: 'Binary/forged' }),
    ),
  });
  expect(response.status).toBe(422);
});

test('versions from before data was sealed are read as they are', async () => {
  const { data, plain, resource } = secret('old');
  await waysIn['a transaction']?.('old', resource);
  await putVersion('old', data);
  expect(await (await lab.fetch('Binary/old', { headers: { accept: '*/*' } })).text()).toBe(plain);
  expect(await read('Binary/old/_history')).toMatchObject({ entry: [{ resource: { data } }, { resource: { data } }] });
});
