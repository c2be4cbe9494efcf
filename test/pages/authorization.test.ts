/** The pages of an authorization in a real browser: by keyboard, without JavaScript, with a second factor, granting less. */
import { beforeAll, describe, expect } from '@jest/globals';
import {
  askFhir,
  askToken,
  authorizationUrl,
  makeApp,
  makePerson,
  makePkce,
  type App,
  type Person,
} from '../identity/app.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { browserTest, fill, heading, press, textOf, useBrowser, type Tab } from './browser.ts';
import { giveTotp, type AuthenticatorApp } from './factor.ts';

const open = useBrowser();
let lab: Laboratory;
let app: App;
let technician: Person;

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { secondFactorRoles: [] } });
  await put('Patient/p1', { name: [{ text: 'Amina Trabelsi' }], birthDate: '1980-02-03', gender: 'female' });
  await put('Patient/p2', { name: [{ family: 'Haddad', given: ['Karim'] }] });
  technician = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  app = await makeApp(lab);
});

async function put(path: string, content: object): Promise<void> {
  const [resourceType, id] = path.split('/');
  const body = JSON.stringify({ resourceType, id, ...content });
  const answer = await lab.fetch(path, { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
  expect(answer.status).toBe(201);
}

const { verifier, challenge } = makePkce();
const pkce = { verifier, challenge };
const scope = 'openid fhirUser launch/patient patient/Patient.r patient/Observation.rs offline_access';

async function begin(tab: Tab, parameters: Record<string, string> = {}): Promise<void> {
  await tab.page.goto(authorizationUrl(app, { scope, pkce, parameters }));
}

async function enterPassword(tab: Tab, { username, password }: Person): Promise<void> {
  await fill(tab, { username, password });
  await press(tab, 'button.primary');
}

/** The token that the application gets for what the browser brought back. */
async function redeem(tab: Tab): Promise<Record<string, unknown>> {
  const code = new URL(tab.left.at(-1) ?? '').searchParams.get('code') ?? '';
  const fields = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri, code_verifier: verifier };
  return (await askToken(app, fields)).body;
}

describe('standalone launch', () => {
  browserTest('without JavaScript: sign in, choose a patient, grant less', async () => {
    const tab = await open({ javaScript: false });
    await begin(tab);
    expect(await heading(tab)).toBe('Sign in');
    await enterPassword(tab, technician);
    expect(await heading(tab)).toBe('Choose a patient');
    await fill(tab, { search: 'Amina' });
    await press(tab, 'search button');
    expect(await textOf(tab)).toMatch(/Amina Trabelsi.*born 3 February 1980.*female/);
    expect(await textOf(tab)).not.toMatch(/Karim/);
    await tab.page.click('input[value=p1]');
    await press(tab, 'fieldset ~ button');
    expect(await heading(tab)).toBe('Allow Growth chart?');
    expect(await textOf(tab)).toMatch(/Read personal details.*Read results and measurements/);
    await tab.page.click('input[value="patient/Observation.rs"]');
    await press(tab, 'button[value=allow]');
    expect(tab.left.at(-1)).toMatch(/^https:\/\/app\.example\.org\/callback\?code=/);
    const body = await redeem(tab);
    expect(body).toMatchObject({ patient: 'p1' });
    expect(String(body['scope']).split(' ')).toContain('patient/Patient.r');
    expect(String(body['scope'])).not.toContain('Observation');
    expect((await askFhir(app, body['access_token'], 'Patient/p1')).status).toBe(200);
    expect((await askFhir(app, body['access_token'], 'Observation')).status).toBe(403);
  });

  browserTest('by keyboard alone, with nothing that the policy forbids', async () => {
    const tab = await open();
    const { keyboard } = tab.page;
    const enter = (): Promise<unknown> => Promise.all([tab.page.waitForNavigation(), keyboard.press('Enter')]);
    await begin(tab);
    await tab.page.waitForSelector('#username:focus');
    await keyboard.type(technician.username);
    await keyboard.press('Tab');
    await keyboard.type(technician.password);
    await enter();
    await tab.page.waitForSelector('#search:focus');
    await keyboard.type('Haddad');
    await enter();
    await tab.page.waitForSelector('#search:focus');
    // From the search field over its button to the list.
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await keyboard.press('Space');
    await enter();
    expect(await heading(tab)).toBe('Allow Growth chart?');
    const focused = (): Promise<string> => tab.page.$eval(':focus', (element) => element.getAttribute('value') ?? '');
    const seen: string[] = [];
    while (!seen.includes('allow')) {
      await keyboard.press('Tab');
      seen.push(await focused());
      if (seen.length > 20) throw new Error(`The button is not reached: ${seen.join()}`);
    }
    expect(seen.filter((value) => value.includes('/') || value === 'offline_access')).toEqual([
      'patient/Patient.r',
      'patient/Observation.rs',
      'offline_access',
    ]);
    await enter();
    expect(await redeem(tab)).toMatchObject({ patient: 'p2' });
    expect(tab.complaints).toEqual([]);
  });

  browserTest('not allowed, nothing ticked, and going back', async () => {
    const tab = await open();
    await begin(tab);
    await enterPassword(tab, technician);
    await press(tab, 'fieldset ~ button');
    expect(await textOf(tab)).toMatch(/There is a problem Choose a patient\./);
    await tab.page.click('input[value=p1]');
    await press(tab, 'fieldset ~ button');
    for (const box of await tab.page.$$('input[type=checkbox]')) await box.click();
    await press(tab, 'button[value=allow]');
    expect(await textOf(tab)).toMatch(/Keep at least one tick/);
    await press(tab, 'button[value=deny]');
    expect(tab.left.at(-1)).toMatch(/error=access_denied/);
  });
});

describe('a second factor', () => {
  let show: AuthenticatorApp;
  let pathologist: Person;
  beforeAll(async () => {
    pathologist = await makePerson(lab.tenant, { roles: ['pathologist'], fhirUser: 'Practitioner/p1' });
    show = await giveTotp(lab.tenant, pathologist);
  });

  browserTest('a wrong code is said beside the field; the right one goes on', async () => {
    const tab = await open();
    await begin(tab);
    await enterPassword(tab, pathologist);
    expect(await heading(tab)).toBe('Confirm that it is you');
    await fill(tab, { code: '000000' });
    await press(tab, 'section button');
    expect(await tab.page.$eval('#totp', (element) => element.getAttribute('aria-describedby'))).toMatch(
      /totp-problem/,
    );
    expect(await tab.page.$eval(':focus', (element) => element.className)).toBe('problems');
    await fill(tab, { code: show() });
    await press(tab, 'section button');
    expect(await heading(tab)).toBe('Choose a patient');
    expect(tab.complaints.filter((text) => !/422/.test(text))).toEqual([]);
  });
});

describe('wrong passwords', () => {
  browserTest('are told calmly, then the account waits', async () => {
    const tab = await open({ language: 'fr' });
    const person = await makePerson(lab.tenant, { roles: ['technician'] });
    await begin(tab);
    for (let at = 0; at < 5; at += 1) await enterPassword(tab, { ...person, password: 'not this one' });
    expect(await textOf(tab)).toMatch(/Le nom d’utilisateur ou le mot de passe est incorrect/);
    expect(await tab.page.$eval('#username', (element) => (element as { value?: string }).value)).toBe(person.username);
    await enterPassword(tab, person);
    expect(await textOf(tab)).toMatch(/Trop de tentatives ont échoué\. Attendez \d+ secondes/);
  });
});
