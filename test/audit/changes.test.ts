/** Nobody changes the audit log over FHIR: each way of writing is refused for everybody, alone, in a batch and in a transaction. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { putEvents } from './log.ts';

type Json = Record<string, unknown>;

let lab: Laboratory;
let reader: Laboratory;
let id: string;

beforeAll(async () => {
  lab = await makeLaboratory();
  reader = await signIn(lab.tenant, 'system/AuditEvent.rs system/Patient.cruds');
  [id = ''] = await putEvents(lab.tenant.id, [{ at: '2025-01-01T10:00:00Z', patients: ['p'] }]);
});

const event: Json = {
  resourceType: 'AuditEvent',
  type: { code: 'rest' },
  recorded: '2026-01-01T10:00:00Z',
  agent: [{ requestor: true }],
  source: { observer: { display: 'x' } },
};
const meta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }] };
const changes: readonly (readonly [method: string, url: (id: string) => string, body?: (id: string) => Json])[] = [
  ['POST', () => 'AuditEvent', () => event],
  ['PUT', (one) => `AuditEvent/${one}`, (one) => ({ ...event, id: one })],
  ['PUT', () => 'AuditEvent/new', () => ({ ...event, id: 'new' })],
  ['PUT', () => 'AuditEvent?action=C', () => event],
  ['DELETE', (one) => `AuditEvent/${one}`],
  ['DELETE', () => 'AuditEvent?action=R'],
  ['POST', (one) => `AuditEvent/${one}/$meta-add`, () => meta],
  ['POST', (one) => `AuditEvent/${one}/$meta-delete`, () => meta],
];

const json = { 'content-type': 'application/fhir+json' };

async function send(
  as: Laboratory,
  method: string,
  path: string,
  body?: Json,
): Promise<{ status: number; body: Json }> {
  const response = await as.fetch(path, { method, headers: json, ...(body && { body: JSON.stringify(body) }) });
  return { status: response.status, body: (await response.json()) as Json };
}

describe.each(changes)('%s', (method, url, body) => {
  test('alone', async () => {
    expect((await send(lab, method, url(id), body?.(id))).status).toBe(405);
    expect((await send(reader, method, url(id), body?.(id))).status).toBe(403);
  });

  test('in a batch and in a transaction, of which nothing is stored', async () => {
    const patient = {
      request: { method: 'POST', url: 'Patient' },
      resource: { resourceType: 'Patient', active: true },
    };
    const entry = { request: { method, url: url(id) }, ...(body && { resource: body(id) }) };
    const bundle = (type: string): Json => ({ resourceType: 'Bundle', type, entry: [patient, entry] });
    const batch = await send(lab, 'POST', '', bundle('batch'));
    const [, refused] = batch.body['entry'] as { response: { status: string } }[];
    expect(refused?.response.status).toMatch(/^405/);
    const before = await send(lab, 'GET', 'Patient?_summary=count');
    expect((await send(lab, 'POST', '', bundle('transaction'))).status).toBe(405);
    expect((await send(reader, 'POST', '', bundle('transaction'))).status).toBe(403);
    expect((await send(lab, 'GET', 'Patient?_summary=count')).body['total']).toBe(before.body['total']);
  });
});

test('a patch, in each of its forms', async () => {
  for (const path of [`AuditEvent/${id}`, 'AuditEvent?action=R']) {
    const answer = await lab.fetch(path, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: '[{"op":"replace","path":"/action","value":"D"}]',
    });
    expect(answer.status).toBe(405);
  }
});

test('the event is as it was', async () => {
  const { body } = await send(lab, 'GET', `AuditEvent/${id}`);
  expect(body).toMatchObject({ id, action: 'R' });
  expect(body).not.toHaveProperty('meta.tag');
  expect((await send(lab, 'GET', 'AuditEvent/new')).status).toBe(404);
});

test('operations on stored resources are none on an event, and GraphQL does not answer with nothing', async () => {
  expect((await send(lab, 'GET', `AuditEvent/${id}/$meta`)).status).toBe(404);
  const list = await send(lab, 'GET', `$graphql?query=${encodeURIComponent('{AuditEventList{id}}')}`);
  expect(JSON.stringify(list.body)).toMatch(/no part of the graph/);
});

test('the capability statement says what is true', async () => {
  const { body } = await send(lab, 'GET', 'metadata');
  const [rest] = body['rest'] as { resource: Json[] }[];
  const entry = rest?.resource.find(({ type }) => type === 'AuditEvent') ?? {};
  expect((entry['interaction'] as { code: string }[]).map(({ code }) => code)).toEqual([
    'create',
    'read',
    'vread',
    'history-instance',
    'search-type',
  ]);
  expect(entry).toMatchObject({
    conditionalCreate: false,
    conditionalUpdate: false,
    conditionalDelete: 'not-supported',
  });
  expect(entry).not.toHaveProperty('searchInclude');
  const names = (entry['searchParam'] as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['action', 'agent', 'entity', 'patient', 'subtype', '_id']));
  for (const name of names.filter((one) => !/^(_|date)/.test(one))) {
    expect([name, (await send(lab, 'GET', `AuditEvent?${name}:missing=false`)).status]).toEqual([name, 200]);
  }
});
