/** Bundles as large as the server promises: 10,000 entries, and 50 MB, in one transaction, all or nothing. */
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token, 100_000);
});

type Json = Record<string, unknown>;

const patientUrl = 'urn:uuid:55555555-5555-4555-8555-555555555555';
const post = (resource: Json, fullUrl?: string): Json => ({
  ...(fullUrl === undefined ? {} : { fullUrl }),
  resource,
  request: { method: 'POST', url: resource['resourceType'] },
});
const observation = (i: number, more: Json = {}): Json => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: patientUrl },
  valueQuantity: { value: i / 10, unit: 'g/dL' },
  ...more,
});

function submit(entries: readonly Json[]): Promise<Answer> {
  return client.send('POST', '', { body: { resourceType: 'Bundle', type: 'transaction', entry: entries } });
}

async function count(type: string): Promise<number> {
  return (await client.send('GET', `${type}?_summary=count`)).json.total;
}

test('10,000 entries are stored, each with its place in the answer, and lead to the one patient', async () => {
  const seen = Array.from({ length: 9_999 }, (_, i) => post(observation(i)));
  const answer = await submit([post({ resourceType: 'Patient' }, patientUrl), ...seen]);
  expect([answer.status, answer.json.entry?.length]).toEqual([200, 10_000]);
  const statuses = new Set(
    answer.json.entry.map((entry: { response: { status: string } }) => entry.response.status.slice(0, 3)),
  );
  expect([...statuses]).toEqual(['201']);
  const patient = /Patient\/[^/]+/.exec(answer.json.entry[0].response.location)?.[0];
  const last = await client.send('GET', answer.json.entry[9_999].response.location);
  expect([last.json.subject.reference, last.json.valueQuantity.value]).toEqual([patient, 999.8]);
  expect(await count('Observation')).toBe(9_999);
}, 120_000);

test('10,000 entries of which the last is wrong leave nothing', async () => {
  const seen = Array.from({ length: 9_999 }, (_, i) => post(observation(i, { subject: undefined })));
  const answer = await submit([...seen, post({ resourceType: 'Observation', status: 'no' })]);
  expect([answer.status >= 400 && answer.status < 500, answer.json.resourceType]).toEqual([true, 'OperationOutcome']);
  expect(await count('Observation')).toBe(9_999);
}, 120_000);

test('50 MB are stored', async () => {
  const note = [{ text: 'x'.repeat(500_000) }];
  const answer = await submit(
    Array.from({ length: 100 }, (_, i) => post(observation(i, { subject: undefined, note }))),
  );
  expect([answer.status, answer.json.entry?.length]).toEqual([200, 100]);
  expect(await count('Observation')).toBe(10_099);
}, 120_000);
