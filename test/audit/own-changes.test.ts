/**
 * What people change of their own account, apps of what they keep, and an app that registers itself: the change and its event
 * are one transaction, neither is without the other.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import { secondFactorAcr } from '../../src/access/authentication.ts';
import { accountById } from '../../src/identity/accounts.ts';
import { changePassword } from '../../src/identity/change-password.ts';
import { removeFactor } from '../../src/identity/factors.ts';
import type { Identity, LastDeed } from '../../src/identity/identity.ts';
import { finishPasskeyEnrolment, startPasskeyEnrolment } from '../../src/identity/passkeys.ts';
import { newRecoveryCodes } from '../../src/identity/recovery-codes.ts';
import { acceptTicket } from '../../src/identity/tickets.ts';
import { confirmTotp, startTotp } from '../../src/identity/totp.ts';
import { announceWithin } from '../../src/interactions/announce.ts';
import { sessionOf, type Account } from '../../src/store/accounts.ts';
import { readFactors } from '../../src/store/factors.ts';
import { sql } from '../../src/store/sql.ts';
import { makeTicket } from '../../src/store/tickets.ts';
import { makeAuthenticator } from '../accounts/authenticator.ts';
import {
  makeApp,
  makeBrowser,
  makePerson,
  signInTo,
  testIdentity,
  type Browser,
  type Person,
} from '../identity/app.ts';
import { giveTotp } from '../pages/factor.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { failing, withoutLog } from './broken.ts';
import { eventsOf } from './log.ts';

let lab: Laboratory;
let issuer: string;

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { dynamicRegistration: true } });
  issuer = lab.base.replace(/\/fhir$/, '');
  const body = JSON.stringify({ resourceType: 'Patient', id: 'p1' });
  await lab.fetch('Patient/p1', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
});

/** All that these deeds could change, without what trying alone leaves. */
async function state(): Promise<string> {
  const { id } = lab.tenant;
  const [row] = await testDatabase().query<{ all: string }>(
    id,
    sql`select md5(jsonb_build_array(
      (select jsonb_agg(to_jsonb(a) - 'last_sign_in' order by account_id) from account a where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(f) - 'step' - 'last_used' order by account_id, factor_id) from account_factor f
        where tenant_id = ${id} and confirmed is not null),
      (select jsonb_agg(to_jsonb(r) order by to_jsonb(r)::text) from account_recovery r where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text) from account_ticket t where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(c) order by client_id) from client c where tenant_id = ${id}),
      (select jsonb_agg(to_jsonb(s) order by state_id) from app_state s where tenant_id = ${id}),
      (select jsonb_agg(encode(o.id, 'hex') order by o.id) from openid_state o
        where tenant_id = ${id} and kind in ('Session', 'Grant')))::text) as all`,
  );
  return row?.all ?? '';
}

/** Refused while the log cannot be written, with nothing changed; then done, with one event of that name. */
async function asOne(name: string, deed: () => Promise<{ readonly status: number }>, done: number): Promise<void> {
  const before = await state();
  const events = (await eventsOf(lab)).length;
  expect((await withoutLog(lab.tenant, deed)).status).toBe(503);
  expect(await state()).toBe(before);
  expect(await eventsOf(lab)).toHaveLength(events);
  expect((await deed()).status).toBe(done);
  expect(await state()).not.toBe(before);
  const added = (await eventsOf(lab)).slice(events).filter(({ kind, deed: of }) => [kind, of].includes(name));
  expect(added).toHaveLength(1);
  expect(added[0]?.outcome).toBe(0);
  expect(added[0]?.address).not.toBe('');
}

interface SignedIn {
  readonly person: Person;
  readonly browser: Browser;
  post(path: string, fields?: Readonly<Record<string, string>>): Promise<{ readonly status: number }>;
}

async function enter(browser: Browser, { username, password }: Person, code?: string): Promise<void> {
  const page = await browser.submit(await browser.go(`${issuer}/account`), [
    ['username', username],
    ['password', password],
  ]);
  if (code === undefined) return;
  await browser.submit(page, [
    ['factor', 'totp'],
    ['code', code],
  ]);
}

