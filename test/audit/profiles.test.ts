/** Our own patterns of AuditEvents (profiles/audit-event*.json): events of every kind follow theirs, and no other. */
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { auditEventText } from '../../src/audit/event.ts';
import { externalTag } from '../../src/audit/external.ts';
import { kinds, ownCommands, ownOperations, ownSubtypes, type Kind, type KindName } from '../../src/audit/kinds.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { thing } from '../../src/audit/security.ts';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { ownProfiles } from '../../src/fhir/profiles.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

const folder = new URL('../../profiles/', import.meta.url);
const base = 'urn:makhbar:profile:audit-event';

/** Which kinds a pattern is for. BALP has the pattern of the others (kinds.ts names it). */
const patterns: Readonly<Record<string, readonly KindName[]>> = {
  patch: ['patch'],
  operation: ['operation'],
  bundle: ['batch', 'transaction'],
  denied: ['access-denied'],
  refused: ['request-refused', 'requests-refused'],
  'sign-in': ['sign-in', 'sign-in-failed', 'sign-out'],
  'second-factor': ['second-factor', 'second-factor-failed'],
  token: ['token-issued', 'token-refreshed', 'token-revoked', 'token-refused'],
  emergency: ['emergency-override-started', 'emergency-override-stopped'],
  configuration: [
    'user-changed',
    'role-changed',
    'client-changed',
    'settings-changed',
    'key-rotated',
    'retention-rule-changed',
    'legal-hold-changed',
    'sub-processor-changed',
    'research-project-changed',
    'departure-announced',
    'departure-cancelled',
    'departure-reminded',
  ],
  'data-subject': ['patient-erased', 'erasure-previewed', 'processing-restricted', 'restriction-lifted'],
  application: ['application-start', 'application-stop'],
  'data-subject-request': ['data-subject-request', 'data-subject-step'],
  retention: ['retention-run', 'retention-announced'],
  'log-used': ['audit-verified'],
  'app-state': ['app-state'],
  message: [
    'message-received',
    'message-refused',
    'message-read',
    'message-sent',
    'message-not-sent',
    'interface-stalled',
    'interface-resumed',
    'message-retried',
    'message-explained',
    'interface-tested',
  ],
  bulk: [
    'deidentified-export-requested',
    'export-requested',
    'export-finished',
    'export-read',
    'export-removed',
    'import-requested',
    'import-stored',
    'import-finished',
    'import-removed',
    'package-written',
  ],
};
const conditional: readonly KindName[] = ['create', 'update', 'patch', 'delete'];

const plain: Omit<AuditRecord, 'kind'> = {
  id: '0197a7e0-0000-7000-8000-000000000001',
  time: Date.UTC(2026, 0, 31, 8, 15, 0, 7),
  outcome: 0,
  agent: { subject: 'layla', client: 'chart', roles: ['technician'], fhirUser: 'Practitioner/7', name: 'Layla' },
  address: '192.0.2.7',
  purposes: ['TREAT'],
  requestId: 'r-1',
  touched: [{ type: 'Observation', id: 'k-1', version: 3 }],
  patients: ['7'],
};

const variants: readonly Partial<AuditRecord>[] = [
  {},
  { agent: { subject: '', client: '', roles: [] }, address: '', purposes: [], touched: [], patients: [] },
  { agent: { subject: 'feed', client: 'feed', roles: ['interface'] }, patients: ['7', '8'] },
  { outcome: 4, reason: '404 not-found' },
  { further: [thing('account', 'layla')] },
];

/** What makes an event of a kind complete. */
const needed: Partial<Record<KindName, Partial<AuditRecord>>> = {
  operation: { deed: '$everything' },
  'access-denied': { outcome: 8, reason: '403 forbidden: the token does not allow it.', deed: 'read' },
};

function eventsOf(kind: KindName, more: Partial<AuditRecord> = {}): JsonObject[] {
  return variants.map((variant) => render({ ...plain, kind, ...variant, ...needed[kind], ...more }));
}

function render(record: AuditRecord): JsonObject {
  return parseJson(auditEventText(record, { observer: 'demo' })) as JsonObject;
}

function errors(event: JsonObject, profile: string): string[] {
  const issues = validateResource(event, { profiles: [profile] });
  return issues.filter(({ severity }) => severity === 'error').map(({ diagnostics }) => diagnostics ?? '');
}

const own = (Object.keys(kinds) as KindName[]).filter((kind) => kind !== 'external');

test.each(own)('%s: its events are events of this server', (kind) => {
  for (const event of eventsOf(kind)) expect(errors(event, base)).toEqual([]);
});

describe.each(Object.entries(patterns))('%s', (name, members) => {
  const profile = `${base}-${name}`;

  test.each(members)('%s follows it', (kind) => {
    for (const event of eventsOf(kind)) expect(errors(event, profile)).toEqual([]);
  });

  test('no other kind does', () => {
    const others = own.filter((kind) => !members.includes(kind));
    for (const kind of others) {
      for (const event of eventsOf(kind)) expect([kind, errors(event, profile).length > 0]).toEqual([kind, true]);
    }
  });
});

