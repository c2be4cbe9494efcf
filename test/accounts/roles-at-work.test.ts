/**
 * The shipped roles at work, over HTTP: what each sees and writes of the same two patients, orders and results, with a
 * token that asked for everything.
 *
 * Amal was sent by Dr Yusuf, Basma by Dr Zahra. Each has an order, a specimen, a final result in a report, a result that is
 * still preliminary.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { shippedRoles } from '../../src/access/roles.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { reviewCode } from '../../src/operations/break-glass-task.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { putEvents } from '../audit/log.ts';

let lab: Laboratory;

const reference = (to: string): JsonObject => ({ reference: to });
const code = { text: 'Potassium' };
const privacy = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] };
const optIn = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] };

function resourcesOf(patient: string, doctor: string): JsonObject[] {
  const subject = reference(`Patient/${patient}`);
  const basedOn = [reference(`ServiceRequest/${patient}-order`)];
  return [
    { resourceType: 'Practitioner', id: doctor },
    { resourceType: 'Patient', id: patient },
    { resourceType: 'Specimen', id: `${patient}-tube`, subject },
    {
      resourceType: 'ServiceRequest',
      id: `${patient}-order`,
      status: 'active',
      intent: 'order',
      subject,
      requester: reference(`Practitioner/${doctor}`),
      specimen: [reference(`Specimen/${patient}-tube`)],
    },
    { resourceType: 'Observation', id: `${patient}-member`, status: 'final', code, subject },
    { resourceType: 'Observation', id: `${patient}-final`, status: 'final', code, subject, basedOn },
    { resourceType: 'Observation', id: `${patient}-early`, status: 'preliminary', code, subject, basedOn },
    {
      resourceType: 'DiagnosticReport',
      id: `${patient}-report`,
      status: 'final',
      code,
      subject,
      basedOn,
      result: [reference(`Observation/${patient}-member`)],
    },
    {
      resourceType: 'Consent',
      id: `${patient}-consent`,
      status: 'active',
      scope: privacy,
      category: [code],
      patient: subject,
      policyRule: optIn,
    },
  ];
}

const task = (id: string, coding: JsonObject): JsonObject => ({
  resourceType: 'Task',
  id,
  status: 'requested',
  intent: 'order',
  code: { coding: [coding] },
});

const work = task('collect', { system: 'http://lab.example/tasks', code: 'collect' });
const review = task('review', { system: 'urn:makhbar:task', code: reviewCode });

async function put(by: Laboratory, resource: JsonObject): Promise<number> {
  const headers = { 'content-type': 'application/fhir+json' };
  const path = `${String(resource['resourceType'])}/${String(resource['id'])}`;
  return (await by.fetch(path, { method: 'PUT', headers, body: JSON.stringify(resource) })).status;
}

/** Id of an event; those of this test's own requests come later. */
let event: string;

beforeAll(async () => {
  lab = await makeLaboratory();
  const all = [...resourcesOf('amal', 'yusuf'), ...resourcesOf('basma', 'zahra'), work, review];
  for (const resource of all) expect([resource['id'], await put(lab, resource)]).toEqual([resource['id'], 201]);
  [event = ''] = await putEvents(lab.tenant.id, [{ at: '2025-05-05T12:00:00Z' }]);
}, 30_000);

function as(role: string, fhirUser?: string, scopes = 'user/*.cruds patient/*.cruds'): Promise<Laboratory> {
  const { scopes: roleScopes = [], clearance = [], consent = 'enforced' } = shippedRoles.get(role) ?? {};
  const about = { roleScopes, clearance, consent, ...(fhirUser !== undefined && { fhirUser }) };
  return signIn(lab.tenant, scopes, `${role} ${fhirUser}`, about);
}

/** The ids that a search finds; the status where it is refused. */
async function seen(by: Laboratory, type: string): Promise<string> {
  const period = type === 'AuditEvent' ? '&date=lt2026-01-01' : '';
  const answer = await by.fetch(`${type}?_count=50${period}`);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: { id: string } }[] };
  return answer.status === 200
    ? entry
        .map(({ resource }) => (resource.id === event ? 'log' : resource.id))
        .sort()
        .join(' ')
    : String(answer.status);
}

