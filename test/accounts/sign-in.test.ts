/** Signing in by name and password: who gets in, who is told what, and how often one may try. */
import { describe, expect, test } from '@jest/globals';
import { disableUser, resetUser } from '../../src/accounts/users.ts';
import { authenticatePassword, type SignIn } from '../../src/identity/accounts.ts';
import { beginTry } from '../../src/identity/lock-out.ts';
import { hashPassword, isOutdated, verifyPassword } from '../../src/identity/password.ts';
import { makeTurns } from '../../src/identity/turns.ts';
import { findAccountById, readPassword, replaceHash, sessionOf } from '../../src/store/accounts.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase } from '../server.ts';
import { administering, identityAt, invite, makeUser, noon, password, someAddress } from './laboratory.ts';

const clock = { now: noon };
const identity = identityAt(clock);
const wrong = 'seven herons over the harbour';

/** A try that fails, without the work of a hash: it was counted before anything was looked at. */
async function failure(tenant: Tenant, username = 'amal', address = someAddress()): Promise<number | undefined> {
  return beginTry(identity, tenant, { username, address });
}

function attempt(tenant: Tenant, username: string, tried: string, address = someAddress()): Promise<SignIn> {
  return authenticatePassword(identity, tenant, { username, password: tried, address });
}

describe('who gets in', () => {
  test('the name counts in any spelling of the same letters, the password in any form of Unicode', async () => {
    const { tenant } = await makeLaboratory();
    const account = await makeUser(tenant, { username: 'Émilie.Haddad' });
    expect(account.username).toBe('émilie.haddad');
    for (const username of ['émilie.haddad', ' ÉMILIE.HADDAD ', 'émilie.haddad'.normalize('NFD')]) {
      expect(await attempt(tenant, username, password)).toMatchObject({ account: { id: account.id } });
    }
    const accented = 'sept hérons sur la lagune';
    const hash = await hashPassword(identity, tenant, accented.normalize('NFC'));
    expect(await verifyPassword(identity, tenant, { password: accented.normalize('NFD'), hash })).toBe(true);
  });

  test('who is unknown, invited, or wrong is told the same; who is disabled learns it with the right password only', async () => {
    const { tenant } = await makeLaboratory();
    await invite(tenant, { username: 'invited' });
    await makeUser(tenant, { username: 'leaver' });
    await makeUser(tenant, { username: 'amal' });
    await disableUser(administering(tenant, noon), 'leaver');
    const cases: [string, string, unknown][] = [
      ['nobody', password, { refused: 'credentials' }],
      ['', password, { refused: 'credentials' }],
      ['x'.repeat(10_000), password, { refused: 'credentials' }],
      ['amal\0', password, { refused: 'credentials' }],
      ['\ud800', password, { refused: 'credentials' }],
      ["amal' or '1'='1", password, { refused: 'credentials' }],
      ['invited', password, { refused: 'credentials' }],
      ['amal', wrong, { refused: 'credentials' }],
      ['amal', '', { refused: 'credentials' }],
      ['amal', 'x'.repeat(100_000), { refused: 'credentials' }],
      ['amal', `${password}\0`, { refused: 'credentials' }],
      ['leaver', wrong, { refused: 'credentials' }],
      ['leaver', password, { refused: 'disabled' }],
    ];
    for (const [username, tried, answer] of cases)
      expect([username, await attempt(tenant, username, tried)]).toEqual([username, answer]);
  });

  test('an unknown name costs the same work as a wrong password', async () => {
    const { tenant } = await makeLaboratory();
    await makeUser(tenant, { username: 'amal' });
    const median = async (username: () => string): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        const begun = process.cpuUsage();
        await attempt(tenant, username(), wrong);
        const { user, system } = process.cpuUsage(begun);
        times.push(user + system);
        clock.now += 3_600_000;
      }
      return times.sort((a, b) => a - b)[1] ?? 0;
    };
    // Without the work it would be a hundredth; the processor time is that of all threads, and varies.
    const known = await median(() => 'amal');
    let n = 0;
    const unknown = await median(() => `nobody${(n += 1)}`);
    expect(unknown / known).toBeGreaterThan(1 / 3);
    expect(unknown / known).toBeLessThan(3);
  });

  test('two laboratories with the same name of a user: each has its own password and its own lock', async () => {
    const [one, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
    const account = await makeUser(one.tenant, { username: 'amal' });
    await invite(other.tenant, { username: 'amal' });
    expect(await attempt(other.tenant, 'amal', password)).toEqual({ refused: 'credentials' });
    for (let i = 0; i < 5; i++) await failure(other.tenant);
    expect(await attempt(other.tenant, 'amal', wrong)).toMatchObject({ refused: 'locked' });
    expect(await attempt(one.tenant, 'amal', password)).toMatchObject({ account: { id: account.id } });
  });

  test('a hash of other parameters is made anew at the next sign-in, and is still the same password', async () => {
    const { tenant } = await makeLaboratory();
    const { id } = await makeUser(tenant, { username: 'amal' });
    const session = sessionOf(testDatabase(), tenant.id);
    const { hash: from = '' } = (await readPassword(session, 'amal')) ?? {};
    // argon2id of the same password with 8 MiB and one pass.
    const { argon2Sync } = await import('node:crypto');
    const nonce = Buffer.alloc(16, 7);
    const tag = argon2Sync('argon2id', {
      message: password,
      nonce,
      parallelism: 1,
      tagLength: 32,
      memory: 8192,
      passes: 1,
    });
    const text = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
    const old = `$argon2id$v=19$m=8192,t=1,p=1$${text(nonce)}$${text(tag)}`;
    await replaceHash(session, id, { from, to: old });
    expect(await attempt(tenant, 'amal', wrong)).toEqual({ refused: 'credentials' });
    expect((await readPassword(session, 'amal'))?.hash).toBe(old);
    expect(await attempt(tenant, 'amal', password)).toMatchObject({ account: { id } });
    const { hash: made = '' } = (await readPassword(session, 'amal')) ?? {};
    expect([isOutdated(old), isOutdated(made)]).toEqual([true, false]);
    expect(await attempt(tenant, 'amal', password)).toMatchObject({ account: { id } });
  });

  test('the last sign-in is noted', async () => {
    const { tenant } = await makeLaboratory();
    const { id } = await makeUser(tenant, { username: 'amal' });
    await attempt(tenant, 'amal', password);
    const account = await findAccountById(sessionOf(testDatabase(), tenant.id), id);
    expect(account?.lastSignIn).toBe(new Date(clock.now).toISOString());
  });
});

