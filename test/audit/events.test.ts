/**
 * Every interaction has exactly one event, and the right one. Each row of the table is a request over HTTP and what its
 * event must say; nothing else may be in the log.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { auditEventText } from '../../src/audit/event.ts';
import { kinds } from '../../src/audit/kinds.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import { eventsOf, shown } from './log.ts';

type Json = Record<string, unknown>;

/** What is compared; a member that a row does not name is not. */
type Expected = Partial<Omit<AuditRecord, 'touched'>> & { readonly touched?: readonly string[] };

let lab: Laboratory;
let number = 0;

/** Asks, and gives the events that the request made. */
async function ask(
  path: string,
  init: RequestInit & { as?: Laboratory } = {},
): Promise<{ response: Response; events: Json[] }> {
  const requestId = `request-${++number}`;
  const response = await (init.as ?? lab).fetch(path, {
    ...init,
    headers: { ...(init.headers as object), 'x-request-id': requestId },
  });
  await response.arrayBuffer();
  return { response, events: (await eventsOf(init.as ?? lab, requestId)).map(shown) };
}

const put = (resource: Json, headers: Record<string, string> = {}): RequestInit => ({
  method: 'PUT',
  body: JSON.stringify(resource),
  headers: { 'content-type': 'application/fhir+json', ...headers },
});
const post = (resource: Json, headers: Record<string, string> = {}): RequestInit => ({
  ...put(resource, headers),
  method: 'POST',
});

const observation = (id: string, patient = 'p'): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-01-01',
  valueQuantity: { value: 1, unit: 'g/L', system: 'http://unitsofmeasure.org', code: 'g/L' },
});
const entry = (method: string, url: string, resource?: Json, more: Json = {}): Json => ({
  request: { method, url, ...more },
  ...(resource && { resource }),
});
const bundle = (type: string, ...entries: Json[]): RequestInit =>
  post({ resourceType: 'Bundle', type, entry: entries });
const form = (body: string): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
});

beforeAll(async () => {
  lab = await makeLaboratory();
  for (const id of ['p', 'q']) await lab.fetch(`Patient/${id}`, put({ resourceType: 'Patient', id }));
  for (const id of ['a', 'b', 'c']) await lab.fetch(`Observation/${id}`, put(observation(id)));
  await lab.fetch('Observation/a', put({ ...observation('a'), status: 'amended' }));
  await lab.fetch('Binary/x', { method: 'PUT', body: 'text', headers: { 'content-type': 'text/plain' } });
}, 60_000);

interface Row {
  readonly path: string;
  readonly init?: RequestInit;
  readonly status: number;
  readonly event: Expected;
}

const agent = { subject: 'operator', client: 'makhbar', roles: [] };
const ok = {
  outcome: 0,
  agent: expect.objectContaining({ subject: 'operator' }),
  address: '127.0.0.1',
} as unknown as Expected;
const fhirPatch = (path: string, value: string): Json => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: path },
        { name: 'value', valueCode: value },
      ],
    },
  ],
});

