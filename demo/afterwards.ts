/** What others do with the results: an app in the hospital's EMR, a patient who withdraws consent, the protection officer. */
import { strict as assert } from 'node:assert';
import type { JsonObject } from '../src/fhir/json.ts';
import { object } from '../src/laboratory/terms.ts';
import { invite, signIn, type NewPerson } from './people.ts';
import { asker, parameters, type Asker, type World } from './world.ts';

export type SignedIn = (person: NewPerson) => Promise<Asker>;

/** SMART EHR launch: the EMR prepares a context with its own key, its physician opens the app. */
export async function launchApp(world: World, reader: Asker, patient: string): Promise<void> {
  const { server, tell } = world;
  const [order] = await reader.find(`ServiceRequest?subject=${patient}&requester:missing=false`);
  const physician = String(object(order?.['requester'])['reference']);
  assert.match(physician, /^Practitioner\//);
  const app = {
    client: 'results-app',
    redirect: 'https://app.example.org/back',
    scope: 'launch patient/*.rs openid fhirUser',
  };
  await server.makhbar(
    ...['client', 'add', 'demo', '--kind', 'public', '--name', 'Results', '--id', app.client],
    ...['--redirect', app.redirect, '--scope', app.scope, '--launch', 'https://app.example.org/launch'],
  );
  const huda = await invite(server, {
    ...{ username: 'huda', display: 'Dr. Huda Hassan', roles: ['referring-physician'], fhirUser: physician },
  });
  const launch = await preparedLaunch(world, patient, app.client);
  const token = await signIn(server, huda, { ...app, launch });
  assert.equal(token.patient, patient.split('/')[1]);
  const seen = asker(server, token.access_token);
  assert.equal((await seen.find('Patient')).length, 1);
  const results = await seen.find('Observation?category=laboratory&status=final');
  assert.ok(results.length >= 5, `The app sees ${results.length} results.`);
  tell(`Dr. Hassan opened an app from the EMR: it sees this patient alone, and ${results.length} final results.`);
}

async function preparedLaunch({ server }: World, patient: string, client: string): Promise<string> {
  const said = await server.makhbar(
    'client',
    'add',
    'demo',
    '--kind',
    'launcher',
    '--name',
    'Ward EMR',
    '--id',
    'emr',
    '--json',
  );
  const { secret } = JSON.parse(said) as { secret: string };
  const answer = await fetch(`${server.url}/demo/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`emr:${secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials&scope=manage/launches',
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const made = await asker(server, token).post('$launch-context', parameters(['patient', patient], ['client', client]));
  const parts = made['parameter'] as { name: string; valueString?: string }[];
  return String(parts.find(({ name }) => name === 'launch')?.valueString);
}

/** The patient says at the desk that another doctor of the laboratory is not to see her record. */
export async function withdrawConsent({ tell }: World, signedIn: SignedIn, patient: string): Promise<void> {
  const other = await signedIn({
    ...{ username: 'karim', display: 'Dr. Karim', roles: ['pathologist'], fhirUser: 'Practitioner/karim' },
  });
  const results = `Observation?subject=${patient}`;
  assert.ok((await other.find(results)).length >= 5);
  const reception = await signedIn({ username: 'rana', display: 'Rana', roles: ['reception'] });
  await reception.post('Consent', consentAgainst('Practitioner/karim', patient));
  assert.deepEqual(await other.find(results), []);
  assert.equal((await other.ask(patient)).status, 404);
  tell(
    'Another doctor of the laboratory saw the results, until the patient withdrew her consent for him: now he sees nothing.',
  );
}

function consentAgainst(doctor: string, patient: string): JsonObject {
  const concept = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });
  return {
    ...{ resourceType: 'Consent', status: 'active', patient: { reference: patient } },
    scope: concept('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [concept('http://loinc.org', '59284-0')],
    policyRule: concept('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'OPTIN'),
    provision: {
      type: 'permit',
      provision: [
        {
          type: 'deny',
          actor: [
            {
              role: concept('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
              reference: { reference: doctor },
            },
          ],
        },
      ],
    },
  };
}

/** The data protection officer asks who saw the patient, and whether the log is whole. */
export async function auditIt(world: World, signedIn: SignedIn, patient: string): Promise<void> {
  const { server, tell } = world;
  const officer = await signedIn({ username: 'omar', display: 'Omar', roles: ['data-protection-officer'] });
  const report = await officer.get(`${patient}/$access-report`);
  const said = JSON.stringify(report);
  for (const name of ['tarek', 'salma', 'huda', 'karim'])
    assert.ok(said.includes(name), `${name} is not in the report.`);
  tell(
    'The data protection officer asked who saw the patient: all of them, when, in which role, what.',
    `${server.base}/${patient}/$access-report`,
  );
  const verified = await server.makhbar('audit', 'verify', 'demo');
  tell(`The log is whole: ${verified.trim().split('\n')[0]}`);
}
