/** The pages of an account in a real browser. */
import { beforeAll, describe, expect } from '@jest/globals';
import { operatorAcr } from '../../src/access/authentication.ts';
import { accountById } from '../../src/identity/accounts.ts';
import { newRecoveryCodes } from '../../src/identity/recovery-codes.ts';
import { revokeRole, sessionOf, setAccountStatus, setPassword } from '../../src/store/accounts.ts';
import { sql } from '../../src/store/sql.ts';
import { makeTicket } from '../../src/store/tickets.ts';
import { askFhir, makeApp, makePerson, signInTo, testIdentity, type Person } from '../identity/app.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import { browserTest, fill, heading, press, textOf, useBrowser, type Tab } from './browser.ts';
import { authenticatorApp, giveTotp } from './factor.ts';

const open = useBrowser();
let lab: Laboratory;
/** Passkeys are for names, not for addresses: http://localhost:…/{laboratory}. */
let root: string;

beforeAll(async () => {
  lab = await makeLaboratory();
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p1', name: [{ text: 'Amina Trabelsi' }] });
  await lab.fetch('Patient/p1', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
  root = `${testServer().url.replace('127.0.0.1', 'localhost')}/${lab.tenant.name}`;
});

/** Nothing demands a second factor of them. */
function makePatient(): Promise<Person> {
  return makePerson(lab.tenant, { roles: ['patient'], fhirUser: 'Patient/p1' });
}

async function signIn(tab: Tab, { username, password }: Person): Promise<void> {
  await tab.page.goto(`${root}/account`);
  await fill(tab, { username, password });
  await press(tab, 'button.primary');
}

describe('apps', () => {
  browserTest('one is withdrawn, and its token dies', async () => {
    const person = await makePatient();
    const app = await makeApp(lab, { name: 'Mes résultats' });
    const { body } = await signInTo(app, person, { scope: 'launch/patient patient/Patient.r offline_access' });
    const token = body['access_token'];
    expect((await askFhir(app, token, 'Patient/p1')).status).toBe(200);
    const tab = await open();
    await signIn(tab, person);
    expect(await heading(tab)).toBe('Your account');
    expect(await textOf(tab)).toMatch(/Mes résultats.*Patient: Amina Trabelsi.*Read your personal details/);
    await press(tab, 'form[action$="/apps/revoke"] button');
    expect(await textOf(tab)).toMatch(/The app no longer has access\..*No app has access/);
    const deadline = Date.now() + 120_000;
    let status = 0;
    while (status !== 401 && Date.now() < deadline) status = (await askFhir(app, token, 'Patient/p1')).status;
    expect(status).toBe(401);
    expect(tab.complaints).toEqual([]);
  });

  browserTest('of somebody else stay: an id alone withdraws nothing', async () => {
    const [owner, other] = [await makePatient(), await makePatient()];
    const app = await makeApp(lab);
    const { body } = await signInTo(app, owner, { scope: 'launch/patient patient/Patient.r offline_access' });
    const [mine, theirs] = [await open(), await open()];
    await signIn(mine, owner);
    const grant = await mine.page.$eval('input[name=grant]', (input) => input.getAttribute('value') ?? '');
    const app2 = await makeApp(lab);
    await signInTo(app2, other, { scope: 'launch/patient patient/Patient.r offline_access' });
    await signIn(theirs, other);
    await theirs.page.$eval('input[name=grant]', (input, value) => input.setAttribute('value', value), grant);
    await press(theirs, 'form[action$="/apps/revoke"] button');
    await mine.page.reload();
    expect(await textOf(mine)).toMatch(/Growth chart/);
    expect((await askFhir(app, body['access_token'], 'Patient/p1')).status).toBe(200);
  });
});

describe('sessions and passwords', () => {
  browserTest('a new password ends the other sessions and not this one', async () => {
    const person = await makePatient();
    const [here, there] = [await open(), await open({ javaScript: false })];
    await signIn(here, person);
    await signIn(there, person);
    expect(await heading(there)).toBe('Your account');
    await here.page.goto(`${root}/account/password`);
    const next = 'a quite different river';
    await fill(here, { current: 'wrong', password: next, again: next });
    await press(here, 'main button');
    expect(await textOf(here)).toMatch(/The current password is not right/);
    await fill(here, { current: person.password, password: 'short', again: 'short' });
    await press(here, 'main button');
    expect(await textOf(here)).toMatch(/The new password is too short/);
    await fill(here, { current: person.password, password: next, again: next });
    await press(here, 'main button');
    expect(await textOf(here)).toMatch(/Your password was changed/);
    await there.page.reload();
    expect(await heading(there)).toBe('Sign in');
    await signIn(there, { ...person, password: next });
    expect(await heading(there)).toBe('Your account');
  });

  browserTest('another session is ended; signing out asks first and then is over', async () => {
    const person = await makePatient();
    const [here, there] = [await open({ javaScript: false }), await open()];
    await signIn(there, person);
    await signIn(here, person);
    await press(here, 'form[action$="/sessions/end"] button');
    expect(await textOf(here)).toMatch(/The other session has ended/);
    await there.page.reload();
    expect(await heading(there)).toBe('Sign in');
    await press(here, 'a[href$="/session/end"]');
    await press(here, 'button.plain');
    expect(await heading(here)).toBe('Your account');
    await press(here, 'a[href$="/session/end"]');
    await press(here, 'button.primary');
    expect(await heading(here)).toBe('Signed out');
    await here.page.goto(`${root}/account`);
    expect(await heading(here)).toBe('Sign in');
  });

  browserTest('an account that was switched off has no pages', async () => {
    const person = await makePatient();
    const tab = await open();
    await signIn(tab, person);
    await setAccountStatus(sessionOf(testDatabase(), lab.tenant.id), person.id, 'disabled', Date.now());
    await tab.page.reload();
    expect(await heading(tab)).toBe('Sign in');
    await signIn(tab, person);
    expect(await textOf(tab)).toMatch(/This account is switched off/);
  });
});

async function link(person: Person, kind: 'invitation' | 'reset'): Promise<string> {
  const session = sessionOf(testDatabase(), lab.tenant.id);
  const made = { account: person.id, kind, by: 'test', now: Date.now(), lifetime: 60_000 };
  return `${root}/account/${kind}/${await makeTicket(session, made)}`;
}

describe('links of an administrator', () => {
  browserTest('an invitation without JavaScript: password, authenticator app, recovery codes', async () => {
    const person = await makePerson(lab.tenant, { roles: ['pathologist'] });
    const tab = await open({ javaScript: false });
    const address = await link(person, 'invitation');
    await tab.page.goto(address);
    expect(await heading(tab)).toBe(`Welcome to ${lab.tenant.title}`);
    await fill(tab, { password: 'seven small boats', again: 'seven small boots' });
    await press(tab, 'main button');
    expect(await textOf(tab)).toMatch(/The two new passwords differ/);
    await fill(tab, { password: 'seven small boats', again: 'seven small boats' });
    await press(tab, 'main button');
    expect(await heading(tab)).toBe('Set up a second step');
    await press(tab, '.button.plain');
    const secret = (await tab.page.$eval('dd code', (element) => element.textContent)) ?? '';
    const show = authenticatorApp(secret.replaceAll(/\s/g, ''));
    await fill(tab, { code: '123 456' });
    await press(tab, 'main button');
    expect(await textOf(tab)).toMatch(/The code is not right/);
    await fill(tab, { code: show() });
    await press(tab, 'main button');
    expect(await heading(tab)).toBe('Keep your recovery codes');
    const codes = await tab.page.$$eval('.codes code', (elements) => elements.map(({ textContent }) => textContent));
    expect(codes).toHaveLength(10);
    await press(tab, 'a.primary');
    expect(await heading(tab)).toBe('Your account');
    expect(await textOf(tab)).toMatch(/Authenticator app.*cannot|Authenticator app.*only be replaced/);
    await tab.page.goto(address);
    expect(await textOf(tab)).toMatch(/This link has been used or has run out/);
    // Elsewhere a recovery code opens the account, once.
    const elsewhere = await open({ javaScript: false });
    await signIn(elsewhere, { ...person, password: 'seven small boats' });
    await elsewhere.page.click('details summary');
    await elsewhere.page.type('#recovery', (codes[0] ?? '').toLowerCase());
    await press(elsewhere, 'details button');
    expect(await textOf(elsewhere)).toMatch(/Recovery codes left: 9/);
  });

  browserTest('a reset with a second factor still asks for it', async () => {
    const person = await makePatient();
    const show = await giveTotp(lab.tenant, person);
    const tab = await open();
    await tab.page.goto(await link(person, 'reset'));
    expect(await heading(tab)).toBe('Choose a new password');
    await fill(tab, { password: 'nine quiet rivers', again: 'nine quiet rivers' });
    await press(tab, 'main button');
    expect(await heading(tab)).toBe('Confirm that it is you');
    await fill(tab, { code: show() });
    await press(tab, 'section button');
    expect(await heading(tab)).toBe('Your account');
    expect(tab.complaints).toEqual([]);
  });
});

describe('a passkey', () => {
  browserTest('is set up and used', async () => {
    const person = await makePatient();
    const tab = await open();
    const devices = await tab.page.createCDPSession();
    await devices.send('WebAuthn.enable');
    await devices.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await signIn(tab, person);
    await press(tab, 'a[href$="/factors/passkey"]');
    await fill(tab, { name: 'Work laptop' });
    await press(tab, '.passkey button');
    expect(await heading(tab)).toBe('Keep your recovery codes');
    await press(tab, 'a.primary');
    expect(await textOf(tab)).toMatch(/Work laptop Passkey/);
    await press(tab, 'a[href$="/session/end"]');
    await press(tab, 'button.primary');
    await signIn(tab, person);
    expect(await heading(tab)).toBe('Confirm that it is you');
    await press(tab, '.passkey button');
    expect(await heading(tab)).toBe('Your account');
    expect(tab.complaints).toEqual([]);
  });

  browserTest('without JavaScript or without a device there is a sentence and another way', async () => {
    const person = await makePatient();
    const [without, empty] = [await open({ javaScript: false }), await open()];
    await signIn(without, person);
    await press(without, 'a[href$="/factors/passkey"]');
    expect(await textOf(without)).toMatch(/Passkeys need JavaScript.*Use an authenticator app instead/);
    expect(await without.page.$eval('.passkey button', (element) => element.getAttribute('hidden'))).toBe('');
    const devices = await empty.page.createCDPSession();
    await devices.send('WebAuthn.enable');
    await devices.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'usb', hasUserVerification: false, automaticPresenceSimulation: true },
    });
    await signIn(empty, person);
    await press(empty, 'a[href$="/factors/passkey"]');
    await press(empty, '.passkey button');
    expect(await textOf(empty)).toMatch(/No passkey was created/);
  });
});