const reads: readonly Row[] = [
  { path: 'Observation/b', status: 200, event: { kind: 'read', touched: ['Observation/b#1'], patients: ['p'] } },
  { path: 'Patient/p', status: 200, event: { kind: 'read', touched: ['Patient/p#1'], patients: ['p'] } },
  {
    path: 'Observation/b',
    init: { headers: { 'if-none-match': 'W/"1"' } },
    status: 304,
    event: { kind: 'read', touched: ['Observation/b#1'] },
  },
  { path: 'Binary/x', status: 200, event: { kind: 'read', touched: ['Binary/x#1'], patients: [] } },
  {
    path: 'Observation/a/_history/1',
    status: 200,
    event: { kind: 'vread', touched: ['Observation/a#1'], patients: ['p'] },
  },
  {
    path: 'Observation/a/_history?_count=5',
    status: 200,
    event: {
      kind: 'history-instance',
      touched: ['Observation/a#2', 'Observation/a#1'],
      patients: ['p'],
      query: 'Observation/a/_history?_count=5',
    },
  },
  {
    path: 'Patient/_history',
    status: 200,
    event: {
      kind: 'history-type',
      touched: ['Patient/q#1', 'Patient/p#1'],
      patients: ['p', 'q'],
      query: 'Patient/_history',
    },
  },
  {
    path: 'Observation?_id=a,b&_sort=_id&_include=Observation:subject',
    status: 200,
    event: {
      kind: 'search-type',
      touched: ['Observation/a#2', 'Observation/b#1', 'Patient/p#1'],
      patients: ['p'],
      query: 'Observation?_id=a,b&_sort=_id&_include=Observation:subject',
    },
  },
  {
    path: 'Observation?code=x%20y&_summary=count',
    status: 200,
    event: { kind: 'search-type', touched: [], patients: [], query: 'Observation?code=x%20y&_summary=count' },
  },
  {
    path: 'Observation/_search?_sort=_id',
    init: form('_id=b%2Cc'),
    status: 200,
    event: {
      kind: 'search-type',
      touched: ['Observation/b#1', 'Observation/c#1'],
      query: 'Observation/_search?_sort=_id&_id=b%2Cc',
    },
  },
  {
    path: '?_type=Patient&_id=q',
    status: 200,
    event: { kind: 'search-system', touched: ['Patient/q#1'], patients: ['q'] },
  },
  {
    path: 'Patient/p/Observation?_id=c',
    status: 200,
    event: { kind: 'search-type', touched: ['Observation/c#1'], patients: ['p'] },
  },
  {
    path: 'Patient/q/Observation',
    status: 200,
    event: { kind: 'search-type', touched: [], patients: ['q'] },
  },
  {
    path: 'Patient/q/$everything',
    status: 200,
    event: { kind: 'operation', deed: '$everything', touched: ['Patient/q#1'], patients: ['q'] },
  },
  {
    path: 'Observation/$lastn?subject=Patient/p&code=718-7',
    status: 200,
    event: {
      kind: 'operation',
      deed: '$lastn',
      patients: ['p'],
      query: 'Observation/$lastn?subject=Patient/p&code=718-7',
    },
  },
  {
    path: 'Observation/$stats?subject=Patient/p&code=718-7&system=http://loinc.org&duration=100000&statistic=count',
    status: 200,
    event: { kind: 'operation', deed: '$stats', patients: ['p'] },
  },
  {
    path: 'Patient/q/$meta',
    status: 200,
    event: { kind: 'operation', deed: '$meta', touched: ['Patient/q#1'], patients: ['q'] },
  },
  {
    path: 'Observation/b/$validate',
    status: 200,
    event: { kind: 'operation', deed: '$validate', touched: ['Observation/b#1'], patients: ['p'] },
  },
  {
    path: `$graphql?query=${encodeURIComponent('{ Patient(id: "q") { id } }')}`,
    status: 200,
    event: { kind: 'operation', deed: '$graphql', touched: ['Patient/q#1'], patients: ['q'] },
  },
];

