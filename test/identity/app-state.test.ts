/** SMART app state: what apps keep for themselves. https://hl7.org/fhir/smart-app-launch/app-state.html */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { makeApp, makePerson, signInTo, type App, type Person } from './app.ts';

let lab: Laboratory;
let app: App;
let person: Person;
let token: string;
const code = { system: 'https://app.example.org/prefs', code: 'display' };

beforeAll(async () => {
  lab = await makeLaboratory();
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p1' });
  await lab.fetch('Patient/p1', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
  person = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab);
  token = await tokenOf(app);
});

async function tokenOf(used: App, scope = 'launch/patient patient/Basic.cuds user/Basic.cuds'): Promise<string> {
  return String((await signInTo(used, person, { scope, patient: 'p1' })).body['access_token']);
}

interface Answer {
  status: number;
  etag: string | null;
  body: Record<string, unknown>;
}

async function ask(
  method: string,
  path: string,
  sent: { body?: unknown; match?: string; token?: string } = {},
): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${sent.token ?? token}` };
  if (sent.match !== undefined) headers['if-match'] = sent.match;
  const body = typeof sent.body === 'string' ? sent.body : JSON.stringify(sent.body);
  const answer = await fetch(`${app.issuer}/app-state/${path}`, {
    method,
    headers,
    ...(sent.body !== undefined && { body }),
  });
  const text = await answer.text();
  const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status: answer.status, etag: answer.headers.get('etag'), body: parsed };
}

function basic(subject: string | undefined, more: object = {}): Record<string, unknown> {
  return {
    resourceType: 'Basic',
    code: { coding: [code] },
    ...(subject !== undefined && { subject: { reference: `${lab.base}/${subject}` } }),
    extension: [{ url: 'https://app.example.org/prefs', valueString: '{"size":1.00}' }],
    ...more,
  };
}

const query = (subject: string): string =>
  `Basic?code=${encodeURIComponent(`${code.system}|${code.code}`)}&subject=${encodeURIComponent(`${lab.base}/${subject}`)}`;

describe.each(['Practitioner/t1', 'Patient/p1'])('state about %s', (subject) => {
  test('is created, found, changed and deleted, each change against its version', async () => {
    const made = await ask('POST', 'Basic', { body: basic(subject) });
    expect(made).toMatchObject({ status: 201, etag: 'W/"1"', body: basic(subject) });
    const { id } = made.body;
    const found = await ask('GET', query(subject));
    expect(found.body).toMatchObject({
      resourceType: 'Bundle',
      total: 1,
      entry: [{ resource: { id, ...basic(subject) } }],
    });
    const body = { ...basic(subject), id, extension: [] };
    expect((await ask('PUT', `Basic/${String(id)}`, { body })).status).toBe(412);
    expect((await ask('PUT', `Basic/${String(id)}`, { body, match: 'W/"2"' })).status).toBe(412);
    expect(await ask('PUT', `Basic/${String(id)}`, { body, match: 'W/"1"' })).toMatchObject({
      status: 200,
      etag: 'W/"2"',
    });
    const other = { ...body, code: { coding: [{ ...code, code: 'other' }] } };
    expect((await ask('PUT', `Basic/${String(id)}`, { body: other, match: 'W/"2"' })).status).toBe(412);
    expect((await ask('DELETE', `Basic/${String(id)}`, { match: 'W/"1"' })).status).toBe(412);
    expect((await ask('DELETE', `Basic/${String(id)}`, { match: 'W/"2"' })).status).toBe(204);
    expect((await ask('PUT', `Basic/${String(id)}`, { body, match: 'W/"2"' })).status).toBe(412);
    expect((await ask('GET', query(subject))).body['total']).toBe(0);
  });
});

describe('an app', () => {
  test('reads state about nobody, and does not write it', async () => {
    const path = `Basic?code=${encodeURIComponent(`${code.system}|${code.code}`)}&subject:missing=true`;
    expect(await ask('GET', path)).toMatchObject({ status: 200, body: { total: 0 } });
    expect((await ask('POST', 'Basic', { body: basic(undefined) })).status).toBe(403);
  });

  test('does not see the state of another app, nor another patient’s', async () => {
    const other = await makeApp(lab, { redirectUris: ['https://other.example.org/cb'] });
    expect((await ask('GET', query('Patient/p1'), { token: await tokenOf(other) })).status).toBe(403);
    expect((await ask('GET', query('Patient/p2'))).status).toBe(403);
    expect((await ask('GET', query('Practitioner/t2'))).status).toBe(403);
  });

  test('needs the scope for it', async () => {
    const small = await tokenOf(app, 'launch/patient patient/Basic.s');
    expect((await ask('GET', query('Patient/p1'), { token: small })).status).toBe(200);
    expect((await ask('POST', 'Basic', { token: small, body: basic('Patient/p1') })).status).toBe(403);
    expect((await ask('GET', query('Patient/p1'), { token: 'x' })).status).toBe(401);
  });

  const wrong: [string, (one: Record<string, unknown>) => unknown, number][] = [
    ['another resource', (one) => ({ ...one, resourceType: 'Patient' }), 400],
    ['an id of its own', (one) => ({ ...one, id: 'x' }), 400],
    ['a version', (one) => ({ ...one, meta: { versionId: '1' } }), 400],
    ['two codes', (one) => ({ ...one, code: { coding: [code, code] } }), 400],
    ['another kind of extension', (one) => ({ ...one, extension: [{ url: 'x', valueInteger: 1 }] }), 400],
    ['a relative subject', (one) => ({ ...one, subject: { reference: 'Patient/p1' } }), 400],
    ['an element that is not kept', (one) => ({ ...one, author: { reference: 'Practitioner/1' } }), 400],
    ['no JSON', () => '{', 400],
    ['too much', (one) => ({ ...one, extension: [{ url: 'x', valueString: 'x'.repeat(300_000) }] }), 413],
  ];
  test.each(wrong)('does not keep %s', async (_, change, status) => {
    expect((await ask('POST', 'Basic', { body: change(basic('Patient/p1')) })).status).toBe(status);
  });

  test('keeps at most twenty of a kind', async () => {
    const body = basic('Patient/p1', { code: { coding: [{ ...code, code: 'many' }] } });
    for (let i = 0; i < 20; i++) expect((await ask('POST', 'Basic', { body })).status).toBe(201);
    expect((await ask('POST', 'Basic', { body })).status).toBe(409);
  });
});