describe('lock-out', () => {
  test('five tries, then waits that double up to an hour; the right password does not open a lock; success does', async () => {
    const { tenant } = await makeLaboratory();
    await makeUser(tenant, { username: 'amal' });
    for (let i = 0; i < 5; i++) expect(await failure(tenant)).toBeUndefined();
    for (const wait of [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]) {
      expect(await attempt(tenant, 'amal', password)).toEqual({ refused: 'locked', retryAfter: wait });
      clock.now += wait * 1_000 - 1;
      expect(await attempt(tenant, 'amal', password)).toEqual({ refused: 'locked', retryAfter: 1 });
      clock.now += 1;
      expect(await failure(tenant)).toBeUndefined();
    }
    clock.now += 3_600_000;
    expect(await attempt(tenant, 'amal', password)).toHaveProperty('account');
    for (let i = 0; i < 5; i++) expect(await failure(tenant)).toBeUndefined();
    expect(await failure(tenant)).toBe(30);
  });

  test('a name that does not exist is locked in the same way', async () => {
    const { tenant } = await makeLaboratory();
    expect(await attempt(tenant, 'nobody', wrong)).toEqual({ refused: 'credentials' });
    for (let i = 0; i < 4; i++) expect(await failure(tenant, 'nobody')).toBeUndefined();
    expect(await attempt(tenant, 'nobody', wrong)).toEqual({ refused: 'locked', retryAfter: 30 });
  });

  test('after a hundred failures only an administrator helps', async () => {
    const { tenant } = await makeLaboratory();
    await makeUser(tenant, { username: 'amal' });
    for (let i = 0; i < 100; i++) {
      expect(await failure(tenant)).toBeUndefined();
      clock.now += 3_600_000;
    }
    clock.now += 365 * 86_400_000;
    expect(await attempt(tenant, 'amal', password)).toEqual({ refused: 'locked' });
    const administration = administering(tenant, clock.now);
    await resetUser(administration, 'amal', { factors: false });
    expect(await attempt(tenant, 'amal', password)).toHaveProperty('account');
  });

  test('an address that tries many names is slowed down; one success does not clear it, an hour does', async () => {
    const { tenant } = await makeLaboratory();
    await makeUser(tenant, { username: 'amal' });
    const address = someAddress();
    const sameNetwork = address.replace(/::.*/, ':9:9:9:9');
    for (let i = 0; i < 49; i++) expect(await failure(tenant, `n${i}`, address)).toBeUndefined();
    expect(await attempt(tenant, 'amal', password, address)).toHaveProperty('account');
    expect(await failure(tenant, 'n49', address)).toBeUndefined();
    expect(await attempt(tenant, 'amal', password, address)).toEqual({ refused: 'locked', retryAfter: 10 });
    expect(await attempt(tenant, 'amal', password, sameNetwork)).toEqual({ refused: 'locked', retryAfter: 10 });
    expect(await attempt(tenant, 'amal', password, someAddress())).toHaveProperty('account');
    clock.now += 3_600_000;
    for (let i = 0; i < 12; i++) expect(await failure(tenant, `m${i}`, address)).toBeUndefined();
  });

  test.each([1, 2, 3])('forty tries at once let five through, whatever the processes (%d)', async () => {
    const { tenant } = await makeLaboratory();
    await makeUser(tenant, { username: 'amal' });
    // Two identities: what two processes have in common is the database only.
    const both = [identity, identityAt(clock)];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => {
        const asked = { username: 'amal', password: wrong, address: someAddress() };
        return authenticatePassword(both[i % 2] ?? identity, tenant, asked);
      }),
    );
    const refused = Map.groupBy(answers, (answer) => ('refused' in answer ? answer.refused : 'in'));
    expect([refused.get('credentials')?.length, refused.get('locked')?.length]).toEqual([5, 35]);
  });

  test('a try that nothing came of is not counted', async () => {
    const { tenant } = await makeLaboratory();
    const refusing = { ...identity, hashing: makeTurns({ atOnce: 0, mostWaiting: 0 }) };
    for (let i = 0; i < 10; i++) {
      const asked = { username: 'amal', password, address: '192.0.2.7' };
      await expect(authenticatePassword(refusing, tenant, asked)).rejects.toMatchObject({
        issues: [{ code: 'throttled' }],
      });
    }
    for (let i = 0; i < 5; i++) expect(await failure(tenant)).toBeUndefined();
    expect(await failure(tenant)).toBe(30);
  });

  test('of many right tries at once all that are let through succeed, and the count is right after them', async () => {
    const { tenant } = await makeLaboratory();
    await makeUser(tenant, { username: 'amal' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => attempt(tenant, 'amal', password)));
    expect(answers.every((answer) => 'account' in answer)).toBe(true);
    for (let i = 0; i < 5; i++) expect(await failure(tenant)).toBeUndefined();
    expect(await failure(tenant)).toBe(30);
  });
});

describe('turns', () => {
  test('never more than so many at once, tenant by tenant, and no endless queue', async () => {
    const turns = makeTurns({ atOnce: 2, mostWaiting: 3 });
    let working = 0;
    let most = 0;
    const order: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      most = Math.max(most, (working += 1));
      order.push(name);
      await new Promise((done) => setTimeout(done, 5));
      working -= 1;
      if (name.includes('bad')) throw new Error(name);
    };
    const asked = [1, 1, 1, 1, 1, 2].map((tenant, i) => turns.take(tenant, work(`${tenant}${i === 1 ? 'bad' : ''}`)));
    await expect(turns.take(1, work('1'))).rejects.toMatchObject({ issues: [{ code: 'throttled' }] });
    const settled = await Promise.allSettled(asked);
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(most).toBe(2);
    expect(order.slice(0, 4)).toEqual(['1', '1bad', '1', '2']);
    await turns.take(3, work('3'));
  });
});
