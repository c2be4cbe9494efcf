/** Which content a version of a Binary has, when versions with files, with data in the resource and with none alternate. */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

const json = { 'content-type': 'application/fhir+json' };
const jsonPatch = { 'content-type': 'application/json-patch+json' };
const base64 = (text: string) => Buffer.from(text).toString('base64');

async function passes(path: string, init: RequestInit): Promise<void> {
  const response = await lab.fetch(path, init);
  expect([200, 201, 204]).toContain(response.status);
}

const raw = (id: string, body: string) =>
  passes(`Binary/${id}`, { method: 'PUT', body, headers: { 'content-type': 'text/plain' } });

function inTransaction(id: string, data?: string): Promise<void> {
  const resource = { resourceType: 'Binary', id, contentType: 'text/plain', ...(data && { data: base64(data) }) };
  const entry = [{ resource, request: { method: 'PUT', url: `Binary/${id}` } }];
  return passes('', {
    method: 'POST',
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    headers: json,
  });
}

const patch = (id: string, ...operations: object[]) =>
  passes(`Binary/${id}`, { method: 'PATCH', body: JSON.stringify(operations), headers: jsonPatch });

async function contents(id: string, versions: number): Promise<string[]> {
  const found: string[] = [];
  for (let version = 1; version <= versions; version++) {
    const response = await lab.fetch(`Binary/${id}/_history/${version}`, { headers: { accept: '*/*' } });
    found.push(response.status === 410 ? 'deleted' : await response.text());
  }
  return found;
}

test('a version sent whole without content has none', async () => {
  await raw('a', 'secret');
  await inTransaction('a');
  expect(await contents('a', 2)).toEqual(['secret', '']);
});

test('deleted content does not come back with the id', async () => {
  await raw('b', 'secret');
  await passes('Binary/b', { method: 'DELETE' });
  await inTransaction('b');
  await patch('b', { op: 'replace', path: '/contentType', value: 'text/csv' });
  expect(await contents('b', 4)).toEqual(['secret', 'deleted', '', '']);
});

test('content in the resource, and its removal, are not mistaken for the file before', async () => {
  await raw('c', 'file');
  await inTransaction('c', 'inline');
  await patch('c', { op: 'remove', path: '/data' });
  await raw('c', 'file again');
  await patch('c', { op: 'replace', path: '/contentType', value: 'text/csv' });
  expect(await contents('c', 5)).toEqual(['file', 'inline', '', 'file again', 'file again']);
});

test('labels leave the content as it is', async () => {
  await raw('d', 'file');
  const parameters = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 't' }] } }] };
  for (const operation of ['$meta-add', '$meta-delete']) {
    await passes(`Binary/d/${operation}`, { method: 'POST', body: JSON.stringify(parameters), headers: json });
  }
  expect(await contents('d', 3)).toEqual(['file', 'file', 'file']);
});