async function signedIn(factor = false): Promise<SignedIn> {
  const person = await makePerson(lab.tenant, { roles: ['patient'], fhirUser: 'Patient/p1' });
  const browser = makeBrowser();
  const show = factor ? await giveTotp(lab.tenant, person) : undefined;
  await enter(browser, person, show?.());
  const csrf = async (): Promise<string> =>
    /name="csrf" value="([^"]*)"/.exec((await browser.go(`${issuer}/account/password`)).text)?.[1] ?? '';
  const post: SignedIn['post'] = async (path, fields = {}) => {
    const body = new URLSearchParams({ csrf: await csrf(), ...fields }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return browser.go(`${issuer}/account/${path}`, { method: 'POST', headers, body });
  };
  return { person, browser, post };
}

async function stored(person: Person, kind: 'Session' | 'Grant'): Promise<string[]> {
  const rows = await sessionOf(testDatabase(), lab.tenant.id).query<{ id: string }>(sql`
    select case kind when 'Session' then uid else encode(id, 'hex') end as id from openid_state
    where tenant_id = ${lab.tenant.id} and account_id = ${person.id} and kind = ${kind}`);
  return rows.map(({ id }) => id);
}

describe('pages of an account', () => {
  test('a new password', async () => {
    const { person, post } = await signedIn();
    const next = 'a quite different river';
    await asOne(
      'account password',
      () => post('password', { current: person.password, password: next, again: next }),
      200,
    );
  });

  test('an app is withdrawn', async () => {
    const { person, post } = await signedIn();
    await signInTo(await makeApp(lab), person, { scope: 'launch/patient patient/Patient.r offline_access' });
    const [grant = ''] = await stored(person, 'Grant');
    await asOne('token-revoked', () => post('apps/revoke', { grant }), 200);
  });

  test.each(['sessions/end', 'sessions/end-others'])('%s', async (path) => {
    const { person, post } = await signedIn();
    const own = await stored(person, 'Session');
    await enter(makeBrowser(), person);
    const session = (await stored(person, 'Session')).find((id) => !own.includes(id)) ?? '';
    await asOne('sign-out', () => post(path, { session }), 200);
  });

  test('recovery codes, and a factor that is removed', async () => {
    const { person, post } = await signedIn(true);
    await asOne('account recovery-codes', () => post('recovery-codes'), 200);
    const [factor] = await readFactors(sessionOf(testDatabase(), lab.tenant.id), [person.id]);
    await asOne('account factor remove', () => post('factors/remove', { factor: factor?.id ?? '' }), 200);
  });

  test('the link of a reset', async () => {
    const person = await makePerson(lab.tenant);
    const made = { account: person.id, kind: 'reset', by: 'test', now: Date.now(), lifetime: 600_000 } as const;
    const ticket = await makeTicket(sessionOf(testDatabase(), lab.tenant.id), made);
    const password = 'seven small boats';
    const browser = makeBrowser();
    const accept = async (): Promise<{ status: number }> =>
      browser.submit(await browser.go(`${issuer}/account/reset/${ticket}`), [
        ['password', password],
        ['again', password],
      ]);
    await asOne('account reset', accept, 200);
  });
});

