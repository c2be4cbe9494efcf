/** Second factors: one-time codes, passkeys, recovery codes; who may change them, and how often one may try. */
import { randomBytes, randomUUID } from 'node:crypto';
import { generateSync } from 'otplib';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Authentication } from '../../src/access/authentication.ts';
import { factorsOf, needsSecondFactor, removeFactor, type Shown } from '../../src/identity/factors.ts';
import {
  finishPasskeyEnrolment,
  finishPasskeyVerification,
  startPasskeyEnrolment,
  startPasskeyVerification,
} from '../../src/identity/passkeys.ts';
import { newRecoveryCodes, useRecoveryCode } from '../../src/identity/recovery-codes.ts';
import { confirmTotp, startTotp, verifyTotp } from '../../src/identity/totp.ts';
import { disableUser, resetUser } from '../../src/accounts/users.ts';
import { findAccountById, sessionOf, type Account } from '../../src/store/accounts.ts';
import { insertPasskey } from '../../src/store/factors.ts';
import { sql } from '../../src/store/sql.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase } from '../server.ts';
import { makeAuthenticator, type Authenticator, type Spoilt } from './authenticator.ts';
import { administering, identityAt, makeUser, noon, someAddress } from './laboratory.ts';

const clock = { now: noon };
const identity = identityAt(clock);
const issuer = 'https://lab.example/tunis';
const origin = 'https://lab.example';
const label = 'phone';

let tenant: Tenant;
let account: Account;
beforeEach(async () => {
  clock.now = noon;
  ({ tenant } = await makeLaboratory());
  account = await makeUser(tenant, { username: 'amal', roles: ['technician'] });
});

const byPassword = (age = 0): Authentication => ({
  acr: 'urn:makhbar:acr:password',
  authTime: clock.now / 1_000 - age,
});
const byFactor = (age = 0): Authentication => ({
  acr: 'urn:makhbar:acr:second-factor',
  authTime: clock.now / 1_000 - age,
});

function codeOf(secret: string, offset = 0): string {
  return generateSync({ secret, epoch: Math.floor(clock.now / 1_000) + offset });
}

const wrong: Shown = { verified: false, refused: 'wrong' };

function showCode(code: string, of = account): Promise<Shown> {
  return verifyTotp(identity, tenant, { account: of, address: someAddress(), code });
}

/** A one-time code that works; the clock goes on to the next step. */
async function enrolledTotp(of = account): Promise<string> {
  const { secret } = await startTotp(identity, tenant, of, { label, shown: byPassword() });
  const shown = await confirmTotp(identity, tenant, { account: of, address: someAddress(), code: codeOf(secret) });
  expect(shown).toEqual({ verified: true });
  clock.now += 30_000;
  return secret;
}

