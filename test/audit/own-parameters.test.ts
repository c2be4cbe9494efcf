/** Questions to the audit log by the product's own search parameters (searchparameters/audit-event-*.json). */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { putEvents, type Given } from './log.ts';

type Json = Record<string, unknown>;

const doctor = { subject: 'user-1', client: 'portal', roles: ['pathologist'], fhirUser: 'Practitioner/d' };

const events: Readonly<Record<string, Given>> = {
  treat: { at: '2025-01-01T10:00:00Z', agent: doctor, purposes: ['TREAT'], requestId: 'request-1', patients: ['p1'] },
  study: { at: '2025-01-02T10:00:00Z', agent: doctor, purposes: ['HRESCH', 'TREAT'], requestId: 'request-2' },
  emergency: { at: '2025-01-03T10:00:00Z', agent: doctor, purposes: ['BTG'], requestId: 'request-3', patients: ['p1'] },
  opened: { at: '2025-01-04T10:00:00Z', kind: 'emergency-override-started', agent: doctor, requestId: 'request-3' },
  closed: { at: '2025-01-05T10:00:00Z', kind: 'emergency-override-stopped', agent: doctor },
  machine: { at: '2025-01-06T10:00:00Z', agent: { subject: 'portal', client: 'portal', roles: [] } },
  // A user whose name is that of an application.
  other: { at: '2025-01-07T10:00:00Z', agent: { subject: 'portal', client: 'analyser', roles: [] } },
  nobody: { at: '2025-01-08T10:00:00Z', kind: 'sign-in-failed' },
};
const keys = Object.keys(events);

let lab: Laboratory;
let other: Laboratory;
const nameOf = new Map<string, string>();

beforeAll(async () => {
  [lab, other] = [await makeLaboratory(), await makeLaboratory()];
  const ids = await putEvents(lab.tenant.id, Object.values(events));
  ids.forEach((id, i) => nameOf.set(id, keys[i] ?? ''));
});

async function found(query: string, as = lab): Promise<string[]> {
  const response = await as.fetch(`AuditEvent?${encodeURI(query)}&date=lt2026-01-01&_sort=date`);
  const body = (await response.json()) as Json;
  expect([response.status, response.status === 200 ? '' : JSON.stringify(body)]).toEqual([200, '']);
  const entries = (body['entry'] ?? []) as { resource: { id: string } }[];
  return entries.map(({ resource }) => nameOf.get(resource.id) ?? '');
}

const reasons = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

test.each<[string, string[]]>([
  ['purpose-of-use=TREAT', ['treat', 'study']],
  [`purpose-of-use=${reasons}|HRESCH`, ['study']],
  [`purpose-of-use=${reasons}|`, ['treat', 'study', 'emergency']],
  ['purpose-of-use=http://example.org|TREAT', []],
  ['purpose-of-use=HRESCH,BTG', ['study', 'emergency']],
  ['purpose-of-use:not=TREAT', ['emergency', 'opened', 'closed', 'machine', 'other', 'nobody']],
  ['purpose-of-use:missing=false', ['treat', 'study', 'emergency']],
  ['request-id=request-3', ['emergency', 'opened']],
  ['request-id=request-1,request-2', ['treat', 'study']],
  ['request-id=request', []],
  ['request-id:missing=true', []],
  ['client=portal', ['treat', 'study', 'emergency', 'opened', 'closed', 'machine']],
  ['client=analyser', ['other']],
  ['client=user-1', []],
  ['client=unknown', ['nobody']],
  ['client:not=portal', ['other', 'nobody']],
  ['client:missing=false', keys],
  ['break-glass=true', ['emergency', 'opened', 'closed']],
  ['break-glass=false', ['treat', 'study', 'machine', 'other', 'nobody']],
  ['break-glass:not=true', ['treat', 'study', 'machine', 'other', 'nobody']],
  ['break-glass=true,false', keys],
  ['break-glass=maybe', []],
  ['break-glass:missing=true', []],
  ['break-glass=true&patient=p1', ['emergency']],
  ['break-glass=true&client=portal&request-id=request-3', ['emergency', 'opened']],
])('%s', async (query, expected) => {
  expect(await found(query)).toEqual(expected);
  expect(await found(query, other)).toEqual([]);
  const response = await lab.fetch(`AuditEvent?${encodeURI(query)}&date=lt2026-01-01&_summary=count`);
  expect(await response.json()).toMatchObject({ total: expected.length });
});

test.each(['break-glass:text=true', 'client:above=x', 'request-id=a|b|c', 'purpose-of-use='])(
  '%s is refused, or asks nothing',
  async (query) => {
    const response = await lab.fetch(`AuditEvent?${query}&date=lt2026-01-01`);
    expect(response.status).toBe(query.endsWith('=') ? 200 : 400);
  },
);

test('as the filter of a scope', async () => {
  const officer = await signIn(lab.tenant, 'system/AuditEvent.rs?break-glass=true');
  expect(await found('action=R,E', officer)).toEqual(['emergency', 'opened', 'closed']);
});

test('what was done under an override is found, and nothing else', async () => {
  const clinic = await makeLaboratory();
  const send = (caller: Laboratory, method: string, path: string, body: Json): Promise<Response> =>
    caller.fetch(path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/fhir+json' } });
  await send(clinic, 'PUT', 'Patient/p', { resourceType: 'Patient', id: 'p' });
  const scopes = ['user/Patient.rs'];
  const about = { roleScopes: scopes, breakGlass: { minutes: 60, roleScopes: scopes } };
  const physician = await signIn(clinic.tenant, scopes.join(' '), 'physician', about);
  const reason = [{ name: 'reason', valueString: 'Unconscious in the emergency room' }];
  const get = (purpose: string): Promise<Response> =>
    physician.fetch('Patient/p', { headers: { 'x-purpose-of-use': purpose } });
  expect((await get('BTG')).status).toBe(403);
  await send(physician, 'POST', 'Patient/p/$break-glass', { resourceType: 'Parameters', parameter: reason });
  expect((await get('BTG')).status).toBe(200);
  expect((await get('TREAT')).status).toBe(200);
  await physician.fetch('Patient/p/$break-glass-close', { method: 'POST' });
  const body = (await (await clinic.fetch('AuditEvent?break-glass=true&_sort=date')).json()) as {
    entry: { resource: { subtype: { code: string }[] } }[];
  };
  expect(body.entry.map(({ resource }) => resource.subtype[0]?.code)).toEqual(['110127', 'read', '110128']);
});

test('the CapabilityStatement names them', async () => {
  const statement = (await (await lab.fetch('metadata')).json()) as {
    rest: { resource: { type: string; searchParam: { name: string; definition: string }[] }[] }[];
  };
  const listed = statement.rest[0]?.resource.find(({ type }) => type === 'AuditEvent')?.searchParam;
  for (const name of ['purpose-of-use', 'request-id', 'client', 'break-glass']) {
    const definition = `urn:makhbar:search-parameter:audit-event-${name}`;
    expect(listed).toContainEqual(expect.objectContaining({ name, definition }));
  }
});
