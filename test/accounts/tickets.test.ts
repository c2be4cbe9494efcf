/** Invitations, links for a new password, changing the own password, and what ends when somebody leaves. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { disableUser, enableUser, resetUser, setUser, type Handed } from '../../src/accounts/users.ts';
import { authenticatePassword, rolesOfAccount } from '../../src/identity/accounts.ts';
import { changePassword } from '../../src/identity/change-password.ts';
import { acceptTicket, openTicket } from '../../src/identity/tickets.ts';
import {
  findAccountById,
  grantRole,
  rolesHeld,
  sessionOf,
  touchRoles,
  type Account,
} from '../../src/store/accounts.ts';
import { accessOfAccount, writeState } from '../../src/store/oidc.ts';
import { sql } from '../../src/store/sql.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase } from '../server.ts';
import { administering, identityAt, invite, makeUser, noon, password, someAddress } from './laboratory.ts';

const clock = { now: noon };
const identity = identityAt(clock);
const hour = 3_600_000;
const other = 'eight herons beside the lagoon';

let tenant: Tenant;
beforeEach(async () => {
  clock.now = noon;
  ({ tenant } = await makeLaboratory());
});

const administration = () => administering(tenant, clock.now);

function accept({ ticket, kind }: Pick<Handed, 'ticket' | 'kind'>, chosen = password, at = tenant) {
  return acceptTicket(identity, at, { ticket, kind, password: chosen });
}

function signIn(username: string, tried: string) {
  return authenticatePassword(identity, tenant, { username, password: tried, address: someAddress() });
}

/** As the provider would after a sign-in: a session and a grant with a token. */
async function access({ id: accountId }: Account, name: string): Promise<void> {
  const state = { payload: '{}', accountId, expiresIn: 3_600 };
  await writeState(testDatabase(), tenant.id, { kind: 'Session', id: `s-${name}` }, { ...state, uid: `u-${name}` });
  await writeState(testDatabase(), tenant.id, { kind: 'Grant', id: `g-${name}` }, state);
  const token = { ...state, grantId: `g-${name}`, sessionUid: `u-${name}` };
  await writeState(testDatabase(), tenant.id, { kind: 'AccessToken', id: `t-${name}` }, token);
}

async function openidRows(): Promise<number> {
  return (await testDatabase().query(tenant.id, sql`select kind from openid_state where tenant_id = ${tenant.id}`))
    .length;
}

describe('invitations', () => {
  test('shown to greet, used once, then active; the ticket is nowhere in the clear', async () => {
    const handed = await invite(tenant, { username: 'amal', display: 'Amal' }, clock.now);
    expect(handed.kind).toBe('invitation');
    expect(await openTicket(identity, tenant, handed)).toMatchObject({
      account: { display: 'Amal', status: 'invited' },
    });
    expect(await openTicket(identity, tenant, handed)).toMatchObject({
      expires: new Date(noon + 72 * hour).toISOString(),
    });
    const rows = await testDatabase().query<{ text: string }>(
      tenant.id,
      sql`select t::text as text from account_ticket t where tenant_id = ${tenant.id}`,
    );
    expect(rows.map(({ text }) => text.includes(handed.ticket))).toEqual([false]);
    expect(await accept(handed)).toMatchObject({ account: { username: 'amal', status: 'active' } });
    expect(await accept(handed, other)).toEqual({ refused: 'ticket' });
    expect(await signIn('amal', password)).toHaveProperty('account');
  });

  test('a refused password does not use the ticket up', async () => {
    const handed = await invite(tenant, { username: 'amal.haddad' }, clock.now);
    expect(await accept(handed, 'short')).toEqual({ refused: 'password', problem: 'short' });
    expect(await accept(handed, 'amal.haddad herons')).toEqual({ refused: 'password', problem: 'name' });
    expect(await accept(handed)).toHaveProperty('account');
  });

  test('of two who use it at once one sets the password', async () => {
    const handed = await invite(tenant, { username: 'amal' }, clock.now);
    const answers = await Promise.all([accept(handed, password), accept(handed, other)]);
    expect(answers.filter((answer) => 'account' in answer)).toHaveLength(1);
    const chosen = 'account' in (answers[0] ?? {}) ? password : other;
    expect(await signIn('amal', chosen)).toHaveProperty('account');
  });

  test('unknown, used, replaced, expired, of a disabled user, of another kind, of another laboratory: all look the same', async () => {
    const nothing = { refused: 'ticket' };
    const handed = await invite(tenant, { username: 'amal' }, clock.now);
    const elsewhere = await makeLaboratory();
    expect(await accept(handed, password, elsewhere.tenant)).toEqual(nothing);
    expect(await accept({ ...handed, kind: 'reset' })).toEqual(nothing);
    for (const ticket of [
      '',
      'x',
      `${handed.ticket}x`,
      handed.ticket.slice(1),
      'A'.repeat(43),
      "' or true --",
      '\0'.repeat(43),
    ]) {
      expect(await accept({ ticket, kind: 'invitation' })).toEqual(nothing);
      expect(await openTicket(identity, tenant, { ticket, kind: 'invitation' })).toBeUndefined();
    }
    const renewed = await resetUser(administration(), 'amal', { factors: false });
    expect(renewed.kind).toBe('invitation');
    expect(await accept(handed)).toEqual(nothing);
    clock.now += 72 * hour;
    expect(await accept(renewed)).toEqual(nothing);
    const third = await resetUser(administration(), 'amal', { factors: false });
    await disableUser(administration(), 'amal');
    expect(await accept(third)).toEqual(nothing);
    await enableUser(administration(), 'amal');
    expect(await accept(third)).toEqual(nothing);
    clock.now += 1;
    expect(await accept(await resetUser(administration(), 'amal', { factors: false }))).toHaveProperty('account');
  });
});