describe('one-time codes', () => {
  test('count once the first code has confirmed them; the secret is nowhere in the clear', async () => {
    const visit = { label, shown: byPassword(), visit: 'one' };
    const { secret, uri } = await startTotp(identity, tenant, account, visit);
    expect(uri).toBe(`otpauth://totp/${tenant.name}:amal?secret=${secret}&issuer=${tenant.name}`);
    expect(await startTotp(identity, tenant, account, visit)).toEqual({ secret, uri });
    expect((await factorsOf(identity, tenant, account.id)).factors).toEqual([]);
    expect(await showCode(codeOf(secret))).toEqual(wrong);
    expect(await confirmTotp(identity, tenant, { account, address: someAddress(), code: '000000' })).toEqual(wrong);
    expect(await confirmTotp(identity, tenant, { account, address: someAddress(), code: codeOf(secret) })).toEqual({
      verified: true,
    });
    expect((await factorsOf(identity, tenant, account.id)).factors).toEqual([
      expect.objectContaining({ kind: 'totp', label }),
    ]);
    const rows = await testDatabase().query<{ secret: Buffer }>(
      tenant.id,
      sql`select secret from account_factor where tenant_id = ${tenant.id}`,
    );
    expect(rows.map((row) => row.secret.includes(secret))).toEqual([false]);
  });

  test('a visit shows one secret however often it is loaded; another visit, and what comes after, get their own', async () => {
    const start = (visit: string): Promise<string> =>
      startTotp(identity, tenant, account, { label, shown: byPassword(), visit }).then(({ secret }) => secret);
    const [first, second] = await Promise.all([start('mine'), start('mine')]);
    expect(second).toBe(first);
    const other = await start('of somebody else with the password');
    expect(other).not.toBe(first);
    const again = await start('mine');
    expect([first, other]).not.toContain(again);
    expect(await confirmTotp(identity, tenant, { account, address: someAddress(), code: codeOf(other) })).toEqual(
      wrong,
    );
    expect(await confirmTotp(identity, tenant, { account, address: someAddress(), code: codeOf(again) })).toEqual({
      verified: true,
    });
  });

  test('a name of any characters is kept as what can be shown', async () => {
    await startTotp(identity, tenant, account, { label: ' my\0\nphone 📱 ', shown: byPassword() });
    const [row] = await testDatabase().query<{ label: string }>(
      tenant.id,
      sql`select label from account_factor where tenant_id = ${tenant.id}`,
    );
    expect(row?.label).toBe('my  phone 📱');
  });

  test('a step before and a step after are taken, no other', async () => {
    const secret = await enrolledTotp();
    for (const [offset, good] of [
      [-60, false],
      [60, false],
      [-30, false],
      [0, true],
      [30, true],
    ] as const) {
      expect([offset, (await showCode(codeOf(secret, offset))).verified]).toEqual([offset, good]);
    }
    // The step before was used for the enrolment; the one before this has not been.
    clock.now += 90_000;
    expect(await showCode(codeOf(secret, -30))).toEqual({ verified: true });
  });

  test('a code is good once, also for tries at once, and none before the last', async () => {
    const secret = await enrolledTotp();
    clock.now += 60_000;
    const code = codeOf(secret);
    const shown = await Promise.all([1, 2, 3, 4].map(() => showCode(code)));
    expect(shown.filter(({ verified }) => verified)).toHaveLength(1);
    expect(await showCode(codeOf(secret, -30))).toEqual(wrong);
    expect(await showCode(codeOf(secret, 30))).toEqual({ verified: true });
  });

  test('spaces and the digits of an Arabic keyboard are the same code', async () => {
    const secret = await enrolledTotp();
    const arabic = [...codeOf(secret)].map((digit) => String.fromCharCode(0x0660 + Number(digit))).join('');
    expect(await showCode(`${arabic.slice(0, 3)} ${arabic.slice(3)}`)).toEqual({ verified: true });
  });

  test.each(['', '12345', '1234567', 'abcdef', '-12345', '12345\n6789', '1e5000', '９９９９９９', '0'.repeat(100_000)])(
    '%j is no code',
    async (code) => {
      await enrolledTotp();
      expect(await showCode(code)).toEqual(wrong);
    },
  );

  test('five tries at once, then waits; another way in counts as the same', async () => {
    const secret = await enrolledTotp();
    const shown = await Promise.all(Array.from({ length: 20 }, (_, i) => showCode(String(100_000 + i))));
    expect(shown.filter((one) => !one.verified && one.refused === 'wrong')).toHaveLength(5);
    const locked = { verified: false, refused: 'locked', retryAfter: 30 };
    expect(await showCode(codeOf(secret))).toEqual(locked);
    expect(await useRecoveryCode(identity, tenant, { account, address: someAddress(), code: 'x' })).toEqual(locked);
    clock.now += 30_000;
    expect(await showCode(codeOf(secret))).toEqual({ verified: true });
  });

  test('the secret of one account opens no other, nor at another laboratory with the same name of a user', async () => {
    const secret = await enrolledTotp();
    const other = await makeUser(tenant, { username: 'omar' });
    const move = (to: Tenant, id: string): Promise<unknown> =>
      testDatabase().query(
        to.id,
        sql`insert into account_factor (tenant_id, account_id, factor_id, kind, label, secret, key_id, step, created, confirmed)
        values (${to.id}, ${id}, ${stolen?.factor_id}, 'totp', 'x', ${stolen?.secret}, ${stolen?.key_id}, 0, now(), now())`,
      );
    const [stolen] = await testDatabase().query<{ factor_id: string; secret: Buffer; key_id: string }>(
      tenant.id,
      sql`select factor_id, secret, key_id from account_factor where tenant_id = ${tenant.id}`,
    );
    await move(tenant, other.id);
    await expect(showCode(codeOf(secret), other)).rejects.toThrow(/does not open/);
    const elsewhere = await makeLaboratory();
    const twin = await makeUser(elsewhere.tenant, { username: 'amal' });
    expect(
      await verifyTotp(identity, elsewhere.tenant, { account: twin, address: someAddress(), code: codeOf(secret) }),
    ).toEqual(wrong);
  });

  test('a disabled account shows nothing any more', async () => {
    const secret = await enrolledTotp();
    await disableUser(administering(tenant, clock.now), 'amal');
    const disabled = (await findAccountById(sessionOf(testDatabase(), tenant.id), account.id)) ?? account;
    expect(await showCode(codeOf(secret), disabled)).toEqual(wrong);
  });
});

