/**
 * A denial, and its withdrawal, on every path, at once, also in another process on the same database; and nothing of it in
 * a laboratory with the same ids.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, stopServer, type Running } from '../durability/process.ts';
import { testServer, type Laboratory } from '../server.ts';
import {
  boundCaller,
  confidentiality,
  consent,
  headers,
  laboratoryWithPatients,
  observation,
  put,
  type Json,
} from './laboratory.ts';

/** Whether the answer shows that there is an Observation/obs. */
type Path = readonly [name: string, ask: (caller: Laboratory) => Promise<boolean>];

async function text(caller: Laboratory, path: string, init: RequestInit = {}): Promise<string> {
  const answer = await caller.fetch(path, init);
  if (answer.status >= 500) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.ok ? answer.text() : '';
}

const shows =
  (path: string, marker = '"id":"obs"') =>
  async (caller: Laboratory): Promise<boolean> =>
    (await text(caller, path)).replaceAll(' ', '').includes(marker);

const sends =
  (path: string, body: string, type: string) =>
  async (caller: Laboratory): Promise<boolean> =>
    (await text(caller, path, { method: 'POST', body, headers: { 'content-type': type } }))
      .replaceAll(' ', '')
      .includes('"id":"obs"');

const bundle = (type: string): string =>
  JSON.stringify({
    resourceType: 'Bundle',
    type,
    entry: ['Observation?_id=obs', 'Observation/_history'].map((url) => ({ request: { method: 'GET', url } })),
  });

const graph = (query: string): string => `$graphql?query=${encodeURIComponent(query)}`;

const reading: readonly Path[] = [
  ['read', shows('Observation/obs')],
  ['vread', shows('Observation/obs/_history/1')],
  ['vread of the current version', shows('Observation/obs/_history/2')],
  ['history of the resource', shows('Observation/obs/_history')],
  ['history of the type', shows('Observation/_history')],
  ['history of the system', shows('_history?_count=200')],
  ['search', shows('Observation?status=final')],
  ['search by POST', sends('Observation/_search', 'status=final', 'application/x-www-form-urlencoded')],
  ['search of the system', shows('?_type=Observation,Patient')],
  ['search by patient', shows('Observation?patient=p')],
  ['sorted search', shows('Observation?_sort=-date,code')],
  ['text', shows('Observation?_content=remarkable')],
  ['count', shows('Observation?patient=p&_summary=count', '"total":1')],
  ['accurate total', shows('Observation?patient=p&_count=0&_total=accurate', '"total":1')],
  ['include', shows('Observation?_id=other&_include=Observation:derived-from')],
  ['include of all', shows('Observation?_id=other&_include=*')],
  ['revinclude', shows('Practitioner?_id=b&_revinclude=Observation:performer')],
  ['chain', shows('Observation?_id=other&derived-from:Observation.status=final', '"id":"other"')],
  ['reverse chain', shows('Practitioner?_has:Observation:performer:status=final', '"id":"b"')],
  ['filter', shows('Observation?_filter=status eq final')],
  ['list', shows('Observation?_list=l')],
  ['compartment of the patient', shows('Patient/p/Observation')],
  ['whole compartment', shows('Patient/p/*')],
  ['compartment of the practitioner', shows('Practitioner/b/Observation')],
  ['Patient/$everything', shows('Patient/p/$everything')],
  ['Encounter/$everything', shows('Encounter/e/$everything')],
  ['$lastn', shows('Observation/$lastn?patient=Patient/p&code:missing=false&max=5')],
  ['$meta', shows('Observation/obs/$meta', '"versionId":"2"')],
  ['$graphql of the system', shows(graph('{Observation(id:"obs"){id}}'))],
  ['$graphql list', shows(graph('{ObservationList(status:"final"){id}}'))],
  [
    '$graphql through a reference',
    shows(graph('{Observation(id:"other"){derivedFrom{resource(optional:true){... on Observation{id}}}}}')),
  ],
  ['batch', sends('', bundle('batch'), 'application/fhir+json')],
  ['transaction', sends('', bundle('transaction'), 'application/fhir+json')],
];

async function fill(lab: Laboratory): Promise<void> {
  await put(lab, {
    resourceType: 'Encounter',
    id: 'e',
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/p' },
  });
  const more = {
    performer: [{ reference: 'Practitioner/b' }],
    encounter: { reference: 'Encounter/e' },
    note: [{ text: 'remarkable' }],
  };
  await put(lab, observation('obs', { ...more, valueString: 'before' }));
  await put(lab, observation('obs', more));
  const other = {
    subject: { reference: 'Patient/q' },
    derivedFrom: [{ reference: 'Observation/obs' }],
    status: 'amended',
  };
  await put(lab, observation('other', other));
  await put(lab, {
    resourceType: 'List',
    id: 'l',
    status: 'current',
    mode: 'working',
    entry: [{ item: { reference: 'Observation/obs' } }],
  });
}

