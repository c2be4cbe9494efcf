/** Questions to the audit log through references: what the caller may see of the resources decides what he is told. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { putEvents, type Given } from './log.ts';

type Json = Record<string, unknown>;

const doctor = { subject: 'user-1', client: 'portal', roles: [], fhirUser: 'Practitioner/d' };
const nurse = { subject: 'user-2', client: 'portal', roles: [], fhirUser: 'Practitioner/n' };
const self = { subject: 'user-3', client: 'portal', roles: [], fhirUser: 'Patient/p2' };

const events: Readonly<Record<string, Given>> = {
  first: {
    at: '2025-01-01T10:00:00Z',
    agent: doctor,
    touched: [{ type: 'Observation', id: 'o1', version: 1 }],
    patients: ['p1'],
  },
  list: {
    at: '2025-01-02T10:00:00Z',
    kind: 'search-type',
    agent: nurse,
    touched: [
      { type: 'Observation', id: 'o2', version: 1 },
      { type: 'Observation', id: 'o1', version: 1 },
    ],
    patients: ['p1', 'p2'],
  },
  own: {
    at: '2025-01-03T10:00:00Z',
    agent: self,
    touched: [{ type: 'Observation', id: 'o2', version: 1 }],
    patients: ['p2'],
  },
  staff: { at: '2025-01-04T10:00:00Z', agent: doctor, touched: [{ type: 'Practitioner', id: 'n', version: 1 }] },
};
const keys = Object.keys(events);

let lab: Laboratory;
let other: Laboratory;
const nameOf = new Map<string, string>();

beforeAll(async () => {
  [lab, other] = [await makeLaboratory(), await makeLaboratory()];
  for (const one of [lab, other]) {
    await put(one, 'Organization', 'clinic', { name: 'Clinic' });
    await put(one, 'Patient', 'p1', {
      name: [{ family: 'Haddad' }],
      gender: 'female',
      identifier: [{ system: 'urn:mrn', value: '17' }],
      managingOrganization: { reference: 'Organization/clinic' },
    });
    await put(one, 'Patient', 'p2', { name: [{ family: 'Okafor' }], gender: 'male' });
    await put(one, 'Practitioner', 'd', { name: [{ family: 'Farès' }] });
    await put(one, 'Practitioner', 'n', { name: [{ family: 'Sow' }] });
    for (const [id, code, patient] of [
      ['o1', 'hb', 'p1'],
      ['o2', 'glucose', 'p2'],
    ] as const) {
      const subject = { reference: `Patient/${patient}` };
      await put(one, 'Observation', id, { status: 'final', code: { coding: [{ code }] }, subject });
    }
  }
  const ids = await putEvents(lab.tenant.id, Object.values(events));
  ids.forEach((id, i) => nameOf.set(id, keys[i] ?? ''));
}, 60_000);

async function put(one: Laboratory, type: string, id: string, more: Json): Promise<void> {
  const response = await one.fetch(`${type}/${id}`, {
    method: 'PUT',
    body: JSON.stringify({ resourceType: type, id, ...more }),
    headers: { 'content-type': 'application/fhir+json' },
  });
  expect(response.status).toBe(201);
}

async function ask(query: string, as = lab): Promise<{ status: number; body: Json }> {
  const response = await as.fetch(`AuditEvent?${encodeURI(query)}&date=lt2026-01-01&_sort=date`);
  return { status: response.status, body: (await response.json()) as Json };
}

async function found(query: string, as = lab): Promise<string[]> {
  const { status, body } = await ask(query, as);
  expect([status, status === 200 ? '' : JSON.stringify(body)]).toEqual([200, '']);
  const entries = (body['entry'] ?? []) as { resource: { id: string } }[];
  return entries.map(({ resource }) => nameOf.get(resource.id) ?? '');
}

test.each<[string, string[]]>([
  ['patient.identifier=urn:mrn|17', ['first', 'list']],
  ['patient.name=okafor', ['list', 'own']],
  ['patient.name=okafor,haddad', ['first', 'list', 'own']],
  ['patient.name=nobody', []],
  ['patient.gender:not=male', ['first', 'list']],
  ['patient.organization.name=clinic', ['first', 'list']],
  ['patient._has:Observation:patient:code=glucose', ['list', 'own']],
  ['entity:Observation.code=hb', ['first', 'list']],
  ['entity:Observation.patient.name=haddad', ['first', 'list']],
  ['entity:Patient.name=haddad', ['first', 'list']],
  ['entity:Practitioner.name=sow&date=ge2025-01-01', ['staff']],
  ['agent:Practitioner.name=fares', ['first', 'staff']],
  ['agent:Patient.name=okafor', ['own']],
  ['agent.name=sow', ['list']],
  ['patient.name=okafor&agent:Practitioner.name=sow', ['list']],
  ['_filter=patient.name eq "Haddad" and agent:Practitioner.name eq "Farès"', ['first']],
  ['_filter=not(patient.name eq "Haddad")', ['own', 'staff']],
])('%s', async (query, expected) => {
  expect(await found(query)).toEqual(expected);
  expect(await found(query, other)).toEqual([]);
});

describe('under the access of the caller', () => {
  test.each<[string, string, string[]]>([
    ['system/AuditEvent.rs', 'patient.name=haddad', []],
    ['system/AuditEvent.rs system/Patient.rs', 'patient.name=haddad', ['first', 'list']],
    // To search is to find.
    ['system/AuditEvent.rs system/Patient.r', 'patient.name=haddad', []],
    ['system/AuditEvent.rs system/Patient.rs?gender=male', 'patient.name=haddad,okafor', ['list', 'own']],
    ['system/AuditEvent.rs system/Patient.rs', 'entity:Observation.code=hb', []],
    ['system/AuditEvent.rs system/Observation.rs', 'entity:Observation.patient.name=haddad', []],
    ['system/AuditEvent.rs system/Practitioner.rs', 'agent:Practitioner.name=sow', ['list']],
    ['system/AuditEvent.rs?agent=Practitioner/d system/Patient.rs', 'patient.name=haddad', ['first']],
    // A chain that finds nothing excludes nothing.
    ['system/AuditEvent.rs', '_filter=not(patient.name eq "Haddad")', keys],
  ])('%s: %s', async (scopes, query, expected) => {
    expect(await found(query, await signIn(lab.tenant, scopes))).toEqual(expected);
  });
});

describe('refused with a sentence', () => {
  test.each<[string, RegExp]>([
    ['patient.unknown=x', /"unknown" is no search parameter of Patient/],
    ['subtype.code=x', /is no reference/],
    ['patient:Device.name=x', /cannot refer to "Device"/],
    ['entity:AuditEvent.action=R', /audit log is apart/],
    ['entity.date=2026-01-01', /name the type, as in entity:Observation\.code/],
    ['entity:Practitioner.name=sow&_sort=date', /Practitioner\/n is about no patient.*add a date/],
    ['_has:Observation:subject:code=x', /_has/],
  ])('%s', async (query, sentence) => {
    const response = await lab.fetch(`AuditEvent?${encodeURI(query)}`);
    expect(response.status).toBe(400);
    const { issue } = (await response.json()) as { issue: { diagnostics: string }[] };
    expect(issue[0]?.diagnostics).toMatch(sentence);
  });

  test('_has towards the log', async () => {
    const response = await lab.fetch('Patient?_has:AuditEvent:patient:action=R');
    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toMatch(/search AuditEvent by entity or patient instead/);
  });
});

test('more resources than a chain may lead to', async () => {
  const many = await makeLaboratory();
  const entry = Array.from({ length: 1_001 }, (_, i) => ({
    resource: { resourceType: 'Patient', id: `m${i}`, gender: 'other' },
    request: { method: 'PUT', url: `Patient/m${i}` },
  }));
  const loaded = await many.fetch('', {
    method: 'POST',
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    headers: { 'content-type': 'application/fhir+json', prefer: 'return=minimal' },
  });
  expect(loaded.status).toBe(200);
  const { status, body } = await ask('patient.gender=other', many);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toMatch(/More than 1000 resources of the type Patient/);
  expect((await ask('patient.gender=other&patient._id=m1', many)).status).toBe(400);
  expect((await ask('patient._id=m1', many)).status).toBe(200);
  expect(await found('patient.gender=male', many)).toEqual([]);
}, 60_000);