const writes: readonly Row[] = [
  {
    path: 'Observation/new',
    init: put(observation('new')),
    status: 201,
    event: { kind: 'update', touched: ['Observation/new#1'], patients: ['p'] },
  },
  {
    path: 'Observation/new',
    init: put(observation('new', 'q')),
    status: 200,
    event: { kind: 'update', touched: ['Observation/new#2'], patients: ['p', 'q'] },
  },
  {
    path: 'Observation/new/_history/1',
    status: 200,
    event: { kind: 'vread', touched: ['Observation/new#1'], patients: ['p'] },
  },
  {
    path: 'Observation/new/_history/2',
    status: 200,
    event: { kind: 'vread', touched: ['Observation/new#2'], patients: ['q'] },
  },
  {
    path: 'Observation/new/_history?_count=1',
    status: 200,
    event: { kind: 'history-instance', touched: ['Observation/new#2'], patients: ['q'] },
  },
  {
    path: 'Observation/_history?_count=2',
    status: 200,
    event: { kind: 'history-type', touched: ['Observation/new#2', 'Observation/new#1'], patients: ['p', 'q'] },
  },
  {
    path: 'Observation/new',
    init: {
      method: 'PATCH',
      body: JSON.stringify([{ op: 'replace', path: '/status', value: 'amended' }]),
      headers: { 'content-type': 'application/json-patch+json' },
    },
    status: 200,
    event: { kind: 'patch', touched: ['Observation/new#3'], patients: ['q'] },
  },
  {
    path: 'Observation?_id=new',
    init: { ...post(fhirPatch('Observation.status', 'final')), method: 'PATCH' },
    status: 200,
    event: { kind: 'patch', touched: ['Observation/new#4'], patients: ['q'], query: 'Observation?_id=new' },
  },
  {
    path: 'Observation/new/$meta-add',
    init: post({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }] }),
    status: 200,
    event: { kind: 'operation', deed: '$meta-add', touched: ['Observation/new#5'], patients: ['q'] },
  },
  {
    path: 'Observation?_id=new',
    init: put(observation('new', 'q')),
    status: 200,
    event: { kind: 'update', touched: ['Observation/new#6'], patients: ['q'], query: 'Observation?_id=new' },
  },
  {
    path: 'Observation/new',
    init: { method: 'DELETE' },
    status: 204,
    event: { kind: 'delete', touched: ['Observation/new#7'], patients: ['q'] },
  },
  {
    path: 'Observation/new/_history/1',
    status: 200,
    event: { kind: 'vread', touched: ['Observation/new#1'], patients: ['p'] },
  },
  {
    path: 'Observation/never',
    init: { method: 'DELETE' },
    status: 204,
    event: { kind: 'delete', touched: ['Observation/never'], patients: [] },
  },
  {
    path: 'Patient',
    init: post({ resourceType: 'Patient', active: true }, { 'if-none-exist': '_id=q' }),
    status: 200,
    event: { kind: 'create', touched: ['Patient/q#1'], patients: ['q'], query: 'Patient?_id=q' },
  },
  {
    path: 'Observation?_id=c',
    init: { method: 'DELETE' },
    status: 204,
    event: { kind: 'delete', touched: ['Observation/c#2'], patients: ['p'], query: 'Observation?_id=c' },
  },
  {
    path: 'Binary/x',
    init: { method: 'PUT', body: 'more', headers: { 'content-type': 'text/plain' } },
    status: 200,
    event: { kind: 'update', touched: ['Binary/x#2'], patients: [] },
  },
];

const failures: readonly Row[] = [
  {
    path: 'Patient/none',
    status: 404,
    event: { kind: 'read', outcome: 4, reason: '404 not-found', touched: ['Patient/none'], patients: ['none'] },
  },
  {
    path: 'Observation/c',
    status: 410,
    event: { kind: 'read', outcome: 4, reason: '410 deleted', touched: ['Observation/c'] },
  },
  {
    path: 'Observation?nonsense=Peter',
    init: { headers: { prefer: 'handling=strict' } },
    status: 400,
    event: { kind: 'search-type', outcome: 4, query: 'Observation?nonsense=Peter', touched: [] },
  },
  {
    path: 'Observation/b',
    init: put(observation('b'), { 'if-match': 'W/"9"' }),
    status: 412,
    event: { kind: 'update', outcome: 4, touched: ['Observation/b'] },
  },
  {
    path: 'Observation',
    init: post({ resourceType: 'Observation', status: 'nonsense Peter' }),
    status: 422,
    event: { kind: 'create', outcome: 4, touched: [], patients: [] },
  },
  {
    path: 'Patient/p/$nonsense',
    status: 403,
    event: { kind: 'access-denied', deed: '$nonsense', outcome: 8, patients: ['p'] },
  },
  ...(
    [
      ['GET', 'Nonsense/1?name=Peter', 404, '404 not-supported'],
      ['GET', 'Patient/p/nonsense/x', 404, '404 not-found'],
      ['DELETE', 'metadata', 405, '405 not-supported'],
      ['POST', 'Patient/p', 405, '405 not-supported'],
      ['GET', 'Patient/p%20q', 404, '404 not-found'],
    ] as const
  ).map(([method, path, status, reason]): Row => ({
    path,
    init: { method },
    status,
    event: {
      kind: 'request-refused',
      outcome: 4,
      reason,
      query: `${method} ${decodeURIComponent(path)}`,
      touched: [],
      patients: [],
    },
  })),
  {
    path: 'Patient/p',
    init: { headers: { accept: 'image/png' } },
    status: 406,
    event: { kind: 'read', outcome: 4, reason: '406 not-supported', touched: ['Patient/p'], patients: ['p'] },
  },
  {
    path: 'Patient?_format=pdf',
    status: 406,
    event: { kind: 'search-type', outcome: 4, reason: '406 not-supported', query: 'Patient?_format=pdf' },
  },
  {
    path: 'Patient',
    init: post({ resourceType: 'Patient' }, { 'content-encoding': 'zstd' }),
    status: 415,
    event: { kind: 'create', outcome: 4, reason: '415 not-supported' },
  },
  {
    path: 'Patient',
    init: post({ resourceType: 'Patient' }, { 'content-type': 'image/png' }),
    status: 415,
    event: { kind: 'create', outcome: 4, reason: '415 not-supported' },
  },
  {
    path: 'Patient/_search',
    init: form('a=1&'.repeat(300_000)),
    status: 413,
    event: { kind: 'search-type', outcome: 4, reason: '413 too-long' },
  },
  {
    path: '$graphql?query=%7Bnonsense%7D',
    status: 400,
    event: { kind: 'operation', deed: '$graphql', outcome: 4, reason: '400' },
  },
];

