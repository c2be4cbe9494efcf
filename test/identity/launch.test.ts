/** SMART EHR launch: an EMR prepares a context, an app uses it. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { authorize, askFhir, makeApp, makePerson, signInTo, type App, type Person } from './app.ts';
import { makeEmr, type Emr } from './emr.ts';

let lab: Laboratory;
let app: App;
let emr: Emr;
let technician: Person;

beforeAll(async () => {
  lab = await makeLaboratory();
  for (const id of ['p1', 'p2']) {
    const body = JSON.stringify({ resourceType: 'Patient', id, name: [{ family: id }] });
    const headers = { 'content-type': 'application/fhir+json' };
    expect((await lab.fetch(`Patient/${id}`, { method: 'PUT', body, headers })).status).toBe(201);
  }
  technician = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab, { launchUri: 'https://app.example.org/launch?tenant=1' });
  emr = await makeEmr(lab);
});

const context = [
  { name: 'patient', valueReference: { reference: 'Patient/p1' } },
  { name: 'encounter', valueString: 'e1' },
  { name: 'intent', valueString: 'reconcile' },
  { name: 'needPatientBanner', valueBoolean: false },
  { name: 'fhirContext', valueString: '{"reference":"ImagingStudy/i1"}' },
];

describe('a launch', () => {
  test('gives the app its context, in the token and in what the token sees', async () => {
    const made = await emr.launch([...context, { name: 'client', valueString: app.clientId }]);
    expect(made.status).toBe(200);
    expect(made.values['iss']).toBe(lab.base);
    const url = new URL(made.values['url'] ?? '');
    expect(url.searchParams.get('tenant')).toBe('1');
    expect(url.searchParams.get('launch')).toBe(made.values['launch']);
    const { body } = await signInTo(app, technician, {
      scope: 'launch patient/*.rs openid fhirUser',
      launch: made.values['launch'] ?? '',
    });
    expect(body).toMatchObject({
      patient: 'p1',
      encounter: 'e1',
      intent: 'reconcile',
      need_patient_banner: false,
      fhirContext: [{ reference: 'ImagingStudy/i1' }],
      tenant: lab.tenant.name,
    });
    const style = await fetch(String(body['smart_style_url']));
    expect(style.headers.get('access-control-allow-origin')).toBe('*');
    expect(await style.json()).toHaveProperty('color_background');
    const found = (await (await askFhir(app, body['access_token'], 'Patient')).json()) as { total: number };
    expect(found.total).toBe(1);
  });

  test('opens for a referring physician the patient whom he ordered for, and no other', async () => {
    const physician = await makePerson(lab.tenant, { roles: ['referring-physician'], fhirUser: 'Practitioner/d1' });
    const order = { resourceType: 'ServiceRequest', id: 'o1', status: 'active', intent: 'order' };
    const of = { subject: { reference: 'Patient/p1' }, requester: { reference: 'Practitioner/d1' } };
    for (const resource of [
      { resourceType: 'Practitioner', id: 'd1' },
      { ...order, ...of },
    ]) {
      const init = {
        method: 'PUT',
        body: JSON.stringify(resource),
        headers: { 'content-type': 'application/fhir+json' },
      };
      expect((await lab.fetch(`${resource.resourceType}/${resource.id}`, init)).status).toBe(201);
    }
    const launchFor = async (patient: string): Promise<string> => {
      const { values } = await emr.launch([{ name: 'patient', valueReference: { reference: `Patient/${patient}` } }]);
      return values['launch'] ?? '';
    };
    const scope = 'launch patient/*.rs';
    const { body } = await signInTo(app, physician, { scope, launch: await launchFor('p1') });
    expect(body['patient']).toBe('p1');
    const found = (await (await askFhir(app, body['access_token'], 'ServiceRequest')).json()) as { total: number };
    expect(found.total).toBe(1);
    const page = await authorize(app, physician, { scope, launch: await launchFor('p2') });
    expect(page.leftTo?.searchParams.get('error')).toBe('access_denied');
  });

  test('is good once', async () => {
    const { values } = await emr.launch(context);
    const options = { scope: 'launch patient/*.rs', launch: values['launch'] ?? '' };
    expect((await signInTo(app, technician, options)).body['patient']).toBe('p1');
    const again = await authorize(app, technician, options);
    expect(again.leftTo?.searchParams.get('error')).toBe('invalid_request');
  });

  test('is for the named app alone', async () => {
    const { values } = await emr.launch([...context, { name: 'client', valueString: app.clientId }]);
    const other = await makeApp(lab);
    const refused = await authorize(other, technician, {
      scope: 'launch patient/*.rs',
      launch: values['launch'] ?? '',
    });
    expect(refused.leftTo?.searchParams.get('error')).toBe('invalid_request');
  });

  test('of another laboratory is unknown here', async () => {
    const { values } = await (await makeEmr(await makeLaboratory())).launch(context);
    const refused = await authorize(app, technician, { scope: 'launch patient/*.rs', launch: values['launch'] ?? '' });
    expect(refused.leftTo?.searchParams.get('error')).toBe('invalid_request');
  });

  test('scope launch without the parameter is refused', async () => {
    const refused = await authorize(app, technician, { scope: 'launch patient/*.rs' });
    expect(refused.leftTo?.searchParams.get('error_description')).toMatch(/launch/);
  });
});

describe('$launch-context', () => {
  test('needs manage/launches', async () => {
    const body = JSON.stringify({ resourceType: 'Parameters', parameter: context });
    const headers = { 'content-type': 'application/fhir+json' };
    const answer = await lab.fetch('$launch-context', { method: 'POST', body, headers });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toMatch(/manage\/launches/);
  });

  const wrong: [string, object][] = [
    ['a patient that is none', { name: 'patient', valueString: 'https://elsewhere.example/Patient/1' }],
    ['a context that is no JSON', { name: 'fhirContext', valueString: '{' }],
    ['a context without what it is', { name: 'fhirContext', valueString: '{"role":"x"}' }],
    ['an absolute reference', { name: 'fhirContext', valueString: '{"reference":"https://x.example/Patient/1"}' }],
    ['a patient as context', { name: 'fhirContext', valueString: '{"reference":"Patient/1"}' }],
    ['an unknown client', { name: 'client', valueString: 'nobody' }],
    ['an unknown parameter', { name: 'pateint', valueString: 'p1' }],
  ];
  test.each(wrong)('refuses %s', async (_, parameter) => {
    expect((await emr.launch([parameter])).status).toBe(400);
  });
});
