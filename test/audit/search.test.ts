/**
 * Questions to the audit log over HTTP: each parameter of R4, what cannot be asked, pages, and who may ask what.
 * The events of a test are of 2025; its own requests are in the log too, later.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { putEvents, type Given } from './log.ts';

type Json = Record<string, unknown>;

const doctor = {
  subject: 'user-1',
  client: 'portal',
  roles: ['pathologist'],
  fhirUser: 'Practitioner/d',
  name: 'Zoë Farès',
};
const patient = { subject: 'user-2', client: 'portal', roles: ['patient'], fhirUser: 'Patient/p2' };
const machine = { subject: 'analyser', client: 'analyser', roles: ['interface'] };

/** In the order of time; a test names them by their keys. */
const events: Readonly<Record<string, Given>> = {
  create: {
    at: '2025-01-01T10:00:00Z',
    kind: 'create',
    agent: machine,
    address: '10.0.0.7',
    touched: [{ type: 'Observation', id: 'o1', version: 1 }],
    patients: ['p1'],
    requestId: 'request-create',
  },
  read: {
    at: '2025-01-02T10:00:00Z',
    agent: doctor,
    address: '10.0.0.8',
    touched: [{ type: 'Observation', id: 'o1', version: 1 }],
    patients: ['p1'],
    purposes: ['TREAT'],
  },
  search: {
    at: '2025-01-03T10:00:00Z',
    kind: 'search-type',
    agent: doctor,
    address: '10.0.0.8',
    query: 'Observation?code=x',
    touched: [
      { type: 'Observation', id: 'o9', version: 2 },
      { type: 'Observation', id: 'o1', version: 3 },
      { type: 'Practitioner', id: 'd', version: 1 },
    ],
    patients: ['p1', 'p2'],
  },
  own: {
    at: '2025-01-04T10:00:00Z',
    kind: 'vread',
    agent: patient,
    address: '2001:db8::1',
    touched: [{ type: 'DiagnosticReport', id: 'o1', version: 1 }],
    patients: ['p2'],
  },
  denied: {
    at: '2025-01-05T10:00:00Z',
    kind: 'access-denied',
    outcome: 8,
    agent: patient,
    address: '2001:db8::1',
    deed: '$everything',
    touched: [{ type: 'Patient', id: 'p1' }],
    patients: ['p1'],
  },
  failed: {
    at: '2025-01-06T10:00:00Z',
    kind: 'sign-in-failed',
    outcome: 4,
    further: [
      {
        what: { identifier: { value: 'zoe' } },
        type: { system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type', code: '1', display: 'Person' },
        role: { system: 'http://terminology.hl7.org/CodeSystem/object-role', code: '11', display: 'User' },
      },
    ],
  },
};
const keys = Object.keys(events);

let lab: Laboratory;
let other: Laboratory;
const nameOf = new Map<string, string>();

beforeAll(async () => {
  [lab, other] = [await makeLaboratory(), await makeLaboratory()];
  for (const one of [lab, other]) {
    const resource = (type: string, id: string, more: Json = {}): Promise<Response> =>
      one.fetch(`${type}/${id}`, {
        method: 'PUT',
        body: JSON.stringify({ resourceType: type, id, ...more }),
        headers: { 'content-type': 'application/fhir+json' },
      });
    await resource('Patient', 'p1');
    await resource('Practitioner', 'd');
    await resource('Observation', 'o1', { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/p1' } });
  }
  const ids = await putEvents(lab.tenant.id, Object.values(events));
  ids.forEach((id, i) => nameOf.set(id, keys[i] ?? ''));
  await putEvents(other.tenant.id, Object.values(events));
}, 60_000);

const old = 'date=lt2026-01-01';

async function ask(path: string, as = lab, init?: RequestInit): Promise<{ status: number; body: Json }> {
  const response = await as.fetch(path, init);
  return { status: response.status, body: (await response.json()) as Json };
}

function found(body: Json): string[] {
  const entries = (body['entry'] ?? []) as { resource: { id: string } }[];
  return entries.map(({ resource }) => nameOf.get(resource.id) ?? `unknown ${resource.id}`);
}

async function search(query: string, as = lab): Promise<string[]> {
  const { status, body } = await ask(`AuditEvent?${query}${query === '' ? '' : '&'}${old}`, as);
  expect({ status, text: status === 200 ? '' : JSON.stringify(body) }).toEqual({ status: 200, text: '' });
  return found(body).reverse();
}

const roles = 'http://terminology.hl7.org/CodeSystem/object-role';
const types = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';

describe('each parameter finds its events', () => {
  test.each<[string, string[]]>([
    ['', keys],
    ['action=C', ['create']],
    ['action=R,E', ['read', 'search', 'own', 'denied', 'failed']],
    ['action:not=E', ['create', 'read', 'own']],
    ['action:missing=true', []],
    ['address=10.0.0', ['create', 'read', 'search']],
    ['address:exact=10.0.0', []],
    ['address:contains=DB8', ['own', 'denied']],
    ['address:missing=true', ['failed']],
    ['agent=Practitioner/d', ['read', 'search']],
    ['agent=d', ['read', 'search']],
    ['agent:Patient=p2', ['own', 'denied']],
    ['agent=Practitioner/nobody', []],
    ['agent:identifier=portal', ['read', 'search', 'own', 'denied']],
    ['agent:identifier=analyser', ['create']],
    ['agent:missing=false', keys],
    ['agent-name=zoe', ['read', 'search']],
    ['agent-name:contains=fares', ['read', 'search']],
    ['agent-name:exact=Zoë Farès', ['read', 'search']],
    ['agent-name:missing=true', ['create', 'own', 'denied', 'failed']],
    ['agent-role=pathologist', ['read', 'search']],
    ['agent-role:not=pathologist', ['create', 'own', 'denied', 'failed']],
    ['agent-role:missing=true', ['failed']],
    ['altid=user-1', ['read', 'search']],
    ['altid=user-1,user-2', ['read', 'search', 'own', 'denied']],
    ['altid=analyser', []],
    ['altid:missing=true', ['create', 'failed']],
    ['date=2025-01-03', ['search']],
    ['date=ge2025-01-05', ['denied', 'failed']],
    ['date=ge2025-01-02&date=lt2025-01-04', ['read', 'search']],
    ['_lastUpdated=sa2025-01-05', ['failed']],
    ['entity=Observation/o1', ['create', 'read', 'search']],
    ['entity=o1', ['create', 'read', 'search', 'own']],
    ['entity=Observation/o1/_history/1', ['create', 'read']],
    ['entity=Observation/o1/_history/3', ['search']],
    ['entity=Observation/o9', ['search']],
    ['entity:not-there=x', []],
    ['entity=Patient/p1', ['create', 'read', 'search', 'denied']],
    ['entity=Practitioner/d&date=ge2025-01-01', ['search']],
    ['entity=Observation/none', []],
    ['entity:identifier=request-create', ['create']],
    ['entity:identifier=zoe', ['failed']],
    ['entity-name=x', []],
    ['entity-name:missing=true', keys],
    [`entity-role=${roles}|24`, ['search']],
    ['entity-role=4', ['create', 'read', 'search', 'own', 'denied']],
    ['entity-role=1', ['create', 'read', 'search', 'own', 'denied']],
    ['entity-role=11', ['failed']],
    ['entity-role:missing=true', []],
    [`entity-type=${types}|1`, ['create', 'read', 'search', 'own', 'denied', 'failed']],
    ['entity-type:not=2', ['failed']],
    ['outcome=8', ['denied']],
    ['outcome=4,8', ['denied', 'failed']],
    ['outcome:not=0', ['denied', 'failed']],
    ['patient=p1', ['create', 'read', 'search', 'denied']],
    ['patient=Patient/p2', ['search', 'own', 'denied']],
    ['patient=p1,p2', ['create', 'read', 'search', 'own', 'denied']],
    ['patient=none', []],
    ['patient:missing=true', ['failed']],
    ['policy=http://example.org/policy', []],
    ['site=x', []],
    ['source=Device/x', []],
    ['subtype=read', ['read']],
    ['subtype=http://hl7.org/fhir/restful-interaction|', ['create', 'read', 'search', 'own']],
    ['subtype=$everything', ['denied']],
    ['subtype=https://makhbar.org/fhir/CodeSystem/operation|', ['denied']],
    ['subtype=sign-in-failed', ['failed']],
    ['type=rest', ['create', 'read', 'search', 'own']],
    ['type=http://dicom.nema.org/resources/ontology/DCM|110113', ['denied']],
    ['type:not=rest', ['denied', 'failed']],
    ['patient=p1&agent=Practitioner/d', ['read', 'search']],
    ['agent=Practitioner/d&entity=Observation/o1&action=R', ['read']],
    ['_filter=outcome eq 8 or subtype eq create', ['create', 'denied']],
  ])('%s', async (query, expected) => {
    if (query.startsWith('entity:not-there')) {
      expect((await ask(`AuditEvent?${query}`)).status).toBe(400);
      return;
    }
    expect(await search(encodeURI(query))).toEqual(expected);
  });
});

describe('what cannot be asked is refused by name', () => {
  test.each([
    ['_profile=x', '_profile'],
    ['_tag=x', '_tag'],
    ['_security=R', '_security'],
    ['_text=x', '_text'],
    ['_content=x', '_content'],
    ['_list=x', '_list'],
    ['_has:Observation:subject:code=x', '_has'],
    ['_include=AuditEvent:patient', '_include'],
    ['patient.unknown=x', 'unknown'],
    ['date.name=x', 'date'],
    ['entity:AuditEvent.action=R', 'AuditEvent'],
    ['type:text=rest', 'AuditEvent.type'],
    ['_sort=agent', '_sort'],
    ['_sort=date,agent', '_sort'],
    ['unknown=x', 'unknown'],
    ['entity=Practitioner/d', 'Practitioner/d'],
    ['date=yesterday', 'date'],
    ['action:above=C', 'above'],
  ])('%s', async (query, name) => {
    for (const prefer of ['handling=strict', 'handling=lenient']) {
      if (prefer === 'handling=lenient' && /unknown|yesterday|above/.test(query)) continue;
      const { status, body } = await ask(`AuditEvent?${query}`, lab, { headers: { prefer } });
      expect(status).toBe(400);
      expect(JSON.stringify(body)).toContain(name);
    }
  });

  test.each([
    'Patient?_has:AuditEvent:patient:action=R',
    'Patient?_revinclude=AuditEvent:patient',
    '?_type=AuditEvent,Patient',
  ])('%s', async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toMatch(/AuditEvent/);
  });
});

test('by POST, in a batch and in the compartment of a patient', async () => {
  const form = await ask('AuditEvent/_search', lab, {
    method: 'POST',
    body: `patient=p2&${old}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(found(form.body)).toEqual(['denied', 'own', 'search']);
  const bundle = {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [{ request: { method: 'GET', url: `AuditEvent?outcome=8&${old}` } }],
  };
  const batch = await ask('', lab, {
    method: 'POST',
    body: JSON.stringify(bundle),
    headers: { 'content-type': 'application/fhir+json' },
  });
  const [entry] = batch.body['entry'] as { resource: Json }[];
  expect(found(entry?.resource ?? {})).toEqual(['denied']);
  expect(found((await ask(`Patient/p1/AuditEvent?${old}`)).body)).toEqual(['denied', 'search', 'read', 'create']);
});

test('by _id; read, vread and the history of one; nothing of another laboratory', async () => {
  const [id] = nameOf.keys();
  expect(await search(`_id=${id}`)).toEqual(['create']);
  expect((await ask(`AuditEvent?_id=${id}`, other)).body['entry']).toBeUndefined();
  const read = await lab.fetch(`AuditEvent/${id}`);
  expect(read.headers.get('etag')).toBe('W/"1"');
  expect(await read.json()).toMatchObject({ resourceType: 'AuditEvent', id, action: 'C', outcome: '0' });
  expect((await ask(`AuditEvent/${id}/_history/1`)).body).toMatchObject({ id });
  expect((await ask(`AuditEvent/${id}/_history/2`)).status).toBe(404);
  expect((await ask(`AuditEvent/${id}/_history`)).body).toMatchObject({
    type: 'history',
    total: 1,
    entry: [{ resource: { id } }],
  });
  expect((await ask('AuditEvent/_history')).status).toBe(405);
  for (const path of [`AuditEvent/${id}`, `AuditEvent/${id}/_history`])
    expect((await ask(path, other)).status).toBe(404);
  expect((await ask('AuditEvent/not-an-event')).status).toBe(404);
});

test('parts, order and number', async () => {
  const part = await ask(`AuditEvent?outcome=8&_elements=action&${old}`);
  expect((part.body['entry'] as { resource: Json }[])[0]?.resource).not.toHaveProperty('entity');
  expect(found((await ask(`AuditEvent?_sort=date&${old}`)).body)).toEqual(keys);
  const count = await ask(`AuditEvent?_summary=count&patient=p1&${old}`);
  expect(count.body).toMatchObject({ total: 4 });
  expect(count.body['entry']).toBeUndefined();
  expect((await ask(`AuditEvent?_total=accurate&_count=1&${old}`)).body).toMatchObject({ total: 6 });
});

interface Page extends Json {
  readonly link: readonly { relation: string; url: string }[];
}

function linkOf(body: Json, relation: string): string | undefined {
  return (body as Page).link.find((link) => link.relation === relation)?.url;
}

test.each(['_sort=-date', '_sort=date', 'patient=p1,p2', 'agent:identifier=portal&_sort=date'])(
  'pages forwards and back: %s',
  async (query) => {
    const whole = found((await ask(`AuditEvent?${query}&${old}`)).body);
    const pages: string[][] = [];
    let body = (await ask(`AuditEvent?${query}&_count=2&${old}`)).body;
    const get = async (url: string): Promise<Json> => (await ask(url.slice(lab.base.length + 1))).body;
    for (;;) {
      pages.push(found(body));
      const next = linkOf(body, 'next');
      if (next === undefined) break;
      body = await get(next);
    }
    expect(pages.flat()).toEqual(whole);
    for (const page of pages.toReversed().slice(1)) {
      body = await get(linkOf(body, 'previous') ?? '');
      expect(found(body)).toEqual(page);
    }
    expect(linkOf(body, 'previous')).toBeUndefined();
  },
);

test('a cursor is good for the query and the caller that got it', async () => {
  const next = linkOf((await ask(`AuditEvent?_count=2&${old}`)).body, 'next') ?? '';
  const path = next.slice(lab.base.length + 1);
  expect((await ask(path)).status).toBe(200);
  expect((await ask(path.replace('_count=2', '_count=3'))).status).toBe(400);
  const someone = await signIn(lab.tenant, 'system/AuditEvent.rs', 'another');
  expect((await ask(path, someone)).status).toBe(400);
  expect((await ask(path, other)).status).toBe(400);
});

describe('who may ask what', () => {
  const old2 = `AuditEvent?_sort=date&${old}`;

  test.each([
    ['system/Patient.cruds', 403],
    ['system/AuditEvent.r', 403],
    ['system/AuditEvent.s', 200],
    ['system/*.rs', 200],
  ])('%s', async (scopes, status) => {
    expect((await ask(old2, await signIn(lab.tenant, scopes))).status).toBe(status);
  });

  test('who may only search cannot read', async () => {
    const [id] = nameOf.keys();
    expect((await ask(`AuditEvent/${id}`, await signIn(lab.tenant, 'system/AuditEvent.s'))).status).toBe(403);
    expect((await ask(`AuditEvent/${id}`, await signIn(lab.tenant, 'system/AuditEvent.r'))).status).toBe(200);
  });

  test.each<[string, string[], { patient: string } | undefined]>([
    ['system/AuditEvent.rs?outcome=8', ['denied'], undefined],
    ['system/AuditEvent.rs?agent=Practitioner/d', ['read', 'search'], undefined],
    ['system/AuditEvent.rs?outcome=4 system/AuditEvent.rs?action=C', ['create', 'failed'], undefined],
    // What cannot be asked grants nothing.
    ['system/AuditEvent.rs?_tag=x', [], undefined],
    ['system/AuditEvent.rs?_tag=x system/AuditEvent.rs?action=C', ['create'], undefined],
    ['system/AuditEvent.rs?patient.name=x', [], undefined],
    ['patient/AuditEvent.rs', ['search', 'own', 'denied'], { patient: 'p2' }],
  ])('%s', async (scopes, expected, about) => {
    const caller = await signIn(lab.tenant, scopes, 'someone', about);
    expect(found((await ask(old2, caller)).body)).toEqual(expected);
    for (const [id, name] of nameOf) {
      expect([name, (await ask(`AuditEvent/${id}`, caller)).status]).toEqual([
        name,
        expected.includes(name) ? 200 : 404,
      ]);
    }
  });
});