describe.each([
  ['reading', reads, ok],
  ['writing', writes, ok],
  ['failing', failures, {}],
] as const)('%s', (_, rows, common) => {
  test.each(rows.map((row) => [`${row.init?.method ?? 'GET'} ${row.path} ${row.status}`, row] as const))(
    '%s',
    async (_name, { path, init, status, event }) => {
      const { response, events } = await ask(path, init);
      expect(response.status).toBe(status);
      expect(events).toEqual([expect.objectContaining({ ...common, ...event })]);
      expect(JSON.stringify(events[0]?.['reason'] ?? '')).not.toMatch(/Peter/);
    },
  );
});

describe('the rights of a patient', () => {
  const asked = (values: Record<string, string>, ...more: Json[]): RequestInit =>
    post({
      resourceType: 'Parameters',
      parameter: [...Object.entries(values).map(([name, valueString]) => ({ name, valueString })), ...more],
    });
  const reason = { reason: 'A request.' };
  const preview = { name: 'dryRun', valueBoolean: true };
  const by = { agent: expect.objectContaining({ subject: 'officer' }), patients: ['r'] } as unknown as Expected;
  const deed = { outcome: 0, further: [expect.anything()] } as unknown as Expected;

  test.each<[string, RequestInit, number, Expected]>([
    ['$restrict', asked(reason), 201, { kind: 'processing-restricted', deed: '$restrict', ...deed }],
    ['$restrict', asked({}), 400, { kind: 'processing-restricted', outcome: 4, reason: '400 required' }],
    ['$unrestrict', asked(reason), 200, { kind: 'restriction-lifted', deed: '$unrestrict', ...deed }],
    ['$unrestrict', asked(reason), 404, { kind: 'restriction-lifted', outcome: 4, reason: '404 not-found' }],
    ['$erase', asked(reason, preview), 200, { kind: 'erasure-previewed', deed: '$erase', outcome: 0 }],
    ['$erase', asked(reason), 200, { kind: 'patient-erased', deed: '$erase', touched: ['Patient/r'], ...deed }],
    ['', { method: 'GET' }, 410, { kind: 'read', outcome: 4, reason: '410 deleted', touched: ['Patient/r'] }],
  ])('%s %j %i', async (operation, init, status, event) => {
    const scopes = 'user/*.cruds manage/privacy';
    const as = await signIn(lab.tenant, scopes, 'officer', { roles: ['data-protection-officer'], clearance: 'all' });
    if (operation === '$restrict' && status === 201)
      await lab.fetch('Patient/r', put({ resourceType: 'Patient', id: 'r' }));
    const { response, events } = await ask(operation === '' ? 'Patient/r' : `Patient/r/${operation}`, { ...init, as });
    expect([response.status, events]).toEqual([status, [expect.objectContaining({ ...by, ...event })]]);
  });

  test('without the scope', async () => {
    const { response, events } = await ask('Patient/r/$erase', asked(reason));
    expect(response.status).toBe(403);
    expect(events).toEqual([expect.objectContaining({ kind: 'access-denied', deed: '$erase', outcome: 8 })]);
  });
});

