/**
 * Preconditions of updates, alone and as entries: what a caller demands is met or nothing is written.
 * https://hl7.org/fhir/R4/http.html#concurrency, https://www.rfc-editor.org/rfc/rfc9110#section-13.1
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

let lab: Laboratory;
let updater: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
  updater = await signIn(lab.tenant, 'system/*.u system/*.rs');
});

const json = { 'content-type': 'application/fhir+json' };
let last = 0;

type Headers = Record<string, string>;

function put(caller: Laboratory, id: string, headers: Headers = {}, type = 'Patient'): Promise<Response> {
  const content = type === 'Binary' ? { contentType: 'text/plain' } : {};
  const body = JSON.stringify({ resourceType: type, id, ...content });
  return caller.fetch(`${type}/${id}`, { method: 'PUT', body, headers: { ...json, ...headers } });
}

async function made(type = 'Patient'): Promise<string> {
  const id = `pre-${++last}`;
  expect((await put(lab, id, {}, type)).status).toBe(201);
  return id;
}

function bundleOf(type: string, id: string, condition: Headers): string {
  const resource = { resourceType: 'Patient', id };
  const entry = [{ resource, request: { method: 'PUT', url: `Patient/${id}`, ...condition } }];
  return JSON.stringify({ resourceType: 'Bundle', type, entry });
}

async function version(type: string, id: string): Promise<string | null> {
  const response = await lab.fetch(`${type}/${id}`, { headers: { accept: 'application/fhir+json' } });
  return response.headers.get('etag');
}

describe('If-None-Match: * on an update allows only a new resource', () => {
  test.each(['Patient', 'Binary'])('%s that exists stays as it is', async (type) => {
    const id = await made(type);
    expect((await put(lab, id, { 'if-none-match': '*' }, type)).status).toBe(412);
    expect(await version(type, id)).toBe('W/"1"');
  });

  test.each(['Patient', 'Binary'])('%s is not overwritten by a caller who may not create, either', async (type) => {
    const id = await made(type);
    const response = await put(updater, id, { 'if-none-match': '*' }, type);
    expect([405, 412]).toContain(response.status);
    expect(await version(type, id)).toBe('W/"1"');
  });

  test('nor by an entry of a transaction', async () => {
    const id = await made();
    const response = await lab.fetch('', {
      method: 'POST',
      body: bundleOf('transaction', id, { ifNoneMatch: '*' }),
      headers: json,
    });
    expect(response.status).toBe(412);
    expect(await response.text()).toContain('Bundle.entry[0]');
    expect(await version('Patient', id)).toBe('W/"1"');
  });

  test('an entry of a transaction creates what is not there', async () => {
    const id = `pre-${++last}`;
    const response = await lab.fetch('', {
      method: 'POST',
      body: bundleOf('transaction', id, { ifNoneMatch: '*' }),
      headers: json,
    });
    expect(response.status).toBe(200);
    expect(await version('Patient', id)).toBe('W/"1"');
  });

  test('a condition that an update does not have is refused and not passed over', async () => {
    const id = await made();
    expect((await put(lab, id, { 'if-none-match': 'W/"7"' })).status).toBe(400);
    expect(await version('Patient', id)).toBe('W/"1"');
  });
});

describe('If-Match: * demands that there is something to update', () => {
  test.each(['Patient', 'Binary'])('%s that is not there is not created', async (type) => {
    const id = `pre-${++last}`;
    expect((await put(lab, id, { 'if-match': '*' }, type)).status).toBe(412);
    expect((await lab.fetch(`${type}/${id}`)).status).toBe(404);
  });

  test.each(['Patient', 'Binary'])('%s that is there is updated', async (type) => {
    const id = await made(type);
    expect((await put(lab, id, { 'if-match': '*' }, type)).status).toBe(200);
  });

  test('an entry of a transaction is held to it', async () => {
    const id = `pre-${++last}`;
    const send = () =>
      lab.fetch('', { method: 'POST', body: bundleOf('transaction', id, { ifMatch: '*' }), headers: json });
    expect((await send()).status).toBe(412);
    expect((await lab.fetch(`Patient/${id}`)).status).toBe(404);
    await put(lab, id);
    expect((await send()).status).toBe(200);
  });
});

test('a laboratory that demands If-Match demands it of patches in a transaction, too', async () => {
  const strict = await makeLaboratory({ settings: { requireIfMatch: true } });
  expect((await put(strict, 'p', { 'if-none-match': '*' })).status).toBe(201);
  const data = Buffer.from('[{"op":"add","path":"/active","value":true}]').toString('base64');
  const entry = (condition: Headers) => ({
    resource: { resourceType: 'Binary', contentType: 'application/json-patch+json', data },
    request: { method: 'PATCH', url: 'Patient/p', ...condition },
  });
  const send = (condition: Headers) =>
    strict.fetch('', {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: [entry(condition)] }),
      headers: json,
    });
  expect((await send({})).status).toBe(400);
  expect((await send({ ifMatch: 'W/"1"' })).status).toBe(200);
});

test('an id may be a word that is a path elsewhere', async () => {
  expect((await put(lab, 'metadata')).status).toBe(201);
  expect((await lab.fetch('Patient/metadata')).status).toBe(200);
  expect((await lab.fetch('Patient/metadata/_history/1')).status).toBe(200);
});

describe('conditional entries of a transaction', () => {
  const send = (resource: object, url: string, condition: Headers = {}) => {
    const entry = [{ resource, request: { method: 'PUT', url, ...condition } }];
    return lab.fetch('', {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
      headers: json,
    });
  };

  test('a resource that the criteria do not match is not overwritten by its id', async () => {
    const id = await made();
    const response = await send({ resourceType: 'Patient', id }, 'Patient?identifier=nobody-has-it');
    expect(response.status).toBe(409);
    expect(await version('Patient', id)).toBe('W/"1"');
  });

  test('If-Match is about the resource that matches', async () => {
    const id = await made();
    expect((await send({ resourceType: 'Patient', id }, `Patient?_id=${id}`, { ifMatch: 'W/"7"' })).status).toBe(412);
    expect(await version('Patient', id)).toBe('W/"1"');
    expect((await send({ resourceType: 'Patient', id }, `Patient?_id=${id}`, { ifMatch: 'W/"1"' })).status).toBe(200);
  });
});

test('a conditional delete with If-Match deletes only that version', async () => {
  const id = await made();
  const remove = (tag: string) => lab.fetch(`Patient?_id=${id}`, { method: 'DELETE', headers: { 'if-match': tag } });
  expect((await remove('W/"7"')).status).toBe(412);
  expect(await version('Patient', id)).toBe('W/"1"');
  expect((await remove('W/"1"')).status).toBe(204);
});

test('conditional updates that race with plain ones are all made, one after the other', async () => {
  const id = await made();
  const body = JSON.stringify({ resourceType: 'Patient', id });
  const racing = Array.from({ length: 24 }, (_, i) =>
    lab.fetch(i % 2 === 0 ? `Patient?_id=${id}` : `Patient/${id}`, { method: 'PUT', body, headers: json }),
  );
  const statuses = (await Promise.all(racing)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(await version('Patient', id)).toBe('W/"25"');
});

test('If-None-Exist with criteria for another type is refused', async () => {
  const init = { method: 'POST', body: '{"resourceType":"Patient"}' };
  const send = (criteria: string) => lab.fetch('Patient', { ...init, headers: { ...json, 'if-none-exist': criteria } });
  expect((await send('Observation?identifier=1')).status).toBe(400);
  expect((await send('Patient?identifier=1')).status).toBe(201);
});