describe('second factors of an account', () => {
  browserTest('one is removed with a fresh sign-in; an old one is asked to sign in anew', async () => {
    const person = await makePatient();
    const show = await giveTotp(lab.tenant, person);
    const identity = testIdentity();
    const account = await accountById(identity, lab.tenant, person.id);
    if (account === undefined) throw new Error('There is no account.');
    const shown = { acr: operatorAcr, authTime: Math.floor(Date.now() / 1_000) };
    const [code = ''] = await newRecoveryCodes(identity, lab.tenant, account, shown);
    const tab = await open();
    await signIn(tab, person);
    await fill(tab, { code: show() });
    await press(tab, 'section button');
    // As if the sign-in were an hour old.
    await testDatabase().query(
      lab.tenant.id,
      sql`update openid_state set payload = jsonb_set(payload, '{loginTs}', to_jsonb(extract(epoch from now())::int - 3600))
        where tenant_id = ${lab.tenant.id} and kind = 'Session' and account_id = ${person.id}`,
    );
    await tab.page.reload();
    await press(tab, 'form[action$="/factors/remove"] button');
    expect(await textOf(tab)).toMatch(/For what comes next, sign in once more/);
    await fill(tab, { password: person.password });
    await press(tab, 'button.primary');
    await tab.page.click('details summary');
    await tab.page.type('#recovery', code);
    await press(tab, 'details button');
    expect(await heading(tab)).toBe('Your account');
    await press(tab, 'form[action$="/factors/remove"] button');
    expect(await textOf(tab)).toMatch(/The second step was removed\..*protected by the password alone/);
  });
});