const types = [
  'Patient',
  'ServiceRequest',
  'Specimen',
  'Observation',
  'DiagnosticReport',
  'Task',
  'Consent',
  'AuditEvent',
];
const both = (what: string): string => `amal${what} basma${what}`;
const observations = 'amal-early amal-final amal-member basma-early basma-final basma-member';
const cases: [string, string | undefined, string[]][] = [
  ['administrator', undefined, ['403', '403', '403', '403', '403', '403', '403', '403']],
  ['reception', undefined, [both(''), both('-order'), both('-tube'), '403', '403', 'collect', both('-consent'), '403']],
  ['phlebotomist', undefined, [both(''), both('-order'), both('-tube'), '403', '403', 'collect', '403', '403']],
  [
    'technician',
    undefined,
    [both(''), both('-order'), both('-tube'), observations, both('-report'), 'collect', '403', '403'],
  ],
  [
    'pathologist',
    undefined,
    [both(''), both('-order'), both('-tube'), observations, both('-report'), 'collect', both('-consent'), '403'],
  ],
  [
    'referring-physician',
    'Practitioner/yusuf',
    ['amal', 'amal-order', 'amal-tube', 'amal-final', 'amal-report', '403', '403', '403'],
  ],
  ['referring-physician', 'Practitioner/nobody', ['', '', '', '', '', '403', '403', '403']],
  ['referring-physician', undefined, ['403', '403', '403', '403', '403', '403', '403', '403']],
  [
    'patient',
    'Patient/basma',
    ['basma', 'basma-order', 'basma-tube', 'basma-final basma-member', 'basma-report', '', 'basma-consent', '403'],
  ],
  ['patient', 'Patient/nobody', ['', '', '', '', '', '', '', '403']],
  ['patient', undefined, ['403', '403', '403', '403', '403', '403', '403', '403']],
  ['data-protection-officer', undefined, ['403', '403', '403', '403', '403', 'review', both('-consent'), 'log']],
  ['auditor', undefined, ['403', '403', '403', '403', '403', '403', '403', 'log']],
  ['researcher', undefined, ['403', '403', '403', '403', '403', '403', '403', '403']],
  [
    'interface',
    undefined,
    [both(''), both('-order'), both('-tube'), observations, both('-report'), 'collect', '403', '403'],
  ],
  ['operator', undefined, ['403', '403', '403', '403', '403', '403', '403', '403']],
];

test('every shipped role has a case', () => {
  expect(new Set(cases.map(([role]) => role))).toEqual(new Set(shippedRoles.keys()));
});

test.each(cases)('%s (%s) sees', async (role, fhirUser, expected) => {
  const by = await as(role, fhirUser);
  const found = await Promise.all(types.map(async (type) => [type, await seen(by, type)]));
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(types.map((type, i) => [type, expected[i]])));
});

test('a token for results alone shows a physician those of his orders, and not the orders', async () => {
  const by = await as('referring-physician', 'Practitioner/yusuf', 'user/Observation.rs');
  const found = await Promise.all(types.map((type) => seen(by, type)));
  expect(found).toEqual(types.map((type) => (type === 'Observation' ? 'amal-final' : '403')));
  // What the app itself asks for follows only what its token shows.
  const chain = 'based-on:ServiceRequest.requester=Practitioner/yusuf';
  const asked = (await (await by.fetch(`Observation?${chain}`)).json()) as { entry?: unknown };
  expect(asked.entry).toBeUndefined();
  const chosen = await as('referring-physician', 'Practitioner/yusuf', `user/Observation.rs?${chain}`);
  expect(await seen(chosen, 'Observation')).toBe('');
});