describe('passkeys', () => {
  async function enrol(authenticator: Authenticator, spoilt?: Spoilt, at = origin): Promise<boolean> {
    const options = await startPasskeyEnrolment(identity, tenant, account, { issuer, shown: byFactorOrPassword });
    return finishPasskeyEnrolment(identity, tenant, account, {
      issuer,
      label: 'key',
      shown: byFactorOrPassword,
      response: authenticator.create(options, at, spoilt),
    });
  }
  let byFactorOrPassword: Authentication;
  beforeEach(() => {
    byFactorOrPassword = byPassword();
  });

  async function asked(): Promise<{ challenge: string; rpId?: string }> {
    const options = await startPasskeyVerification(identity, tenant, account, issuer);
    if (options === undefined) throw new Error('There is no passkey.');
    return options;
  }
  const show = (response: string, at = issuer): Promise<Shown> =>
    finishPasskeyVerification(identity, tenant, { account, address: someAddress(), issuer: at, response });

  test('enrolled, used again and again; two keys of an account; the same key not twice', async () => {
    const [one, two] = [makeAuthenticator(), makeAuthenticator()];
    expect(await startPasskeyVerification(identity, tenant, account, issuer)).toBeUndefined();
    expect(await enrol(one)).toBe(true);
    byFactorOrPassword = byFactor();
    const options = await startPasskeyEnrolment(identity, tenant, account, { issuer, shown: byFactor() });
    expect(options).toMatchObject({
      rp: { id: 'lab.example' },
      attestation: 'none',
      authenticatorSelection: { userVerification: 'required' },
      excludeCredentials: [{ id: one.id }],
    });
    expect(await enrol(two)).toBe(true);
    expect(await enrol(one)).toBe(false);
    for (const authenticator of [one, two, one])
      expect(await show(authenticator.get(await asked(), origin))).toEqual({ verified: true });
    expect(
      (await factorsOf(identity, tenant, account.id)).factors.map(({ kind, lastUsed }) => [kind, lastUsed]),
    ).toEqual([
      ['passkey', new Date(noon).toISOString()],
      ['passkey', new Date(noon).toISOString()],
    ]);
  });

  const spoilings: [string, Spoilt][] = [
    ['another site', { origin: 'https://lab.example.evil.example' }],
    ['another port', { origin: 'https://lab.example:8443' }],
    ['without TLS', { origin: 'http://lab.example' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['a parent domain', { rpId: 'example' }],
    ['a challenge of its own', { challenge: Buffer.alloc(32).toString('base64url') }],
    ['no challenge', { challenge: '' }],
    ['the person not verified', { flags: 0x01 }],
    ['nobody present', { flags: 0x04 }],
  ];
  test.each([...spoilings, ['the type of a sign-in', { type: 'webauthn.get' }] as [string, Spoilt]])(
    'enrolment with %s is refused',
    async (_, spoilt) => {
      expect(await enrol(makeAuthenticator(), spoilt)).toBe(false);
      expect((await factorsOf(identity, tenant, account.id)).factors).toEqual([]);
    },
  );

  test.each([
    ...spoilings,
    ['the type of an enrolment', { type: 'webauthn.create' }] as [string, Spoilt],
    ['a signature of something else', { signature: Buffer.from('3006020101020101', 'hex') }] as [string, Spoilt],
    ['an empty signature', { signature: Buffer.alloc(0) }] as [string, Spoilt],
    ['the id of no key', { id: Buffer.alloc(32).toString('base64url') }] as [string, Spoilt],
  ])('a use with %s is refused', async (_, spoilt) => {
    const authenticator = makeAuthenticator();
    await enrol(authenticator);
    expect(await show(authenticator.get(await asked(), origin, spoilt))).toEqual(wrong);
    expect(await show(authenticator.get(await asked(), origin))).toEqual({ verified: true });
  });

  test('an answer is good once, for five minutes, for its purpose and its account', async () => {
    const authenticator = makeAuthenticator();
    await enrol(authenticator);
    const replayed = authenticator.get(await asked(), origin);
    expect(await show(replayed)).toEqual({ verified: true });
    expect(await show(replayed)).toEqual(wrong);
    const late = await asked();
    clock.now += 5 * 60_000;
    expect(await show(authenticator.get(late, origin))).toEqual(wrong);
    const enrolment = await startPasskeyEnrolment(identity, tenant, account, { issuer, shown: byFactor() });
    expect(await show(authenticator.get({ challenge: enrolment.challenge, rpId: 'lab.example' }, origin))).toEqual(
      wrong,
    );
    const other = await makeUser(tenant, { username: 'omar' });
    const options = await asked();
    const stolen = authenticator.get(options, origin);
    expect(
      await finishPasskeyVerification(identity, tenant, {
        account: other,
        address: someAddress(),
        issuer,
        response: stolen,
      }),
    ).toEqual(wrong);
    expect(await show(stolen)).toEqual({ verified: true });
  });

  test('of two uses of one answer at once one succeeds', async () => {
    const authenticator = makeAuthenticator();
    await enrol(authenticator);
    const response = authenticator.get(await asked(), origin);
    const shown = await Promise.all([show(response), show(response), show(response)]);
    expect(shown.filter(({ verified }) => verified)).toHaveLength(1);
  });

  test('a counter that goes back or stays is a copy; one that is always 0 is none', async () => {
    const authenticator = makeAuthenticator();
    await enrol(authenticator);
    for (const [counter, good] of [
      [0, true],
      [0, true],
      [7, true],
      [7, false],
      [6, false],
      [0, false],
      [8, true],
    ] as const) {
      clock.now += 3_600_000;
      expect([counter, (await show(authenticator.get(await asked(), origin, { counter }))).verified]).toEqual([
        counter,
        good,
      ]);
    }
  });

  test.each([
    '',
    '{}',
    'null',
    '[]',
    '"x"',
    '{"response":{}}',
    '{"id":1,"response":{"clientDataJSON":7}}',
    '{"response":{"clientDataJSON":"e30"}}',
    '{',
    'x'.repeat(30_000),
    `{"id":"a","response":{"clientDataJSON":"${Buffer.from('{"challenge":"x"}').toString('base64url')}"}}`,
  ])('the answer %.80s is refused, and does no harm', async (response) => {
    const authenticator = makeAuthenticator();
    await enrol(authenticator);
    await asked();
    expect(await show(response)).toEqual(wrong);
    expect(
      await finishPasskeyEnrolment(identity, tenant, account, { issuer, label, shown: byFactor(), response }),
    ).toBe(false);
  });

  test('the same key at two laboratories of one host is two factors; the answer for one is none for the other', async () => {
    const authenticator = makeAuthenticator();
    await enrol(authenticator);
    const elsewhere = await makeLaboratory();
    const twin = await makeUser(elsewhere.tenant, { username: 'amal' });
    const options = await startPasskeyEnrolment(identity, elsewhere.tenant, twin, { issuer, shown: byPassword() });
    const response = authenticator.create(options, origin);
    expect(
      await finishPasskeyEnrolment(identity, elsewhere.tenant, twin, { issuer, label, shown: byPassword(), response }),
    ).toBe(true);
    const answer = authenticator.get(await asked(), origin);
    const twins = { account: twin, address: someAddress(), issuer, response: answer };
    expect(await finishPasskeyVerification(identity, elsewhere.tenant, twins)).toEqual(wrong);
    expect(await show(answer)).toEqual({ verified: true });
  });

  test('an account leaves no more than ten challenges', async () => {
    await enrol(makeAuthenticator());
    for (let i = 0; i < 15; i++) await asked();
    const rows = await testDatabase().query(
      tenant.id,
      sql`select hash from account_challenge where tenant_id = ${tenant.id}`,
    );
    expect(rows).toHaveLength(10);
  });
});

describe('recovery codes', () => {
  const show = (code: string, of = account): Promise<Shown> =>
    useRecoveryCode(identity, tenant, { account: of, address: someAddress(), code });

  test('ten, each good once, however they are typed; new ones make the old worthless', async () => {
    await enrolledTotp();
    const codes = await newRecoveryCodes(identity, tenant, account, byFactor());
    expect(codes).toHaveLength(10);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    const [first = '', second = '', third = ''] = codes;
    expect(await show(first)).toEqual({ verified: true });
    expect(await show(first)).toEqual(wrong);
    expect(
      await show(` ${second.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `),
    ).toEqual({ verified: true });
    expect((await factorsOf(identity, tenant, account.id)).recoveryCodes).toBe(8);
    const shown = await Promise.all([1, 2, 3].map(() => show(third)));
    expect(shown.filter(({ verified }) => verified)).toHaveLength(1);
    const [renewed = ''] = await newRecoveryCodes(identity, tenant, account, byFactor());
    expect(await show(codes[5] ?? '')).toEqual(wrong);
    expect(await show(renewed)).toEqual({ verified: true });
  });

  test('those of another account are none', async () => {
    await enrolledTotp();
    const [code = ''] = await newRecoveryCodes(identity, tenant, account, byFactor());
    const other = await makeUser(tenant, { username: 'omar' });
    expect(await show(code, other)).toEqual(wrong);
    expect(await show('', other)).toEqual(wrong);
  });
});

describe('who may change factors', () => {
  const deeds: [string, (shown: Authentication) => Promise<unknown>][] = [
    ['start a one-time code', (shown) => startTotp(identity, tenant, account, { label, shown })],
    ['start a passkey', (shown) => startPasskeyEnrolment(identity, tenant, account, { issuer, shown })],
    [
      'finish a passkey',
      (shown) => finishPasskeyEnrolment(identity, tenant, account, { issuer, label, shown, response: '{}' }),
    ],
    ['make recovery codes', (shown) => newRecoveryCodes(identity, tenant, account, shown)],
    ['remove a factor', (shown) => removeFactor(identity, tenant, account, { factor: account.id, shown })],
  ];
  test.each(deeds)('%s: with the first factor a fresh password, afterwards a fresh second factor', async (_, deed) => {
    const refused = /needs a fresh sign-in/;
    await expect(deed(byPassword(601))).rejects.toThrow(refused);
    await expect(deed({})).rejects.toThrow(refused);
    await deed(byPassword(599));
    await enrolledTotp();
    await expect(deed(byPassword())).rejects.toThrow(refused);
    await expect(deed(byFactor(700))).rejects.toThrow(refused);
    await deed(byFactor(590));
  });

  test('a factor is removed by its owner only; with the last one the recovery codes go', async () => {
    await enrolledTotp();
    await newRecoveryCodes(identity, tenant, account, byFactor());
    const [factor] = (await factorsOf(identity, tenant, account.id)).factors;
    const id = factor?.id ?? '';
    const other = await makeUser(tenant, { username: 'omar' });
    expect(await removeFactor(identity, tenant, other, { factor: id, shown: byPassword() })).toBe(false);
    expect(await removeFactor(identity, tenant, account, { factor: "x' or '1'='1", shown: byFactor() })).toBe(false);
    expect(await removeFactor(identity, tenant, account, { factor: id, shown: byFactor() })).toBe(true);
    expect(await factorsOf(identity, tenant, account.id)).toEqual({ factors: [], recoveryCodes: 0 });
  });

  test('at most ten', async () => {
    const session = sessionOf(testDatabase(), tenant.id);
    for (let i = 0; i < 10; i++) {
      const passkey = {
        id: randomUUID(),
        credential: randomBytes(16),
        publicKey: randomBytes(16),
        counter: 0,
        transports: [],
      };
      await insertPasskey(session, { ...passkey, account: account.id, label }, noon);
    }
    const one = { label, shown: byFactor() };
    await expect(startTotp(identity, tenant, account, one)).rejects.toThrow(/at most 10 second factors/);
    const key = { issuer, shown: byFactor() };
    await expect(startPasskeyEnrolment(identity, tenant, account, key)).rejects.toThrow(/at most 10 second factors/);
    const [factor] = (await factorsOf(identity, tenant, account.id)).factors;
    await removeFactor(identity, tenant, account, { factor: factor?.id ?? '', shown: byFactor() });
    expect(await startTotp(identity, tenant, account, one)).toHaveProperty('uri');
  });

  test('an administrator takes away lost factors', async () => {
    await enrolledTotp();
    const administration = administering(tenant, clock.now);
    await resetUser(administration, 'amal', { factors: false });
    expect((await factorsOf(identity, tenant, account.id)).factors).toHaveLength(1);
    await resetUser(administration, 'amal', { factors: true });
    expect((await factorsOf(identity, tenant, account.id)).factors).toEqual([]);
  });
});

test('who needs a second factor: by role, by the laboratory’s setting, or because there is one', async () => {
  const needs = (of: Account, settings: Tenant['settings'] = {}): Promise<boolean> =>
    needsSecondFactor(identity, { ...tenant, settings }, of);
  const chief = await makeUser(tenant, { username: 'chief', roles: ['reception', 'pathologist'] });
  expect([await needs(account), await needs(chief)]).toEqual([false, true]);
  expect([
    await needs(account, { secondFactorRoles: ['technician'] }),
    await needs(chief, { secondFactorRoles: ['technician'] }),
  ]).toEqual([true, false]);
  await enrolledTotp();
  expect(await needs(account)).toBe(true);
});
