/** Escapes that are none: refused wherever a query may stand, never searched for as something else. */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

const json = { 'content-type': 'application/fhir+json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (body: string, headers: Record<string, string>): RequestInit => ({ method: 'POST', body, headers });
const patient = { resourceType: 'Patient', link: [{ type: 'seealso', other: { reference: 'Patient?name=%ff' } }] };
const bundle = {
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [{ resource: patient, request: { method: 'POST', url: 'Patient' } }],
};

test.each<[string, string, RequestInit]>([
  ['a cut escape in the URL', 'Patient?name=%', {}],
  ['bytes that are no UTF-8 in the URL', 'Patient?name=%ff', {}],
  ['half a surrogate pair in the URL', 'Patient?name=%ED%A0%80', {}],
  ['a form', 'Patient/_search', post('name=%ff', form)],
  ['If-None-Exist', 'Patient', post('{"resourceType":"Patient"}', { ...json, 'if-none-exist': 'name=%ff' })],
  ['a conditional reference', '', post(JSON.stringify(bundle), json)],
])('%s', async (_, path, init) => {
  const response = await lab.fetch(path, init);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome' });
});

test('what is properly escaped is understood', async () => {
  for (const name of ['%E2%82%AC', 'a%2Cb', 'a+b', '%25', encodeURIComponent('ليلى')]) {
    expect((await lab.fetch(`Patient?name=${name}`)).status).toBe(200);
    expect((await lab.fetch('Patient/_search', post(`name=${name}`, form))).status).toBe(200);
  }
});

test('a form longer than any search is not even read', async () => {
  expect((await lab.fetch('Patient/_search', post('a=1&'.repeat(300_000), form))).status).toBe(413);
});