test('an app registers itself', async () => {
  const register = (): Promise<Response> =>
    fetch(`${issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Guest',
        redirect_uris: ['https://app.example.org/callback'],
        token_endpoint_auth_method: 'none',
      }),
    });
  await asOne('client-changed', register, 201);
});

test('app state', async () => {
  const person = await makePerson(lab.tenant, { roles: ['technician'], fhirUser: 'Practitioner/t1' });
  const { body } = await signInTo(await makeApp(lab), person, { scope: 'user/Basic.cuds' });
  const basic = (more: object): string =>
    JSON.stringify({
      resourceType: 'Basic',
      code: { coding: [{ system: 'https://app.example.org/prefs', code: 'display' }] },
      subject: { reference: `${lab.base}/Practitioner/t1` },
      extension: [{ url: 'https://app.example.org/prefs', valueString: '{}' }],
      ...more,
    });
  const ask = (method: string, path: string, sent: string | undefined, match = ''): Promise<Response> =>
    fetch(`${issuer}/app-state/${path}`, {
      method,
      headers: { authorization: `Bearer ${String(body['access_token'])}`, 'if-match': match },
      ...(sent !== undefined && { body: sent }),
    });
  let made: { id: string } | undefined;
  const create = async (): Promise<Response> => {
    const answer = await ask('POST', 'Basic', basic({}));
    if (answer.status === 201) made = (await answer.json()) as { id: string };
    return answer;
  };
  await asOne('app-state create', create, 201);
  const { id = '' } = made ?? {};
  await asOne('app-state update', () => ask('PUT', `Basic/${id}`, basic({ id, extension: [] }), 'W/"1"'), 200);
  await asOne('app-state delete', () => ask('DELETE', `Basic/${id}`, undefined, 'W/"2"'), 204);
});

describe('whichever statement fails, nothing is changed and nothing is told', () => {
  const event = { kind: 'user-changed', deed: 'account half' } as const;
  const told: LastDeed = (session) => announceWithin(session, event);
  const address = '192.0.2.7';

  interface Case {
    readonly account: Account;
    readonly person: Person;
    readonly shown: { readonly acr: string; readonly authTime: number };
  }

  const changes: Record<string, (one: Case) => Promise<(identity: Identity) => Promise<unknown>>> = {
    'a password':
      async ({ account, person }) =>
      (identity) =>
        changePassword(identity, lab.tenant, {
          account,
          current: person.password,
          next: 'nine small boats',
          address,
          told,
        }),
    'a link': async ({ account }) => {
      const made = { account: account.id, kind: 'reset', by: 'test', now: Date.now(), lifetime: 600_000 } as const;
      const ticket = await makeTicket(sessionOf(testDatabase(), lab.tenant.id), made);
      return (identity) =>
        acceptTicket(identity, lab.tenant, { ticket, kind: 'reset', password: 'ten small boats', told: () => told });
    },
    'recovery codes':
      async ({ account, shown }) =>
      (identity) =>
        newRecoveryCodes(identity, lab.tenant, account, { ...shown, told }),
    'a factor that is removed': async ({ account, person, shown }) => {
      await giveTotp(lab.tenant, person);
      const [factor] = await readFactors(sessionOf(testDatabase(), lab.tenant.id), [account.id]);
      return (identity) => removeFactor(identity, lab.tenant, account, { factor: factor?.id ?? '', shown, told });
    },
    'a factor that is added': async ({ account, shown }) => {
      const { secret } = await startTotp(testIdentity(), lab.tenant, account, { label: '', shown });
      return (identity) => {
        const code = generateSync({ secret, epoch: Math.floor(Date.now() / 1_000) });
        return confirmTotp(identity, lab.tenant, { account, address, code, told });
      };
    },
    'a passkey that is added': async ({ account, shown }) => {
      const [of, authenticator] = [new URL(issuer).origin, makeAuthenticator()];
      return async (identity) => {
        // A challenge is used up before the answer is looked at: each attempt has one of its own.
        const options = await startPasskeyEnrolment(testIdentity(), lab.tenant, account, { issuer, shown });
        const response = authenticator.create(options, of);
        return finishPasskeyEnrolment(identity, lab.tenant, account, { issuer, response, label: 'key', shown, told });
      };
    },
  };

  test.each(Object.keys(changes))('%s', async (name) => {
    const person = await makePerson(lab.tenant);
    const account = await accountById(testIdentity(), lab.tenant, person.id);
    if (account === undefined) throw new Error('There is no such account.');
    const shown = { acr: secondFactorAcr, authTime: Math.floor(Date.now() / 1_000) };
    const change = await changes[name]?.({ account, person, shown });
    const before = await state();
    const events = (await eventsOf(lab)).length;
    let cuts = 0;
    for (let n = 1; n < 30; n++) {
      const { database } = failing(n);
      const done = await change?.({ ...testIdentity(), database }).then(
        () => true,
        () => false,
      );
      if (done === true) break;
      cuts += 1;
      expect(await state()).toBe(before);
      expect(await eventsOf(lab)).toHaveLength(events);
    }
    expect(cuts).toBeGreaterThanOrEqual(2);
    expect(await state()).not.toBe(before);
    expect((await eventsOf(lab)).slice(events)).toEqual([expect.objectContaining(event)]);
  });
});