describe('a new password', () => {
  test('by a link for 24 hours: ends the lock-out, all sessions and what applications were granted', async () => {
    const account = await makeUser(tenant, { username: 'amal' });
    await access(account, 'a');
    const handed = await resetUser(administration(), 'amal', { factors: false });
    expect([handed.kind, handed.expires]).toEqual(['reset', new Date(noon + 24 * hour).toISOString()]);
    expect(await accept({ ...handed, kind: 'invitation' })).toEqual({ refused: 'ticket' });
    expect(await openidRows()).toBe(3);
    expect(await accept(handed, other)).toHaveProperty('account');
    expect([
      await openidRows(),
      'account' in (await signIn('amal', password)),
      'account' in (await signIn('amal', other)),
    ]).toEqual([0, false, true]);
  });

  test('by the person: the old one is asked for and counted, the own session stays', async () => {
    const account = await makeUser(tenant, { username: 'amal' });
    await Promise.all([access(account, `here-${tenant.id}`), access(account, `there-${tenant.id}`)]);
    const change = (current: string, next: string) =>
      changePassword(identity, tenant, {
        account,
        current,
        next,
        address: someAddress(),
        session: `u-here-${tenant.id}`,
      });
    expect(await change('not this one at all', other)).toEqual({ refused: 'credentials' });
    expect(await change(password, 'short')).toEqual({ changed: false, problem: 'short' });
    expect(await change(password, password)).toEqual({ changed: false, problem: 'common' });
    expect(await openidRows()).toBe(6);
    const [unused] = [await resetUser(administration(), 'amal', { factors: false })];
    expect(await change(password, other)).toEqual({ changed: true });
    const left = await accessOfAccount(sessionOf(testDatabase(), tenant.id), account.id);
    expect(left.map(({ kind, id }) => [kind, id])).toEqual([['Session', `u-here-${tenant.id}`]]);
    expect(await accept(unused)).toEqual({ refused: 'ticket' });
    for (let i = 0; i < 5; i++) await change('not this one at all', other);
    expect(await change(other, password)).toMatchObject({ refused: 'locked', retryAfter: 30 });
  });
});

describe('leaving', () => {
  test('disabling ends sessions, grants, tokens and links at once, and only of this user', async () => {
    const [leaver, stays] = [
      await makeUser(tenant, { username: 'leaver' }),
      await makeUser(tenant, { username: 'stays' }),
    ];
    await access(leaver, `l-${tenant.id}`);
    await access(stays, `s-${tenant.id}`);
    await disableUser(administration(), 'leaver');
    expect(await openidRows()).toBe(3);
    expect(await accessOfAccount(sessionOf(testDatabase(), tenant.id), stays.id)).toHaveLength(2);
    const account = await findAccountById(sessionOf(testDatabase(), tenant.id), leaver.id);
    expect(account).toMatchObject({ status: 'disabled', disabled: new Date(noon).toISOString() });
  });

  test('who becomes another person keeps nothing that was granted before; other changes end nothing', async () => {
    const account = await makeUser(tenant, { username: 'amal', fhirUser: 'Practitioner/1' });
    await access(account, `p-${tenant.id}`);
    await setUser(administration(), 'amal', { display: 'Amal', roles: ['reception'], fhirUser: 'Practitioner/1' });
    expect(await openidRows()).toBe(3);
    await setUser(administration(), 'amal', { fhirUser: null });
    expect(await openidRows()).toBe(0);
  });

  test('roles are taken at once; one that the laboratory no longer understands grants nothing', async () => {
    const account = await makeUser(tenant, { username: 'amal', roles: ['technician', 'reception'] });
    const names = async (): Promise<string[]> =>
      (await rolesOfAccount(identity, tenant, account.id)).map(({ name }) => name);
    expect(await names()).toEqual(['reception', 'technician']);
    await setUser(administration(), 'amal', { roles: ['reception'] });
    expect(await names()).toEqual(['reception']);
    await grantRole(sessionOf(testDatabase(), tenant.id), account.id, { role: 'gone', by: 'x', now: noon });
    expect(await names()).toEqual(['reception']);
  });

  test('when a role was last used is written once a minute', async () => {
    const { id } = await makeUser(tenant, { username: 'amal', roles: ['reception'] });
    const session = sessionOf(testDatabase(), tenant.id);
    const version = async (): Promise<unknown> =>
      (
        await session.query<{ xmin: string }>(sql`select xmin::text from account_role where tenant_id = ${tenant.id}`)
      )[0]?.xmin;
    await touchRoles(session, id, noon);
    const first = await version();
    await touchRoles(session, id, noon + 40_000);
    expect(await version()).toBe(first);
    await touchRoles(session, id, noon + 60_000);
    expect(await version()).not.toBe(first);
    expect((await rolesHeld(session, [id])).get(id)?.[0]?.lastUsed).toBe('2026-05-05T12:01:00.000Z');
    await touchRoles(session, id, noon - 60_000);
    expect((await rolesHeld(session, [id])).get(id)?.[0]?.lastUsed).toBe('2026-05-05T12:01:00.000Z');
  });
});
