/** A FHIR client library that knows nothing of us, doing the ordinary things: MedplumClient of @medplum/core. */
import { beforeAll, expect, test } from '@jest/globals';
import { MedplumClient, OperationOutcomeError } from '@medplum/core';
import type { Bundle, Patient } from '@medplum/fhirtypes';
import { makeLaboratory } from '../server.ts';

let client: MedplumClient;
const system = 'http://example.org/medplum';

const patient = (value: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system, value }],
  name: [{ family: 'Plum', given: [value] }],
  ...more,
});

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = new MedplumClient({ baseUrl: base.replace(/fhir$/, ''), fhirUrlPath: 'fhir', fetch, cacheTime: 0 });
  client.setAccessToken(token);
});

test('creates, reads, updates, patches and deletes', async () => {
  const made = await client.createResource(patient('crud'));
  expect((await client.readResource('Patient', made.id)).id).toBe(made.id);
  const updated = await client.updateResource({ ...made, gender: 'male' });
  expect([updated.gender, updated.meta?.versionId]).toEqual(['male', '2']);
  const patched = await client.patchResource('Patient', made.id, [{ op: 'replace', path: '/gender', value: 'other' }]);
  expect(patched.gender).toBe('other');
  await client.deleteResource('Patient', made.id);
  await expect(client.readResource('Patient', made.id, { cache: 'reload' })).rejects.toThrow(OperationOutcomeError);
});

test('an update that changes nothing is taken', async () => {
  const made = await client.createResource(patient('same'));
  expect((await client.updateResource({ ...made })).id).toBe(made.id);
});

test('creates once when asked to create if none exists', async () => {
  const query = `identifier=${system}|once`;
  const first = await client.createResourceIfNoneExist(patient('once'), query);
  const second = await client.createResourceIfNoneExist(patient('once'), query);
  expect(second.id).toBe(first.id);
});

test('upserts by a criterion', async () => {
  const query = `identifier=${system}|upsert`;
  const first = await client.upsertResource(patient('upsert'), query);
  const second = await client.upsertResource(patient('upsert', { active: true }), query);
  expect([second.id, second.active]).toEqual([first.id, true]);
});

test('searches for one, for all, and page by page', async () => {
  for (const birthDate of ['2001-01-01', '2002-01-01', '2003-01-01']) {
    await client.createResource(patient('pages', { birthDate }));
  }
  const query = { identifier: `${system}|pages`, _count: '1' };
  expect((await client.searchOne('Patient', query))?.resourceType).toBe('Patient');
  let count = 0;
  for await (const page of client.searchResourcePages('Patient', query)) {
    count += page.length;
  }
  expect(count).toBe(3);
  expect((await client.search('Patient', { ...query, _total: 'accurate' })).total).toBe(3);
});

test('sends a transaction whose references lead to what it made', async () => {
  const url = 'urn:uuid:44444444-4444-4444-8444-444444444444';
  const bundle: Bundle = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { fullUrl: url, resource: patient('transaction'), request: { method: 'POST', url: 'Patient' } },
      {
        resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: url } },
        request: { method: 'POST', url: 'Observation' },
      },
    ],
  };
  const done = await client.executeBatch(bundle);
  expect(done.entry?.map((entry) => entry.response?.status?.slice(0, 3))).toEqual(['201', '201']);
});

test('reads the history and a version', async () => {
  const made = await client.createResource(patient('history'));
  await client.updateResource({ ...made, active: true });
  const history = await client.readHistory('Patient', made.id);
  expect(history.entry?.length).toBe(2);
  expect((await client.readVersion('Patient', made.id, '1')).active).toBeUndefined();
});

test('validates without writing', async () => {
  const outcome = await client.validateResource(patient('validate'));
  expect(outcome.issue.some((issue) => issue.severity === 'error')).toBe(false);
});

test('reads everything of a patient', async () => {
  const made = await client.createResource(patient('everything'));
  await client.createResource({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: `Patient/${made.id}` },
  });
  const everything = await client.readPatientEverything(made.id);
  expect(everything.entry?.map((entry) => entry.resource?.resourceType).toSorted()).toEqual(['Observation', 'Patient']);
});

test('stores bytes as Binary and gets them back', async () => {
  const binary = await client.createBinary({ data: 'مختبر', contentType: 'text/plain' });
  expect(binary.resourceType).toBe('Binary');
  const blob = await client.download(client.fhirUrl('Binary', binary.id ?? '').toString(), {
    headers: { accept: 'text/plain' },
  });
  expect(await blob.text()).toBe('مختبر');
});

test('is told what is wrong', async () => {
  const bad = client.createResource(patient('bad', { birthDate: 'no' }));
  await expect(bad).rejects.toThrow(/birthDate/);
});