async function seenOn(paths: readonly Path[], caller: Laboratory): Promise<Record<string, boolean>> {
  const seen: Record<string, boolean> = {};
  for (const [name, ask] of paths) seen[name] = await ask(caller);
  return seen;
}

const everywhere = (value: boolean): Record<string, boolean> =>
  Object.fromEntries(reading.map(([name]) => [name, value]));

let lab: Laboratory;
let same: Laboratory;
let second: Running;

beforeAll(async () => {
  [lab, same] = [await laboratoryWithPatients(), await laboratoryWithPatients()];
  await Promise.all([fill(lab), fill(same)]);
  const { databaseUrl, dataDir } = testServer();
  second = await startServer(dataDir, { DATABASE_URL: databaseUrl }, ['--only', 'http']);
}, 60_000);

afterAll(() => stopServer(second));

/** The same caller of the other process. */
function elsewhere(caller: Laboratory): Laboratory {
  const base = `${second.url}/${caller.tenant.name}/fhir`;
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => {
    const more = new Headers(init.headers);
    more.set('authorization', `Bearer ${caller.token}`);
    return fetch(path === '' ? base : `${base}/${path}`, { ...init, headers: more });
  };
  return { ...caller, base, fetch: ask };
}

describe('reading', () => {
  test('shows it without a consent, in both processes', async () => {
    const caller = await boundCaller(lab.tenant);
    expect(await seenOn(reading, caller)).toEqual(everywhere(true));
    expect(await seenOn(reading, elsewhere(caller))).toEqual(everywhere(true));
  });

  test.each<[string, Json]>([
    ['all', { type: 'deny' }],
    [
      'its code',
      {
        type: 'permit',
        provision: [{ type: 'deny', code: [{ coding: [{ system: 'http://loinc.org', code: '2345-7' }] }] }],
      },
    ],
    ['the resource', { type: 'deny', data: [{ meaning: 'instance', reference: { reference: 'Observation/obs' } }] }],
  ])(
    'ends with a denial of %s, and begins again with its withdrawal',
    async (_name, provision) => {
      const caller = await boundCaller(lab.tenant);
      const there = elsewhere(caller);
      await put(lab, consent('c', provision));
      expect(await seenOn(reading.slice(0, 3), there)).toEqual(
        Object.fromEntries(reading.slice(0, 3).map(([name]) => [name, false])),
      );
      expect(await seenOn(reading, caller)).toEqual(everywhere(false));
      expect(await seenOn(reading, there)).toEqual(everywhere(false));
      const gone = await lab.fetch('Consent/c', { method: 'DELETE' });
      expect(gone.status).toBe(204);
      expect(await seenOn(reading.slice(0, 3), there)).toEqual(
        Object.fromEntries(reading.slice(0, 3).map(([name]) => [name, true])),
      );
      expect(await seenOn(reading, caller)).toEqual(everywhere(true));
    },
    30_000,
  );

  test.each(['inactive', 'rejected', 'entered-in-error'])(
    'begins again where the status becomes %s',
    async (status) => {
      const caller = await boundCaller(lab.tenant);
      await put(lab, consent('s', { type: 'deny' }));
      expect(await shows('Observation/obs')(elsewhere(caller))).toBe(false);
      const body = JSON.stringify([{ op: 'replace', path: '/status', value: status }]);
      const patched = await lab.fetch('Consent/s', {
        method: 'PATCH',
        headers: { 'content-type': 'application/json-patch+json' },
        body,
      });
      expect(patched.status).toBe(200);
      expect(await shows('Observation/obs')(elsewhere(caller))).toBe(true);
    },
  );

  test('of a laboratory with the same ids is not touched', async () => {
    await put(lab, consent('c', { type: 'deny' }));
    const caller = await boundCaller(same.tenant);
    expect(await seenOn(reading, caller)).toEqual(everywhere(true));
    await put(same, consent('c', { type: 'permit' }));
    expect(await seenOn(reading, caller)).toEqual(everywhere(true));
    expect(await shows('Observation/obs')(await boundCaller(lab.tenant))).toBe(false);
    await put(lab, consent('c', { type: 'permit' }));
  }, 30_000);

  test('a Consent of a transaction holds for what comes after it', async () => {
    const caller = await boundCaller(lab.tenant);
    const entry = { resource: consent('t', { type: 'deny' }), request: { method: 'PUT', url: 'Consent/t' } };
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: [entry] });
    expect((await lab.fetch('', { method: 'POST', headers, body })).status).toBe(200);
    expect(await shows('Observation/obs')(caller)).toBe(false);
    await put(lab, consent('t', { type: 'permit' }));
    expect(await shows('Observation/obs')(caller)).toBe(true);
  });
});