test('a create names the id that it was given', async () => {
  const { response, events } = await ask('Patient', post({ resourceType: 'Patient' }));
  const [, id = ''] = /Patient\/([^/]+)/.exec(response.headers.get('location') ?? '') ?? [];
  expect(events).toEqual([
    expect.objectContaining({ kind: 'create', outcome: 0, touched: [`Patient/${id}#1`], patients: [id] }),
  ]);
});

test('a purpose and the request id are in the event', async () => {
  const { events } = await ask('Patient/p', { headers: { 'x-purpose-of-use': 'HRESCH' } });
  expect(events).toEqual([expect.objectContaining({ purposes: ['HRESCH'], requestId: `request-${number}` })]);
});

test('entries of a batch have events of their own, and the Bundle has one', async () => {
  const { response, events } = await ask(
    '',
    bundle(
      'batch',
      entry('GET', 'Patient/p'),
      entry('GET', 'Observation?_id=b'),
      entry('PUT', 'Observation/n', observation('n')),
      entry('GET', 'Patient/none'),
    ),
  );
  expect(response.status).toBe(200);
  expect(events).toHaveLength(5);
  expect(events).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ kind: 'read', touched: ['Patient/p#1'] }),
      expect.objectContaining({ kind: 'search-type', query: 'Observation?_id=b', touched: ['Observation/b#1'] }),
      expect.objectContaining({ kind: 'update', touched: ['Observation/n#1'], patients: ['p'] }),
      expect.objectContaining({ kind: 'read', outcome: 4, touched: ['Patient/none'] }),
      expect.objectContaining({ kind: 'batch', outcome: 0, touched: [] }),
    ]),
  );
});

test('entries of a transaction have theirs, all within its commit', async () => {
  const { response, events } = await ask(
    '',
    bundle(
      'transaction',
      entry('PUT', 'Observation/t', observation('t', 'q')),
      entry('DELETE', 'Observation/n'),
      entry('DELETE', 'Observation?_id=none'),
      entry('POST', 'Patient', { resourceType: 'Patient' }, { ifNoneExist: '_id=q' }),
      entry('GET', 'Patient/p'),
    ),
  );
  expect(response.status).toBe(200);
  expect(events).toHaveLength(6);
  expect(events).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ kind: 'update', touched: ['Observation/t#1'], patients: ['q'] }),
      expect.objectContaining({ kind: 'delete', touched: ['Observation/n#2'], patients: ['p'] }),
      expect.objectContaining({ kind: 'delete', touched: [], query: 'Observation?_id=none' }),
      expect.objectContaining({ kind: 'create', touched: ['Patient/q#1'], patients: ['q'] }),
      expect.objectContaining({ kind: 'read', touched: ['Patient/p#1'] }),
      expect.objectContaining({ kind: 'transaction', outcome: 0, touched: [] }),
    ]),
  );
});

