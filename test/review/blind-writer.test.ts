/**
 * Callers who may write but not read or search: no answer shows them what they did not send, and a condition that
 * they may not evaluate is refused instead of being taken as unmet.
 */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
  const body = JSON.stringify({
    resourceType: 'Patient',
    id: 'p',
    identifier: [{ system: 'urn:s', value: '1' }],
    name: [{ family: 'Secret' }],
  });
  await lab.fetch('Patient/p', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
});

const json = { 'content-type': 'application/fhir+json' };
const empty = '{"resourceType":"Patient"}';
const jsonPatch = { 'content-type': 'application/json-patch+json' };
const criteria = 'identifier=urn:s|1';

async function count(): Promise<number> {
  const bundle = (await (await lab.fetch('Patient?_summary=count')).json()) as { total: number };
  return bundle.total;
}

function bundleOf(entry: object): string {
  return JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: [entry] });
}

const conditional: [string, string, string, string, RequestInit][] = [
  ['create', 'system/Patient.c', 'POST', 'Patient', { body: empty, headers: { ...json, 'if-none-exist': criteria } }],
  ['update', 'system/Patient.cu', 'PUT', `Patient?${criteria}`, { body: empty, headers: json }],
  ['patch', 'system/Patient.u', 'PATCH', `Patient?${criteria}`, { body: '[]', headers: jsonPatch }],
  ['delete', 'system/Patient.d', 'DELETE', `Patient?${criteria}`, {}],
  [
    'create in a transaction',
    'system/Patient.c',
    'POST',
    '',
    {
      body: bundleOf({
        resource: { resourceType: 'Patient' },
        request: { method: 'POST', url: 'Patient', ifNoneExist: criteria },
      }),
      headers: json,
    },
  ],
];

test.each(conditional)('conditional %s needs the right to search', async (_, scopes, method, path, init) => {
  const before = await count();
  const blind = await signIn(lab.tenant, scopes);
  const response = await blind.fetch(path, { ...init, method });
  expect(response.status).toBe(403);
  expect(await response.text()).not.toContain('Secret');
  expect(await count()).toBe(before);
});

test('a patch shows its result only to who may read', async () => {
  const send = async (scopes: string): Promise<string> => {
    const caller = await signIn(lab.tenant, scopes);
    const response = await caller.fetch('Patient/p', {
      method: 'PATCH',
      body: '[]',
      headers: { ...jsonPatch, prefer: 'return=representation' },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).not.toBeNull();
    return response.text();
  };
  expect(await send('system/Patient.u')).toBe('');
  expect(await send('system/Patient.ru')).toContain('Secret');
});

test('a patch in a transaction does so, too', async () => {
  const blind = await signIn(lab.tenant, 'system/Patient.u');
  const resource = {
    resourceType: 'Binary',
    contentType: 'application/json-patch+json',
    data: Buffer.from('[]').toString('base64'),
  };
  const response = await blind.fetch('', {
    method: 'POST',
    body: bundleOf({ resource, request: { method: 'PATCH', url: 'Patient/p' } }),
    headers: { ...json, prefer: 'return=representation' },
  });
  expect(response.status).toBe(200);
  expect(await response.text()).not.toContain('Secret');
});

test('labels are shown by $meta-add only to who may read', async () => {
  const parameters = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: {} }] };
  const blind = await signIn(lab.tenant, 'system/Patient.u');
  const init = { method: 'POST', body: JSON.stringify(parameters), headers: json };
  expect((await blind.fetch('Patient/p/$meta-add', init)).status).toBe(403);
  expect((await lab.fetch('Patient/p/$meta-add', init)).status).toBe(200);
});
