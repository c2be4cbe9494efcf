/**
 * Binary.securityContext by every way to a Binary, not only by read: who may not read the resource that it names gets
 * neither the content nor the resource and can change neither. https://hl7.org/fhir/R4/binary.html#security
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

let lab: Laboratory;
let outsider: Laboratory;
let insider: Laboratory;
const secret = Buffer.from('top secret').toString('base64');

const protectedBinary = (id: string) => ({
  resourceType: 'Binary',
  id,
  meta: { tag: [{ code: 'hidden-label' }] },
  contentType: 'text/x-secret',
  securityContext: { reference: 'Patient/p' },
  data: secret,
});

beforeAll(async () => {
  lab = await makeLaboratory();
  outsider = await signIn(lab.tenant, 'system/Binary.cruds', 'outsider');
  insider = await signIn(lab.tenant, 'system/Binary.cruds system/Patient.rs', 'insider');
  await put('Patient/p', { resourceType: 'Patient', id: 'p' });
  await put('Binary/filed', protectedBinary('filed'));
  await put('Binary/open', { resourceType: 'Binary', id: 'open', contentType: 'text/plain', data: 'eA==' });
  const entry = [
    { resource: protectedBinary('inline'), request: { method: 'PUT', url: 'Binary/inline' } },
    { resource: protectedBinary('gone'), request: { method: 'PUT', url: 'Binary/gone' } },
  ];
  expect((await send(lab, entry)).status).toBe(200);
  expect((await lab.fetch('Binary/gone', { method: 'DELETE' })).status).toBe(204);
});

const json = { 'content-type': 'application/fhir+json' };

async function put(path: string, body: object): Promise<void> {
  const response = await lab.fetch(path, { method: 'PUT', body: JSON.stringify(body), headers: json });
  expect(response.status).toBe(201);
}

function send(caller: Laboratory, entry: object[], type = 'transaction'): Promise<Response> {
  const body = JSON.stringify({ resourceType: 'Bundle', type, entry });
  return caller.fetch('', { method: 'POST', body, headers: { ...json, prefer: 'return=representation' } });
}

const marks = /top secret|dG9wIHNlY3JldA|x-secret|hidden-label/;

describe.each(['filed', 'inline'])('Binary/%s', (id) => {
  const reading: [string, string][] = [
    ['read', `Binary/${id}`],
    ['vread', `Binary/${id}/_history/1`],
    ['history of the instance', `Binary/${id}/_history`],
    ['history of the type', 'Binary/_history'],
    ['history of everything', '_history'],
    ['search of the type', `Binary?_id=${id}`],
    ['search of everything', `?_type=Binary&_id=${id}`],
    ['search in another order', 'Binary?_sort=_lastUpdated'],
    ['$meta', `Binary/${id}/$meta`],
    ['$meta of a version', `Binary/${id}/_history/1/$meta`],
    ['$validate', `Binary/${id}/$validate`],
  ];

  test.each(reading)('%s shows nothing of it', async (_, path) => {
    const response = await outsider.fetch(path, { headers: { accept: 'application/fhir+json' } });
    expect([200, 403, 404]).toContain(response.status);
    expect(await response.text()).not.toMatch(marks);
    const asRaw = await outsider.fetch(path, { headers: { accept: '*/*' } });
    expect(await asRaw.text()).not.toMatch(marks);
  });

  test.each(reading.filter(([name]) => !name.startsWith('$validate')))(
    '%s shows it to who may read the context',
    async (_, path) => {
      const response = await insider.fetch(path, { headers: { accept: 'application/fhir+json' } });
      expect(response.status).toBe(200);
      expect(await response.text()).toMatch(marks);
    },
  );

  const replacement = { resourceType: 'Binary', id, contentType: 'a/b' };
  const patch = {
    resourceType: 'Binary',
    contentType: 'application/json-patch+json',
    data: Buffer.from('[{"op":"remove","path":"/securityContext"}]').toString('base64'),
  };
  const entries: [string, object][] = [
    ['PUT', { resource: replacement, request: { method: 'PUT', url: `Binary/${id}` } }],
    ['PATCH', { resource: patch, request: { method: 'PATCH', url: `Binary/${id}` } }],
    ['DELETE', { request: { method: 'DELETE', url: `Binary/${id}` } }],
    ['conditional PUT', { resource: replacement, request: { method: 'PUT', url: `Binary?_id=${id}` } }],
    ['conditional PATCH', { resource: patch, request: { method: 'PATCH', url: `Binary?_id=${id}` } }],
    ['conditional DELETE', { request: { method: 'DELETE', url: `Binary?_id=${id}` } }],
    [
      'conditional POST',
      {
        resource: { resourceType: 'Binary', contentType: 'a/b' },
        request: { method: 'POST', url: 'Binary', ifNoneExist: `_id=${id}` },
      },
    ],
    ['GET', { request: { method: 'GET', url: `Binary/${id}` } }],
    ['GET of the history', { request: { method: 'GET', url: `Binary/${id}/_history` } }],
  ];

  test.each(entries)('%s as an entry neither shows nor changes it', async (_, entry) => {
    for (const type of ['transaction', 'batch']) {
      expect(await (await send(outsider, [entry], type)).text()).not.toMatch(marks);
    }
    const after = await lab.fetch(`Binary/${id}`, { headers: { accept: 'application/fhir+json' } });
    expect(after.status).toBe(200);
    expect(after.headers.get('etag')).toBe('W/"1"');
  });

  test.each([
    ['PUT', `Binary?_id=${id}`, JSON.stringify(replacement), json],
    ['PATCH', `Binary?_id=${id}`, '[]', { 'content-type': 'application/json-patch+json' }],
    ['PATCH', `Binary/${id}`, '[]', { 'content-type': 'application/json-patch+json' }],
    ['DELETE', `Binary?_id=${id}`, null, {}],
    ['DELETE', `Binary/${id}`, null, {}],
    ['POST', 'Binary', JSON.stringify({ ...replacement, id: undefined }), { ...json, 'if-none-exist': `_id=${id}` }],
    [
      'POST',
      `Binary/${id}/$meta-add`,
      '{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{}}]}',
      json,
    ],
  ])('%s %s neither shows nor changes it', async (method, path, body, headers) => {
    const response = await outsider.fetch(path, { method, body, headers: headers as Record<string, string> });
    expect(await response.text()).not.toMatch(marks);
    const after = await lab.fetch(`Binary/${id}`, { headers: { accept: 'application/fhir+json' } });
    expect(after.headers.get('etag')).toBe('W/"1"');
  });
});

test('after its deletion the history still keeps it from outsiders', async () => {
  expect(await (await outsider.fetch('Binary/gone/_history')).text()).not.toMatch(marks);
  expect(await (await insider.fetch('Binary/gone/_history')).text()).toMatch(marks);
});

test('what has no security context is found', async () => {
  const found = (await (await outsider.fetch('Binary?_id=open')).json()) as { total: number };
  expect(found.total).toBe(1);
  expect(await (await outsider.fetch('Binary/_history')).text()).toContain('Binary/open');
});

test('a context that nobody could check is refused in a transaction, too', async () => {
  const resource = { ...protectedBinary('x'), securityContext: { reference: 'https://elsewhere.example/Patient/1' } };
  const response = await send(lab, [{ resource, request: { method: 'PUT', url: 'Binary/x' } }]);
  expect(response.status).toBe(422);
});