/** What was attempted stands in the log, though nothing was done: the entry that failed, and what the Bundle named. */
describe('a transaction that fails', () => {
  const good = entry('PUT', 'Observation/u', observation('u'));
  test.each<readonly [string, Json[], number, Expected, Expected]>([
    [
      'a read of what is not there',
      [good, entry('GET', 'Patient/none')],
      404,
      { kind: 'read', outcome: 4, reason: '404 not-found', touched: ['Patient/none'], patients: ['none'] },
      { touched: ['Observation/u', 'Patient/none'], patients: ['none'] },
    ],
    [
      'what is not valid',
      [good, entry('POST', 'Observation', { resourceType: 'Observation', status: 'nonsense Peter' })],
      422,
      { kind: 'create', outcome: 4, touched: [], patients: [] },
      { touched: ['Observation/u'], patients: [] },
    ],
    [
      'another version',
      [entry('PUT', 'Patient/p', { resourceType: 'Patient', id: 'p' }, { ifMatch: 'W/"99"' }), good],
      412,
      { kind: 'update', outcome: 4, touched: ['Patient/p'], patients: ['p'] },
      { touched: ['Patient/p', 'Observation/u'], patients: ['p'] },
    ],
    [
      'criteria that match several',
      [entry('PUT', 'Observation?subject=p', observation('x')), good],
      412,
      { kind: 'update', outcome: 4, query: 'Observation?subject=p', touched: [] },
      { touched: ['Observation/u'] },
    ],
    [
      'a path that there is not',
      [good, entry('GET', 'Patient/p/nonsense/x')],
      404,
      { kind: 'request-refused', outcome: 4, query: 'GET Patient/p/nonsense/x' },
      { touched: ['Observation/u', 'Patient/p'] },
    ],
  ])('%s', async (_, entries, status, failed, whole) => {
    const { response, events } = await ask('', bundle('transaction', ...entries));
    expect(response.status).toBe(status);
    expect(events).toEqual([
      expect.objectContaining(failed),
      expect.objectContaining({ kind: 'transaction', outcome: 4, ...whole }),
    ]);
    expect(JSON.stringify(events)).not.toMatch(/nonsense Peter/);
  });

  test('what the scopes of the caller do not allow is an alert', async () => {
    const bound = await signIn(lab.tenant, 'system/Observation.cruds?status=final', 'bound');
    for (const [one, deed, touched] of [
      [entry('PUT', 'Observation/v', { ...observation('v'), status: 'amended' }), 'update', ['Observation/v']],
      [entry('DELETE', 'Patient/p'), 'delete', ['Patient/p']],
    ] as const) {
      const { response, events } = await ask('', { ...bundle('transaction', good, one), as: bound });
      expect(response.status).toBe(403);
      expect(events).toEqual([
        expect.objectContaining({ kind: 'access-denied', deed, outcome: 8, touched }),
        expect.objectContaining({ kind: 'access-denied', deed: 'transaction', touched: ['Observation/u', ...touched] }),
      ]);
    }
  });
});

test('callers whose scopes have conditions: what is written in a transaction has one event, refusals are alerts', async () => {
  const bound = await signIn(lab.tenant, 'system/Observation.cruds?status=final', 'bound');
  const written = await ask('Observation/bound', { ...put(observation('bound')), as: bound });
  expect(written.response.status).toBe(201);
  expect(written.events).toEqual([
    expect.objectContaining({ kind: 'update', touched: ['Observation/bound#1'], patients: ['p'] }),
  ]);
  const refused = await ask('Observation/bound', { ...put({ ...observation('bound'), status: 'amended' }), as: bound });
  expect(refused.response.status).toBe(403);
  expect(refused.events).toEqual([
    expect.objectContaining({
      kind: 'access-denied',
      deed: 'update',
      outcome: 8,
      touched: ['Observation/bound'],
      agent: expect.objectContaining({ subject: 'bound' }),
    }),
  ]);
  const denied = await ask('Patient/p', { as: bound });
  expect(denied.response.status).toBe(403);
  expect(denied.events).toEqual([
    expect.objectContaining({ kind: 'access-denied', deed: 'read', reason: expect.stringMatching(/^403 forbidden: /) }),
  ]);
});

test.each([
  ['without a token', {}],
  ['with a wrong token', { authorization: 'Bearer nonsense' }],
])('%s the refusal is an alert about nobody', async (_, headers) => {
  const id = `nobody-${Object.keys(headers).length}`;
  const response = await fetch(`${lab.base}/Patient/p`, { headers: { ...headers, 'x-request-id': id } });
  expect(response.status).toBe(401);
  expect((await eventsOf(lab, id)).map(shown)).toEqual([
    expect.objectContaining({
      kind: 'access-denied',
      deed: 'read',
      outcome: 8,
      patients: ['p'],
      agent: expect.objectContaining({ subject: '' }),
    }),
  ]);
});

