/** Corners of a transaction. https://hl7.org/fhir/R4/http.html#trules */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

const json = { 'content-type': 'application/fhir+json' };

function send(entry: object[]): Promise<Response> {
  const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
  return lab.fetch('', { method: 'POST', body, headers: { ...json, prefer: 'return=representation' } });
}

test('a reference to the version of what is brought back names the version that it gets', async () => {
  const put = { method: 'PUT', body: '{"resourceType":"Patient","id":"back"}', headers: json };
  await lab.fetch('Patient/back', put);
  await lab.fetch('Patient/back', { method: 'DELETE' });
  const fullUrl = 'urn:uuid:5d1c1b0e-6f0e-4b0e-8f57-3a3a3a3a3a3a';
  const response = await send([
    { fullUrl, resource: { resourceType: 'Patient', id: 'back' }, request: { method: 'PUT', url: 'Patient/back' } },
    {
      resource: { resourceType: 'Basic', code: { text: 'x' }, subject: { reference: `${fullUrl}/_history/1` } },
      request: { method: 'POST', url: 'Basic' },
    },
  ]);
  expect(response.status).toBe(200);
  const { entry } = (await response.json()) as { entry: { resource: { subject: { reference: string } } }[] };
  const reference = entry[1]?.resource.subject.reference ?? '';
  expect(reference).toBe('Patient/back/_history/3');
  expect((await lab.fetch(reference)).status).toBe(200);
});

test.each(['_search?_count=1', 'Patient/_search?_count=1', 'Patient/back/_search?_count=1'])(
  'POST %s is a search among the entries',
  async (url) => {
    const response = await send([{ request: { method: 'POST', url } }]);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ entry: [{ resource: { type: 'searchset' } }] });
  },
);
