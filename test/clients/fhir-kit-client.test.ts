/** A FHIR client library that knows nothing of us, doing the ordinary things: fhir-kit-client. */
import { beforeAll, expect, test } from '@jest/globals';
import { Client } from 'fhir-kit-client';
import { makeLaboratory } from '../server.ts';

let client: Client;
const system = 'http://example.org/fhir-kit';

// The library types a resource as an open record, and so do we.
// oxlint-disable-next-line typescript/no-explicit-any
type Any = any;

const patient = (value: string, more: Record<string, unknown> = {}): Any => ({
  resourceType: 'Patient',
  identifier: [{ system, value }],
  name: [{ family: 'Kit', given: [value] }],
  ...more,
});

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = new Client({ baseUrl: base, bearerToken: token });
});

test('reads the CapabilityStatement', async () => {
  const statement: Any = await client.capabilityStatement();
  expect([statement.resourceType, statement.fhirVersion]).toEqual(['CapabilityStatement', '4.0.1']);
});

test('creates, reads, updates, reads a version, patches and deletes', async () => {
  const made: Any = await client.create({ resourceType: 'Patient', body: patient('crud') });
  expect((await client.read({ resourceType: 'Patient', id: made.id })).id).toBe(made.id);
  const body = { ...made, gender: 'male' };
  const updated: Any = await client.update({ resourceType: 'Patient', id: made.id, body });
  expect([updated.gender, updated.meta.versionId]).toEqual(['male', '2']);
  const first: Any = await client.vread({ resourceType: 'Patient', id: made.id, version: '1' });
  expect(first.gender).toBeUndefined();
  const jsonPatch = [{ op: 'replace' as const, path: '/gender', value: 'other' }];
  const patched: Any = await client.patch({ resourceType: 'Patient', id: made.id, jsonPatch });
  expect(patched.gender).toBe('other');
  await client.delete({ resourceType: 'Patient', id: made.id });
  await expect(client.read({ resourceType: 'Patient', id: made.id })).rejects.toMatchObject({
    response: { status: 410 },
  });
});

test('updates conditionally', async () => {
  const searchParams = { identifier: `${system}|conditional` };
  const first: Any = await client.update({ resourceType: 'Patient', searchParams, body: patient('conditional') });
  const again: Any = await client.update({
    resourceType: 'Patient',
    searchParams,
    body: patient('conditional', { active: true }),
  });
  expect([again.id, again.meta.versionId]).toEqual([first.id, '2']);
});

test('searches by GET and by POST and turns the pages', async () => {
  for (const given of ['1', '2', '3']) {
    await client.create({ resourceType: 'Patient', body: patient('pages', { birthDate: `200${given}-01-01` }) });
  }
  const searchParams = { identifier: `${system}|pages`, _count: '2' };
  const page: Any = await client.search({ resourceType: 'Patient', searchParams });
  expect(page.entry.length).toBe(2);
  const next: Any = await client.nextPage({ bundle: page });
  expect(next.entry.length).toBe(1);
  const ids = [...page.entry, ...next.entry].map((entry) => entry.resource.id);
  expect(new Set(ids).size).toBe(3);
  const posted: Any = await client.search({ resourceType: 'Patient', searchParams, options: { postSearch: true } });
  expect(posted.entry.length).toBe(2);
});

test('sends a batch and a transaction with references inside', async () => {
  const url = 'urn:uuid:33333333-3333-4333-8333-333333333333';
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: url },
  };
  const entry = [
    { fullUrl: url, resource: patient('transaction'), request: { method: 'POST', url: 'Patient' } },
    { resource: observation, request: { method: 'POST', url: 'Observation' } },
  ];
  const done: Any = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } });
  const [made, seen] = done.entry.map((one: Any) => one.response.location.split('/_history/')[0].split('/').slice(-2));
  const held: Any = await client.read({ resourceType: 'Observation', id: seen[1] });
  expect(held.subject.reference).toBe(`Patient/${made[1]}`);
  const request = { method: 'GET', url: `Patient/${made[1]}` };
  const batch: Any = await client.batch({ body: { resourceType: 'Bundle', type: 'batch', entry: [{ request }] } });
  expect(batch.entry[0].resource.id).toBe(made[1]);
});

test('resolves references, relative and contained', async () => {
  const made: Any = await client.create({ resourceType: 'Patient', body: patient('resolve') });
  const contained = [{ resourceType: 'Specimen', id: 's', type: { text: 'Blood' } }];
  const body: Any = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    contained,
    subject: { reference: `Patient/${made.id}` },
    specimen: { reference: '#s' },
  };
  const seen: Any = await client.create({ resourceType: 'Observation', body });
  const subject: Any = await client.resolve({ reference: seen.subject.reference, context: seen });
  const specimen: Any = await client.resolve({ reference: '#s', context: seen });
  expect([subject.id, specimen.type.text]).toEqual([made.id, 'Blood']);
});

test('reads histories of an instance, a type and the system', async () => {
  const made: Any = await client.create({ resourceType: 'Patient', body: patient('history') });
  const instance: Any = await client.history({ resourceType: 'Patient', id: made.id });
  const type: Any = await client.history({ resourceType: 'Patient' });
  const all: Any = await client.history({});
  expect([instance.type, type.type, all.type]).toEqual(['history', 'history', 'history']);
  expect(instance.entry[0].resource.id).toBe(made.id);
});

test('validates by an operation', async () => {
  const input = {
    resourceType: 'Parameters',
    parameter: [{ name: 'resource', resource: patient('validate', { gender: 'no' }) }],
  };
  const outcome: Any = await client
    .operation({ name: 'validate', resourceType: 'Patient', method: 'POST', input })
    .catch((error: Any) => error.response?.data);
  expect(outcome.resourceType).toBe('OperationOutcome');
  expect(JSON.stringify(outcome)).toContain('Patient.gender');
});

test('is told what is wrong', async () => {
  const bad = client.create({ resourceType: 'Patient', body: patient('bad', { birthDate: 'no' }) });
  await expect(bad).rejects.toMatchObject({
    response: { status: expect.any(Number), data: { resourceType: 'OperationOutcome' } },
  });
});
