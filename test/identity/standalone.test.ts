/** SMART standalone launch from outside: an app, a person, a browser. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { askFhir, makeApp, makePerson, signInTo, type App, type Person } from './app.ts';

let lab: Laboratory;
let app: App;
let technician: Person;

beforeAll(async () => {
  lab = await makeLaboratory();
  await put('Patient/p1', { name: [{ family: 'Trabelsi', given: ['Amina'] }], birthDate: '1980-02-03' });
  await put('Patient/p2', { name: [{ family: 'Haddad', given: ['Karim'] }] });
  await put('Observation/o1', observation('p1'));
  await put('Observation/o2', observation('p2'));
  technician = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab);
});

async function put(path: string, content: object): Promise<void> {
  const [resourceType, id] = path.split('/');
  const body = JSON.stringify({ resourceType, id, ...content });
  const answer = await lab.fetch(path, { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
  expect(answer.status).toBe(201);
}

function observation(patient: string): object {
  return { status: 'final', code: { text: 'Glucose' }, subject: { reference: `Patient/${patient}` } };
}

describe('a public app with a patient in context', () => {
  test('gets a token that sees this patient and no other', async () => {
    const { status, body } = await signInTo(app, technician, { patient: 'p1' });
    expect(body).toMatchObject({ token_type: 'Bearer', patient: 'p1', scope: 'launch/patient patient/*.rs' });
    expect(status).toBe(200);
    expect(body['expires_in']).toBe(300);
    const found = await askFhir(app, body['access_token'], 'Observation');
    expect(found.status).toBe(200);
    expect(((await found.json()) as { total: number }).total).toBe(1);
  });
});