test('a purpose that is none is refused with an event', async () => {
  const { response, events } = await ask('Patient/p', { headers: { 'x-purpose-of-use': 'NONSENSE' } });
  expect(response.status).toBe(400);
  expect(events).toEqual([expect.objectContaining({ kind: 'read', outcome: 4, touched: ['Patient/p'] })]);
});

test.each(['metadata', '.well-known/smart-configuration'])('%s is not audited', async (path) => {
  const { response, events } = await ask(path);
  expect(response.status).toBe(200);
  expect(events).toEqual([]);
});

test('texts that no jsonb can hold are in the log as far as they can be', async () => {
  const { events } = await ask('', bundle('batch', entry('GET', 'Patient?name=\u0000\ud800')));
  expect(events.map(({ kind }) => kind)).toContain('batch');
});

describe('an event that cannot be stored', () => {
  let owner: pg.Client;
  let broken: Laboratory;

  beforeAll(async () => {
    broken = await makeLaboratory();
    await broken.fetch('Patient/p', put({ resourceType: 'Patient', id: 'p' }));
    owner = new pg.Client(testServer().databaseUrl);
    await owner.connect();
    await owner.query(`create or replace function test_no_audit() returns trigger language plpgsql as
      $$ begin raise exception 'no audit'; end $$`);
    await owner.query(`create or replace trigger test_no_audit_${broken.tenant.id} before insert on audit_event for each row
      when (new.tenant_id = ${broken.tenant.id}) execute function test_no_audit()`);
  });

  afterAll(async () => {
    await owner.query(`drop trigger test_no_audit_${broken.tenant.id} on audit_event`);
    await owner.end();
  });

  test.each([
    ['a read', 'Patient/p', {}],
    ['a search', 'Patient?_id=p', {}],
    ['what is not there', 'Patient/none', {}],
    ['a create', 'Patient', post({ resourceType: 'Patient', gender: 'other' })],
    ['an update', 'Patient/p', put({ resourceType: 'Patient', id: 'p', gender: 'other' })],
    ['a deletion', 'Patient/p', { method: 'DELETE' }],
    [
      'a transaction',
      '',
      bundle('transaction', entry('POST', 'Patient', { resourceType: 'Patient', gender: 'other' })),
    ],
    [
      'a conditional create',
      'Patient',
      post({ resourceType: 'Patient', gender: 'other' }, { 'if-none-exist': '_id=z' }),
    ],
  ])('%s: 503, and nothing of it shows or stays', async (_, path, init: RequestInit) => {
    const response = await broken.fetch(path, init);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'transient' }] });
    const rows = await testDatabase().query<{ ver: number }>(
      broken.tenant.id,
      sql`select ver from resource_version where tenant_id = ${broken.tenant.id}`,
    );
    expect(rows).toEqual([{ ver: 1 }]);
  });
});

describe('as AuditEvent', () => {
  test.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s is valid', (kind) => {
    const record: AuditRecord = {
      id: '019a0000-0000-7000-8000-000000000000',
      time: 0,
      kind,
      outcome: 8,
      reason: '403 forbidden',
      deed: '$everything',
      agent: { ...agent, fhirUser: 'Practitioner/1', name: 'A' },
      address: '::1',
      purposes: ['TREAT'],
      requestId: 'r',
      query: 'Patient?_id=1',
      touched: [{ type: 'Patient', id: '1', version: 2 }],
      patients: ['1', '2'],
    };
    for (const one of [
      record,
      { ...record, outcome: 0 as const, patients: ['1'], touched: [], agent: { ...agent, client: '', subject: '' } },
    ]) {
      const issues = validateResource(parseJson(auditEventText(one, { observer: 'demo' })) as JsonObject);
      expect(issues.filter(({ severity }) => severity === 'error')).toEqual([]);
    }
  });
});