describe('a sign-in that was begun with the password before', () => {
  browserTest('ends where the password was changed meanwhile', async () => {
    const person = await makePatient();
    await giveTotp(lab.tenant, person);
    const tab = await open();
    await signIn(tab, person);
    expect(await heading(tab)).toBe('Confirm that it is you');
    const session = sessionOf(testDatabase(), lab.tenant.id);
    await setPassword(session, person.id, 'a hash of another one', Date.now() + 1_000);
    await tab.page.reload();
    expect(await heading(tab)).toBe('Sign in');
  });
});

describe('an account whose roles see no patients', () => {
  browserTest('sees and withdraws its apps all the same', async () => {
    const settings = { secondFactorRoles: [] };
    const own = await makeLaboratory({ settings });
    const body = JSON.stringify({ resourceType: 'Patient', id: 'p1', name: [{ text: 'Amina Trabelsi' }] });
    await own.fetch('Patient/p1', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
    const person = await makePerson(own.tenant, { roles: ['technician'] });
    await signInTo(await makeApp(own), person, { scope: 'launch/patient patient/Patient.r', patient: 'p1' });
    const session = sessionOf(testDatabase(), own.tenant.id);
    await revokeRole(session, person.id, 'technician');
    const tab = await open();
    await tab.page.goto(own.base.replace(/fhir$/, 'account'));
    await fill(tab, { username: person.username, password: person.password });
    await press(tab, 'button.primary');
    expect(await textOf(tab)).toMatch(/Growth chart.*Patient: p1/);
    await press(tab, 'form[action$="/apps/revoke"] button');
    expect(await textOf(tab)).toMatch(/No app has access/);
  });
});