describe('writing', () => {
  const change = observation('obs', { note: [{ text: 'remarkable' }], valueString: 'changed' });
  const patch = JSON.stringify([{ op: 'replace', path: '/valueString', value: 'changed' }]);
  const send =
    (method: string, path: string, body?: Json | string, type = 'application/fhir+json') =>
    async (caller: Laboratory): Promise<number> => {
      const sent = typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await caller.fetch(path, {
        method,
        headers: { 'content-type': type },
        ...(body !== undefined && { body: sent }),
      });
      return answer.status;
    };
  const entry = (method: string, url: string, resource?: Json): Json => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ ...(resource && { resource }), request: { method, url } }],
  });
  const writes: [string, (caller: Laboratory) => Promise<number>][] = [
    ['update', send('PUT', 'Observation/obs', change)],
    ['patch', send('PATCH', 'Observation/obs', patch, 'application/json-patch+json')],
    ['conditional update', send('PUT', 'Observation?_id=obs', change)],
    ['delete', send('DELETE', 'Observation/obs')],
    ['create', send('POST', 'Observation', { ...change, id: undefined })],
    [
      '$meta-add',
      send('POST', 'Observation/obs/$meta-add', {
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }],
      }),
    ],
    ['transaction', send('POST', '', entry('PUT', 'Observation/obs', change))],
    ['transaction that deletes', send('POST', '', entry('DELETE', 'Observation/obs'))],
  ];

  test.each(writes)('%s is refused under a denial, and changes nothing', async (name, write) => {
    await put(lab, consent('w', { type: 'deny' }));
    const [caller, count] = [await boundCaller(lab.tenant), 'Observation?_summary=count'];
    const before = [await text(lab, 'Observation/obs'), (await text(lab, count)).match(/"total":\d+/)?.[0]];
    const status = await write(caller);
    const after = [await text(lab, 'Observation/obs'), (await text(lab, count)).match(/"total":\d+/)?.[0]];
    await put(lab, consent('w', { type: 'permit' }));
    // What is not to be seen is not there, and its deletion done.
    const refused = name.includes('delete') ? status === 204 || status === 200 : status >= 400 && status < 500;
    expect([status, refused, after]).toEqual([status, true, before]);
  });

  test('a denied correction leaves reading', async () => {
    const code = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code: 'correct' }] };
    await put(lab, consent('w', { type: 'deny', action: [code] }));
    const caller = await boundCaller(lab.tenant);
    expect([await shows('Observation/obs')(caller), await send('PUT', 'Observation/obs', change)(caller)]).toEqual([
      true,
      403,
    ]);
    await put(lab, consent('w', { type: 'permit' }));
  });

  test('who is not cleared neither lowers a label nor writes what he could not read', async () => {
    await put(lab, observation('secret', { meta: { security: [confidentiality('R')] } }));
    const caller = await boundCaller(lab.tenant, { clearance: ['U', 'L', 'M', 'N'] });
    const cleared = await boundCaller(lab.tenant, { clearance: ['U', 'L', 'M', 'N', 'R'] });
    const lowered = observation('secret');
    const label = {
      resourceType: 'Parameters',
      parameter: [{ name: 'meta', valueMeta: { security: [confidentiality('R')] } }],
    };
    expect((await caller.fetch('Observation/secret')).status).toBe(404);
    expect(await send('PUT', 'Observation/secret', lowered)(caller)).toBeGreaterThanOrEqual(403);
    expect(await send('POST', 'Observation/secret/$meta-delete', label)(caller)).toBeGreaterThanOrEqual(403);
    expect(
      await send('PUT', 'Observation/new', observation('new', { meta: { security: [confidentiality('R')] } }))(caller),
    ).toBe(403);
    expect(await send('POST', 'Observation/obs/$meta-add', label)(caller)).toBe(403);
    expect((await lab.fetch('Observation/new')).status).toBe(404);
    expect(await send('PUT', 'Observation/secret', lowered)(cleared)).toBe(200);
    expect((await caller.fetch('Observation/secret')).status).toBe(200);
  });
});
