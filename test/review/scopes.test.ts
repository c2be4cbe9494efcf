/** Scopes over HTTP: each interaction passes with the one permission that it needs and not with all the others. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

let lab: Laboratory;
let last = 0;
beforeAll(async () => {
  lab = await makeLaboratory();
});

const json = { 'content-type': 'application/fhir+json' };
const jsonPatch = { 'content-type': 'application/json-patch+json' };

async function patient(): Promise<string> {
  const id = `s-${++last}`;
  const body = JSON.stringify({ resourceType: 'Patient', id });
  expect((await lab.fetch(`Patient/${id}`, { method: 'PUT', body, headers: json })).status).toBe(201);
  return id;
}

const body = (id?: string) => JSON.stringify({ resourceType: 'Patient', ...(id !== undefined && { id }) });

const asked: [string, string, (id: string) => [string, RequestInit]][] = [
  ['read', 'r', (id) => [`Patient/${id}`, {}]],
  ['read (HEAD)', 'r', (id) => [`Patient/${id}`, { method: 'HEAD' }]],
  ['vread', 'r', (id) => [`Patient/${id}/_history/1`, {}]],
  ['history of an instance', 'r', (id) => [`Patient/${id}/_history`, {}]],
  ['history of a type', 's', () => ['Patient/_history', {}]],
  ['history of everything', 's', () => ['_history', {}]],
  ['create', 'c', () => ['Patient', { method: 'POST', body: body(), headers: json }]],
  ['update', 'u', (id) => [`Patient/${id}`, { method: 'PUT', body: body(id), headers: json }]],
  ['patch', 'u', (id) => [`Patient/${id}`, { method: 'PATCH', body: '[]', headers: jsonPatch }]],
  ['delete', 'd', (id) => [`Patient/${id}`, { method: 'DELETE' }]],
  ['search', 's', () => ['Patient', {}]],
  ['search by POST', 's', () => ['Patient/_search', { method: 'POST' }]],
  ['search of everything', 's', () => ['?_type=Patient', {}]],
  ['search of a compartment', 's', (id) => [`Patient/${id}/Patient`, {}]],
  ['$validate', 'r', () => ['Patient/$validate', { method: 'POST', body: body(), headers: json }]],
  ['$meta', 'r', (id) => [`Patient/${id}/$meta`, {}]],
  ['$everything', 'r', (id) => [`Patient/${id}/$everything`, {}]],
];

describe.each(asked)('%s', (_, needed, ask) => {
  test(`passes with Patient.${needed}`, async () => {
    const caller = await signIn(lab.tenant, `system/Patient.${needed}`);
    const [path, init] = ask(await patient());
    const { status } = await caller.fetch(path, init);
    expect([200, 201, 204]).toContain(status);
  });

  test('is forbidden with every other permission on it, and with all on another type', async () => {
    const others = [...'cruds'].filter((letter) => letter !== needed).join('');
    for (const scopes of [`system/Patient.${others}`, 'system/Observation.cruds']) {
      const caller = await signIn(lab.tenant, scopes);
      const [path, init] = ask(await patient());
      const response = await caller.fetch(path, init);
      const acrossTypes = path.startsWith('?') || path === '_history';
      // Across types, what one may not see is not there.
      expect(acrossTypes && response.status === 200 ? await response.text() : response.status).not.toBe(200);
      if (acrossTypes) continue;
      expect(response.status).toBe(403);
    }
  });
});

test('nothing but the statement is open without a token', async () => {
  const id = await patient();
  for (const [, , ask] of asked) {
    const [path, init] = ask(id);
    const response = await fetch(`${lab.base}/${path}`, init);
    expect(`${path} ${response.status}`).toBe(`${path} 401`);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
  }
  expect((await fetch(`${lab.base}/metadata`)).status).toBe(200);
  expect((await fetch(lab.base, { method: 'OPTIONS' })).status).toBe(200);
});