describe('writes', () => {
  const result = (id: string, status: string): JsonObject => ({
    resourceType: 'Observation',
    id,
    status,
    code,
    subject: reference('Patient/amal'),
  });
  const order = (id: string, doctor: string): JsonObject => ({
    resourceType: 'ServiceRequest',
    id,
    status: 'active',
    intent: 'order',
    subject: reference('Patient/amal'),
    requester: reference(`Practitioner/${doctor}`),
  });

  const attempts: [string, string, string | undefined, JsonObject, boolean][] = [
    ['a technician enters a result', 'technician', undefined, result('w1', 'preliminary'), true],
    [
      'a technician changes it before it is released',
      'technician',
      undefined,
      { ...result('w1', 'preliminary'), valueString: '4.1' },
      true,
    ],
    ['a technician does not release it', 'technician', undefined, result('w1', 'final'), false],
    ['a technician makes no final result', 'technician', undefined, result('w2', 'final'), false],
    ['a pathologist releases it', 'pathologist', undefined, result('w1', 'final'), true],
    ['a technician touches it no more', 'technician', undefined, result('w1', 'preliminary'), false],
    ['reception enters none', 'reception', undefined, result('w3', 'preliminary'), false],
    ['an administrator enters none', 'administrator', undefined, result('w3', 'preliminary'), false],
    ['a patient enters none of his own', 'patient', 'Patient/amal', result('w3', 'preliminary'), false],
    ['a physician orders in his own name', 'referring-physician', 'Practitioner/yusuf', order('w4', 'yusuf'), true],
    ['not in that of another', 'referring-physician', 'Practitioner/yusuf', order('w5', 'zahra'), false],
    ['nor takes over an order', 'referring-physician', 'Practitioner/zahra', order('w4', 'zahra'), false],
    ['nor gives his own away', 'referring-physician', 'Practitioner/yusuf', order('w4', 'zahra'), false],
    [
      'a pathologist does not close the review of an override',
      'pathologist',
      undefined,
      { ...review, status: 'completed' },
      false,
    ],
    ['nor makes a task into one, or one into a task', 'pathologist', undefined, { ...review, code }, false],
    [
      'the data protection officer does',
      'data-protection-officer',
      undefined,
      { ...review, status: 'completed' },
      true,
    ],
    ['and no other task', 'data-protection-officer', undefined, { ...work, status: 'completed' }, false],
    ['a phlebotomist says that it is done', 'phlebotomist', undefined, { ...work, status: 'completed' }, true],
    ['an auditor writes no log', 'auditor', undefined, { resourceType: 'AuditEvent', id: 'log' }, false],
    [
      'an administrator keeps the catalogue',
      'administrator',
      undefined,
      { resourceType: 'ActivityDefinition', id: 'k', status: 'active' },
      true,
    ],
  ];
  // One after the other: each builds on what is there. 405: to who may not see it, an update looks like a creation.
  test('what each may, and nothing else', async () => {
    for (const [what, role, fhirUser, resource, good] of attempts) {
      const status = await put(await as(role, fhirUser), resource);
      expect([what, status, status < 300]).toEqual([what, expect.any(Number), good]);
      if (!good) expect([what, [403, 404, 405].includes(status) ? 'refused' : status]).toEqual([what, 'refused']);
    }
  }, 60_000);

  test('nobody but the operator deletes what belongs to a patient', async () => {
    for (const role of shippedRoles.keys()) {
      const by = await as(role, 'Practitioner/yusuf');
      for (const path of ['Observation/basma-final', 'Patient/basma', `AuditEvent/${event}`, 'Consent/basma-consent']) {
        const { status } = await by.fetch(path, { method: 'DELETE' });
        expect([role, path, [403, 404].includes(status)]).toEqual([role, path, true]);
      }
    }
  }, 60_000);
});

test('an emergency opens what is to be known, and no other deed: nothing is released, no review closed', async () => {
  const { scopes: roleScopes = [], clearance = [] } = shippedRoles.get('technician') ?? {};
  const about = { roleScopes, clearance, consent: 'enforced', breakGlass: { minutes: 60, roleScopes } } as const;
  const by = await signIn(lab.tenant, 'user/*.cruds', 'in-emergency', about);
  const headers = { 'content-type': 'application/fhir+json', 'x-purpose-of-use': 'BTG' };
  const parameter = [{ name: 'reason', valueString: 'Unconscious' }];
  const body = JSON.stringify({ resourceType: 'Parameters', parameter });
  expect((await by.fetch('Patient/amal/$break-glass', { method: 'POST', headers, body })).status).toBeLessThan(300);
  const found = (await (await lab.fetch('Task?subject=Patient/amal')).json()) as { entry: { resource: JsonObject }[] };
  const early = (await (await by.fetch('Observation/amal-early', { headers })).json()) as JsonObject;
  const changes: JsonObject[] = [
    ...found.entry.map(({ resource }) => ({ ...resource, status: 'cancelled' })),
    { ...early, status: 'final' },
  ];
  expect(changes).toHaveLength(2);
  for (const changed of changes) {
    const path = `${String(changed['resourceType'])}/${String(changed['id'])}`;
    const { status } = await by.fetch(path, { method: 'PUT', headers, body: JSON.stringify(changed) });
    expect([path, [403, 404, 405].includes(status) ? 'refused' : status]).toEqual([path, 'refused']);
  }
  const entered = JSON.stringify({ ...early, valueString: '4.1' });
  expect((await by.fetch('Observation/amal-early', { method: 'PUT', headers, body: entered })).status).toBe(200);
}, 30_000);
