/** SMART standalone launch from outside: an app, a person, a browser. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import {
  askFhir,
  authorizationUrl,
  authorize,
  makeApp,
  makeBrowser,
  makePerson,
  makePkce,
  askToken,
  offeredScopes,
  signInTo,
  type App,
  type Person,
} from './app.ts';

let lab: Laboratory;
let app: App;
let technician: Person;
let patient: Person;

beforeAll(async () => {
  lab = await makeLaboratory();
  await put('Patient/p1', { name: [{ family: 'Trabelsi', given: ['Amina'] }], birthDate: '1980-02-03' });
  await put('Patient/p2', { name: [{ family: 'Haddad', given: ['Karim'] }] });
  await put('Encounter/e1', encounter('p1', 'finished', '2026-01-01'));
  await put('Encounter/e2', encounter('p1', 'in-progress', '2025-12-01'));
  await put('Observation/o1', observation('p1', 'laboratory'));
  await put('Observation/o2', observation('p2', 'laboratory'));
  await put('Observation/o3', observation('p1', 'vital-signs'));
  technician = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  patient = await makePerson(lab.tenant, { roles: ['patient'], fhirUser: 'Patient/p2' });
  app = await makeApp(lab);
});

async function put(path: string, content: object): Promise<void> {
  const [resourceType, id] = path.split('/');
  const body = JSON.stringify({ resourceType, id, ...content });
  const answer = await lab.fetch(path, { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
  expect(answer.status).toBe(201);
}

const categories = 'http://terminology.hl7.org/CodeSystem/observation-category';

function observation(of: string, category: string): object {
  return {
    status: 'final',
    code: { text: 'Glucose' },
    category: [{ coding: [{ system: categories, code: category }] }],
    subject: { reference: `Patient/${of}` },
  };
}

function encounter(of: string, status: string, start: string): object {
  const klass = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' };
  return { status, class: klass, subject: { reference: `Patient/${of}` }, period: { start } };
}

async function idsOf(token: unknown, path: string): Promise<string[]> {
  const answer = await askFhir(app, token, path);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: { id: string } }[] };
  return entry.map(({ resource }) => resource.id).sort();
}

describe('a public app with a patient in context', () => {
  test('gets a token that sees this patient and no other', async () => {
    const { status, body } = await signInTo(app, technician, { patient: 'p1' });
    expect(body).toMatchObject({ token_type: 'Bearer', patient: 'p1', scope: 'launch/patient patient/*.rs' });
    expect(body).toMatchObject({ expires_in: 300, need_patient_banner: true });
    expect(status).toBe(200);
    const token = body['access_token'];
    expect(await idsOf(token, 'Observation')).toEqual(['o1', 'o3']);
    expect((await askFhir(app, token, 'Observation/o1')).status).toBe(200);
    expect((await askFhir(app, token, 'Observation/o2')).status).toBe(404);
    expect((await askFhir(app, token, 'Observation/o1', { method: 'DELETE' })).status).toBe(403);
  });

  test('a patient is their own context, without a choice', async () => {
    const { body } = await signInTo(app, patient);
    expect(body['patient']).toBe('p2');
    expect(await idsOf(body['access_token'], 'Patient')).toEqual(['p2']);
  });

  test('the choice is among those that the person may see, found by name, number or birth date', async () => {
    const browser = makeBrowser();
    const first = await browser.go(authorizationUrl(app));
    const fields: [string, string][] = [
      ['username', technician.username],
      ['password', technician.password],
    ];
    const page = await browser.submit(first, fields);
    expect(page.text).toMatch(/Trabelsi/);
    expect(page.text).toMatch(/Karim/);
    const found = await browser.submit(page, [['search', 'trab 1980-02-03']]);
    expect(found.text).toMatch(/Trabelsi/);
    expect(found.text).not.toMatch(/Karim/);
    const gone = await browser.submit(page, [['patient', 'p3']]);
    expect(gone.status).toBe(422);
    expect(gone.leftTo).toBeUndefined();
  });

  test('launch/encounter: the one under way', async () => {
    const { body } = await signInTo(app, technician, {
      scope: 'launch/patient launch/encounter patient/*.rs',
      patient: 'p1',
    });
    expect(body).toMatchObject({ patient: 'p1', encounter: 'e2' });
  });

  test('each launch keeps its own patient', async () => {
    const browser = makeBrowser();
    const scope = 'launch/patient patient/Observation.rs';
    const one = await signInTo(app, technician, { patient: 'p1', scope, browser });
    const two = await signInTo(app, technician, { patient: 'p2', scope, browser });
    expect(await idsOf(one.body['access_token'], 'Observation')).toEqual(['o1', 'o3']);
    expect(await idsOf(two.body['access_token'], 'Observation')).toEqual(['o2']);
  });
});

describe('scopes', () => {
  test('with a search filter see what it selects', async () => {
    const scope = `launch/patient patient/Observation.rs?category=${categories}|laboratory`;
    const { body } = await signInTo(app, technician, { patient: 'p1', scope });
    expect(body['scope']).toBe(scope);
    expect(await idsOf(body['access_token'], 'Observation')).toEqual(['o1']);
  });

  test('of v1 are granted as they were asked', async () => {
    const scope = 'launch/patient patient/Observation.read';
    const { body } = await signInTo(app, technician, { patient: 'p1', scope });
    expect(body['scope']).toBe(scope);
    expect(await idsOf(body['access_token'], 'Observation')).toEqual(['o1', 'o3']);
  });

  test('the person may grant less, and the token says so', async () => {
    const scope = 'launch/patient patient/Patient.rs patient/Observation.rs offline_access';
    const keep = (one: string): boolean => one !== 'patient/Patient.rs' && one !== 'offline_access';
    const { body } = await signInTo(app, technician, { patient: 'p1', scope, keep });
    expect(body['scope']).toBe('launch/patient patient/Observation.rs');
    expect(body).not.toHaveProperty('refresh_token');
    expect((await askFhir(app, body['access_token'], 'Patient')).status).toBe(403);
  });

  test('beyond the registration are narrowed to it', async () => {
    const small = await makeApp(lab, { scopes: 'launch/patient patient/Observation.rs' });
    const { body } = await signInTo(small, technician, {
      patient: 'p1',
      scope: 'launch/patient patient/*.cruds user/*.rs openid system/*.rs',
    });
    expect(body['scope']).toBe('launch/patient patient/Observation.rs');
    expect(body).not.toHaveProperty('id_token');
  });

  test('that no role of the person allows are not even offered', async () => {
    const reception = await makePerson(lab.tenant, { roles: ['reception'] });
    const { body } = await signInTo(app, reception, { scope: 'user/Patient.rs user/Observation.rs' });
    expect(body['scope']).toBe('user/Patient.rs');
  });

  test('nothing of what is asked for: an error for the app', async () => {
    const page = await authorize(app, technician, { scope: 'system/*.rs unknown' });
    expect(page.leftTo?.searchParams.get('error')).toBe('invalid_scope');
  });

  test('refusing tells the app access_denied', async () => {
    const browser = makeBrowser();
    const page = await browser.submit(await browser.go(authorizationUrl(app, { scope: 'user/Patient.rs' })), [
      ['username', technician.username],
      ['password', technician.password],
    ]);
    expect(offeredScopes(page)).toEqual(['user/Patient.rs']);
    const left = await browser.submit(page, [['decision', 'deny']]);
    expect(left.leftTo?.searchParams.get('error')).toBe('access_denied');
    expect(left.leftTo?.searchParams.get('state')).toBe('st4te');
    expect(left.leftTo?.searchParams.get('iss')).toBe(app.issuer);
  });
});

describe('an authorization request', () => {
  test('by POST is the same as by GET', async () => {
    const pkce = makePkce();
    const url = new URL(authorizationUrl(app, { scope: 'user/Patient.rs', pkce }));
    const browser = makeBrowser();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const page = await browser.go(`${app.issuer}/auth`, { method: 'POST', headers, body: url.searchParams.toString() });
    const asked = await browser.submit(page, [
      ['username', technician.username],
      ['password', technician.password],
    ]);
    const left = await browser.submit(asked, [
      ['decision', 'allow'],
      ['scope', 'user/Patient.rs'],
    ]);
    const code = left.leftTo?.searchParams.get('code') ?? '';
    const fields = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri };
    expect((await askToken(app, { ...fields, code_verifier: pkce.verifier })).status).toBe(200);
  });

  test('aud with a slash at its end is the FHIR base', async () => {
    const { body } = await signInTo(app, technician, {
      scope: 'user/Patient.rs',
      parameters: { aud: `${lab.base}/` },
    });
    expect(body['scope']).toBe('user/Patient.rs');
  });

  const refused: [string, Record<string, string | undefined>, string][] = [
    ['no aud', { aud: undefined }, 'invalid_request'],
    ['another aud', { aud: 'https://elsewhere.example/fhir' }, 'invalid_target'],
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['another flow', { response_type: 'none' }, 'unsupported_response_type'],
    ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
    ['nobody signed in, nothing shown', { prompt: 'none' }, 'login_required'],
  ];
  test.each(refused)('with %s: an error for the app', async (_, parameters, error) => {
    const page = await makeBrowser().go(authorizationUrl(app, { scope: 'user/Patient.rs', parameters }));
    expect(page.leftTo?.href.split('?')[0]).toBe(app.redirectUri);
    expect(page.leftTo?.searchParams.get('error')).toBe(error);
  });

  const shown: [string, Record<string, string | undefined>][] = [
    ['an unknown client', { client_id: 'nobody' }],
    ['an address that is not registered', { redirect_uri: 'https://app.example.org/callback2' }],
    ['the address with a query', { redirect_uri: 'https://app.example.org/callback?x=1' }],
    ['no client', { client_id: undefined }],
    ['no address', { redirect_uri: undefined }],
  ];
  test.each(shown)('with %s: a page, never a redirect', async (_, parameters) => {
    const page = await makeBrowser().go(authorizationUrl(app, { scope: 'user/Patient.rs', parameters }));
    expect(page.leftTo).toBeUndefined();
    expect(page.status).toBe(400);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  });
});

describe('pages and cookies', () => {
  test('cookies are the laboratory’s own, out of reach of scripts', async () => {
    const browser = makeBrowser();
    await authorize(app, technician, { scope: 'user/Patient.rs', browser });
    const kept = [...browser.cookies].filter(([name]) => name.startsWith('_session'));
    expect(kept.length).toBeGreaterThan(0);
    for (const [, { path, attributes }] of kept) {
      expect(path).toBe(`/${lab.tenant.name}`);
      expect(attributes).toMatch(/samesite=lax/i);
      expect(attributes).toMatch(/httponly/i);
    }
  });

  test('a form without its token is refused', async () => {
    const browser = makeBrowser();
    const page = await browser.go(authorizationUrl(app, { scope: 'user/Patient.rs' }));
    const body = new URLSearchParams({ username: technician.username, password: technician.password }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const forged = await browser.go(page.url, { method: 'POST', headers, body });
    expect(forged.status).toBe(403);
  });

  test('a wrong password says no more than that', async () => {
    const browser = makeBrowser();
    const page = await browser.go(authorizationUrl(app, { scope: 'user/Patient.rs' }));
    const wrong = await browser.submit(page, [
      ['username', technician.username],
      ['password', 'wrong'],
    ]);
    const nobody = await browser.submit(page, [
      ['username', 'nobody'],
      ['password', 'wrong'],
    ]);
    expect(wrong.status).toBe(422);
    const sentence = (text: string): string | undefined => /role="alert"[\s\S]*?<ul>([\s\S]*?)<\/ul>/.exec(text)?.[1];
    expect(sentence(wrong.text)).toBe(sentence(nobody.text));
  });
});
