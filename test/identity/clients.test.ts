/** What clients may do that is not the usual: see others' tokens, skip the question, be swept away. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from '../../src/store/sql.ts';
import { retireReplacedKeys, signingKeyIds } from '../../src/store/signing-keys.ts';
import { deleteExpired } from '../../src/store/oidc.ts';
import { grantRole, sessionOf } from '../../src/store/accounts.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import {
  authorizationUrl,
  authorize,
  makeApp,
  makeBrowser,
  makePerson,
  signInTo,
  type App,
  type Person,
} from './app.ts';

let lab: Laboratory;
let app: App;
let person: Person;

beforeAll(async () => {
  lab = await makeLaboratory();
  app = await makeApp(lab);
  person = await makePerson(lab.tenant, { roles: ['technician'] });
});

async function introspect(as: App, token: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  const fields: Record<string, string> = { token: String(token) };
  if (as.secret === undefined) fields['client_id'] = as.clientId;
  else headers['authorization'] = `Basic ${Buffer.from(`${as.clientId}:${as.secret}`).toString('base64')}`;
  const body = new URLSearchParams(fields).toString();
  const answer = await fetch(`${as.issuer}/token/introspection`, { method: 'POST', headers, body });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describe('introspection', () => {
  test('of a token of one’s own, or with the scope for it; otherwise it tells nothing', async () => {
    const { body } = await signInTo(app, person, { scope: 'user/Patient.rs' });
    const scopes = 'user/Patient.rs introspection';
    const server = await makeApp(lab, { kind: 'confidential', scopes });
    const other = await makeApp(lab, { kind: 'confidential' });
    const open = await makeApp(lab, { scopes });
    const seen = async (as: App) => (await introspect(as, body['access_token'])).body['active'];
    expect([await seen(app), await seen(server), await seen(other), await seen(open)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const unknown = await makeApp(await makeLaboratory(), { kind: 'confidential', scopes });
    expect(await seen(unknown)).toBe(false);
  });
});

describe('a trusted client', () => {
  test('gets what it asks for without a question, and no more than the person may', async () => {
    const trusted = await makeApp(lab, { trusted: true });
    const browser = makeBrowser();
    const first = await browser.go(authorizationUrl(trusted, { scope: 'user/Patient.rs user/AuditEvent.rs' }));
    const left = await browser.submit(first, [
      ['username', person.username],
      ['password', person.password],
    ]);
    expect(left.leftTo?.searchParams.get('code')).toBeTruthy();
    const { body } = await signInTo(trusted, person, { scope: 'user/Patient.rs user/AuditEvent.rs' });
    expect(body['scope']).toBe('user/Patient.rs');
  });
});

describe('a second factor that is asked for', () => {
  test('is not skipped by a session that has none', async () => {
    const browser = makeBrowser();
    await authorize(app, person, { scope: 'user/Patient.rs', browser });
    const parameters = { acr_values: 'urn:makhbar:acr:second-factor' };
    const page = await browser.go(authorizationUrl(app, { scope: 'openid user/Patient.rs', parameters }));
    expect(page.text).toMatch(/name="password"/);
  });

  test('nor by one from before the person was given a role that demands it', async () => {
    const promoted = await makePerson(lab.tenant, { roles: ['technician'] });
    const browser = makeBrowser();
    const scope = 'user/Patient.rs';
    expect((await authorize(app, promoted, { scope, browser })).leftTo).toBeDefined();
    const granted = { role: 'administrator', by: 'test', now: Date.now() };
    await grantRole(sessionOf(testDatabase(), lab.tenant.id), promoted.id, granted);
    expect((await browser.go(authorizationUrl(app, { scope }))).text).toMatch(/name="password"/);
  });

  test('max_age asks for the password anew', async () => {
    const browser = makeBrowser();
    await authorize(app, person, { scope: 'user/Patient.rs', browser });
    const again = await browser.go(
      authorizationUrl(app, { scope: 'openid user/Patient.rs', parameters: { max_age: '0' } }),
    );
    expect(again.text).toMatch(/name="password"/);
  });
});

describe('the sweep', () => {
  test('deletes what expired an hour ago, and nothing else', async () => {
    const { body } = await signInTo(app, person, { scope: 'user/Patient.rs offline_access' });
    const session = sessionOf(testDatabase(), lab.tenant.id);
    const count = async (): Promise<number> =>
      (await session.query<{ count: number }>(sql`select count(*)::int4 as count from openid_state`))[0]?.count ?? 0;
    const before = await count();
    expect(await deleteExpired(session, 1_000)).toBe(0);
    await session.query(sql`update openid_state set expires = clock_timestamp() - interval '2 hours'
      where tenant_id = ${lab.tenant.id} and kind = 'AuthorizationCode'`);
    const deleted = await deleteExpired(session, 1_000);
    expect(deleted).toBeGreaterThan(0);
    expect(await count()).toBe(before - deleted);
    expect((await introspect(app, body['refresh_token'])).body['active']).toBe(true);
  });

  test('retires a key two hours after another took its place', async () => {
    const other = (await makeLaboratory()).tenant.id;
    const session = sessionOf(testDatabase(), other);
    const ids = ['a', 'b', 'c'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`);
    const [oldest, older, newest] = ids;
    for (const [id, hours] of [
      [oldest, 10],
      [older, 3],
      [newest, 1],
    ] as const) {
      await session.query(sql`insert into signing_key
          (tenant_id, key_id, algorithm, public_jwk, wrapped, wrapped_by, created)
        values (${other}, ${id}, 'ES384', '{}', 'x', 'x', clock_timestamp() - make_interval(hours => ${hours}))`);
    }
    expect(await retireReplacedKeys(session)).toBe(1);
    expect(await signingKeyIds(testDatabase(), other, ['ES384'])).toBe(`${newest} ${older}`);
  });
});
