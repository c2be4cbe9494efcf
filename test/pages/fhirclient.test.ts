/**
 * An app as people write them: a page that loads the library fhirclient, served from another origin, in a real browser.
 * Standalone launch and EHR launch; the library discovers, signs in and reads by itself.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { makeApp, makePerson, type App, type Person } from '../identity/app.ts';
import { makeEmr, type Emr } from '../identity/emr.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { browserTest, fill, press, useBrowser, type Tab } from './browser.ts';

const open = useBrowser();
const library = readFileSync(createRequire(import.meta.url).resolve('fhirclient/build/fhir-client.js'), 'utf8');
let lab: Laboratory;
let app: App;
let emr: Emr;
let technician: Person;
let site: Server;
let origin: string;

/** launch.html signs in, index.html reads with the token and shows what it got. */
function page(script: string): string {
  return `<!doctype html><title>An app</title><pre id="shown"></pre><script src="fhir-client.js"></script><script>${script}</script>`;
}

const reading = `
  FHIR.oauth2.ready().then(async (client) => {
    const patient = await client.patient.read();
    const observations = await client.request('Observation?patient=' + client.patient.id);
    const state = client.state.tokenResponse;
    return { patient: patient.name[0].family, total: observations.total, user: client.getFhirUser(), scope: state.scope,
      banner: state.need_patient_banner, refresh: state.refresh_token !== undefined };
  }).catch((error) => ({ error: String(error) })).then((shown) => {
    document.getElementById('shown').textContent = JSON.stringify(shown);
  });`;

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { secondFactorRoles: [] } });
  const headers = { 'content-type': 'application/fhir+json' };
  const resources = [
    { resourceType: 'Patient', id: 'p1', name: [{ family: 'Trabelsi' }] },
    {
      resourceType: 'Observation',
      id: 'o1',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/p1' },
    },
  ];
  for (const one of resources) {
    const path = `${one.resourceType}/${one.id}`;
    await lab.fetch(path, { method: 'PUT', body: JSON.stringify(one), headers });
  }
  technician = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  site = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const content = path === '/fhir-client.js' ? library : page(path === '/launch.html' ? launching() : reading);
    response.writeHead(200, { 'content-type': path.endsWith('.js') ? 'text/javascript' : 'text/html' }).end(content);
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  // Another site than the server's, as it will be.
  origin = `http://localhost:${(site.address() as AddressInfo).port}`;
  app = await makeApp(lab, { redirectUris: [`${origin}/index.html`], launchUri: `${origin}/launch.html` });
  emr = await makeEmr(lab);
});
afterAll(async () => {
  await new Promise((done) => site.close(done));
});

/** `iss` is in the address of an EHR launch only. */
function launching(): string {
  const standalone = { iss: lab.base, scope: 'openid fhirUser launch/patient patient/*.rs offline_access' };
  const embedded = { scope: 'openid fhirUser launch patient/*.rs' };
  return `
    const launched = new URLSearchParams(location.search).has('launch');
    FHIR.oauth2.authorize({ clientId: '${app.clientId}', redirectUri: 'index.html',
      ...(launched ? ${JSON.stringify(embedded)} : ${JSON.stringify(standalone)}) });`;
}

async function signIn(tab: Tab): Promise<void> {
  await tab.page.waitForSelector('input[name="password"]');
  const { username, password } = technician;
  await fill(tab, { username, password });
  await press(tab, 'button.primary');
}

async function shown(tab: Tab): Promise<unknown> {
  const found = await tab.page.waitForSelector('#shown:not(:empty)');
  return JSON.parse((await found?.evaluate((element) => element.textContent)) ?? 'null');
}

describe('fhirclient in a browser', () => {
  browserTest('standalone launch: chooses a patient and reads', async () => {
    const tab = await open();
    await tab.page.goto(`${origin}/launch.html`);
    await signIn(tab);
    await tab.page.click('input[name="patient"]');
    await press(tab, 'button.primary');
    await press(tab, 'button[value="allow"]');
    expect(await shown(tab)).toEqual({
      patient: 'Trabelsi',
      total: 1,
      user: 'Practitioner/t1',
      scope: 'openid fhirUser launch/patient patient/*.rs offline_access',
      banner: true,
      refresh: true,
    });
    expect(tab.complaints).toEqual([]);
  });

  browserTest('EHR launch: the patient that the EMR gave', async () => {
    const { values } = await emr.launch([
      { name: 'patient', valueString: 'p1' },
      { name: 'client', valueString: app.clientId },
      { name: 'needPatientBanner', valueBoolean: false },
    ]);
    const tab = await open();
    await tab.page.goto(values['url'] ?? '');
    await signIn(tab);
    await press(tab, 'button[value="allow"]');
    expect(await shown(tab)).toMatchObject({ patient: 'Trabelsi', total: 1, banner: false, refresh: false });
    expect(tab.complaints).toEqual([]);
  });
});