test.each(conditional)('a conditional %s has the criteria', (kind) => {
  const profile = `${base}-conditional`;
  for (const event of eventsOf(kind, { query: 'Patient?identifier=1' })) expect(errors(event, profile)).toEqual([]);
  for (const event of eventsOf(kind)) expect(errors(event, profile)).not.toEqual([]);
});

test.each<[string, (event: JsonObject) => JsonObject]>([
  ['without the request', (event) => ({ ...event, entity: listOf(event, 'entity').filter((one) => !isRequest(one)) })],
  ['without this server', (event) => ({ ...event, agent: listOf(event, 'agent').slice(0, 1) })],
  [
    'asked by nobody',
    (event) => ({ ...event, agent: listOf(event, 'agent').map((one) => ({ ...one, requestor: false })) }),
  ],
  [
    'with an agent of another sort',
    (event) => ({ ...event, agent: [...listOf(event, 'agent'), { requestor: false }] }),
  ],
  ['without an outcome', ({ outcome: _outcome, ...event }) => event],
  ['without a subtype', ({ subtype: _subtype, ...event }) => event],
])('%s an event is none of ours', (_, change) => {
  for (const event of eventsOf('read')) expect(errors(change(event), base)).not.toEqual([]);
});

function isRequest({ type }: JsonObject): boolean {
  return (type as JsonObject)['code'] === 'XrequestId';
}

function listOf(event: JsonObject, member: string): JsonObject[] {
  return event[member] as JsonObject[];
}

const read = (name: string): JsonObject => parseJson(readFileSync(new URL(name, folder), 'utf8')) as JsonObject;
const systems = readdirSync(folder)
  .map(read)
  .filter(({ resourceType }) => resourceType === 'CodeSystem');

describe('code systems', () => {
  test.each(systems.map((system) => [system['id'] as string, system] as const))('%s is valid', (_, system) => {
    expect(validateResource(system)).toEqual([]);
  });

  test('those that events name are there', () => {
    const urls = systems.map(({ url }) => url);
    expect(urls).toEqual(expect.arrayContaining([ownSubtypes, ownOperations, ownCommands, externalTag.system]));
    expect(ownProfiles().get(ownSubtypes)).toBeUndefined();
  });

  const concepts = systems.find(({ url }) => url === ownSubtypes)?.['concept'] as readonly JsonObject[];

  test.each(
    Object.entries(kinds as Readonly<Record<string, Kind>>).filter(
      ([, { subtype }]) => subtype['system'] === ownSubtypes,
    ),
  )('%s: its code is in profiles/audit-event-subtype.json', (_, { subtype }) => {
    const { code, display } = subtype;
    expect(concepts).toContainEqual(expect.objectContaining({ code, display }));
  });
});

describe('events of a laboratory', () => {
  let lab: Laboratory;
  beforeAll(async () => {
    lab = await makeLaboratory();
  });

  test('the CapabilityStatement names the patterns', async () => {
    const statement = (await (await lab.fetch('metadata')).json()) as {
      rest: { resource: { type: string; supportedProfile?: string[] }[] }[];
    };
    const supported = statement.rest[0]?.resource.find(({ type }) => type === 'AuditEvent')?.supportedProfile;
    const names = [...Object.keys(patterns), 'conditional', 'external'].map((name) => `${base}-${name}`);
    expect(supported?.toSorted()).toEqual([base, ...names].toSorted());
  });

  test('what was really logged follows the patterns', async () => {
    const headers = { 'content-type': 'application/fhir+json' };
    const patient = JSON.stringify({ resourceType: 'Patient', id: 'p' });
    const patch = JSON.stringify([{ op: 'add', path: '/gender', value: 'other' }]);
    const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: [] });
    await lab.fetch('Patient/p', { method: 'PUT', body: patient, headers });
    await lab.fetch('Patient/p', {
      method: 'PATCH',
      body: patch,
      headers: { 'content-type': 'application/json-patch+json' },
    });
    await lab.fetch('Patient/p/$everything');
    await lab.fetch('', { method: 'POST', body: bundle, headers });
    await fetch(`${lab.base}/Patient/p`);
    const sent = { resourceType: 'AuditEvent', type: { code: 'x' }, recorded: '2026-01-01T00:00:00Z' };
    const agent = [{ requestor: true }];
    const sender = await signIn(lab.tenant, 'system/AuditEvent.c', 'sender');
    await sender.fetch('AuditEvent', {
      method: 'POST',
      body: JSON.stringify({ ...sent, agent, source: { observer: { display: 'x' } } }),
      headers,
    });
    const { entry } = (await (await lab.fetch('AuditEvent?_count=100')).json()) as {
      entry: { resource: JsonObject }[];
    };
    const subtypes = entry.map(({ resource }) => (resource['subtype'] as JsonObject[] | undefined)?.[0]?.['code']);
    const patternOf: Readonly<Record<string, string>> = {
      patch: '-patch',
      operation: '-operation',
      batch: '-bundle',
      '110132': '-denied',
      undefined: '-external',
    };
    entry.forEach(({ resource }, i) => {
      const code = String(subtypes[i]);
      expect([code, errors(resource, `${base}${patternOf[code] ?? ''}`)]).toEqual([code, []]);
    });
    expect(subtypes.map(String)).toEqual(expect.arrayContaining(Object.keys(patternOf)));
  });
});
