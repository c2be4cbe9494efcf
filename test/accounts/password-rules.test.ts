/** Which passwords are taken (NIST SP 800-63B 5.1.1.2). */
import { describe, expect, test } from '@jest/globals';
import { passwordProblem, passwordRules } from '../../src/identity/password-rules.ts';
import type { Tenant, TenantSettings } from '../../src/store/tenants.ts';
import { processorTime } from '../processor-time.ts';

const person = { username: 'amal.haddad', display: 'Amal Haddad', email: 'ahaddad@lab.example' };

function laboratory(settings: TenantSettings = {}): Tenant {
  return { id: 1, name: 'tunis-nord', title: 'Laboratoire Carthage', status: 'active', settings, created: '' };
}

function problem(password: string, settings?: TenantSettings): string | undefined {
  return passwordProblem(password, passwordRules(laboratory(settings), person));
}

describe('taken', () => {
  test.each([
    'seven herons over the lagoon',
    'kmxqvbtzwrfg',
    '583920174655',
    'les hérons dorment tard',
    'سبعة طيور فوق البحيرة الزرقاء',
    '七羽のサギが湖の上を飛ぶよ',
    '🦩🐪🌊🍋🧭🏺🪶🫒🐚🌙🧂🪔',
    'trombone-Zagreb-yodel',
    'passwordless herons fly',
    '            x            ',
  ])('%s', (password) => {
    expect(problem(password)).toBeUndefined();
  });

  test('any composition: no rule asks for a digit, a capital or a sign', () => {
    expect(
      ['onlylowercaseletters', 'ONLYUPPERCASELETTERS', '?!;:,.-_#+*~'].map((password) => problem(password)),
    ).toEqual([undefined, undefined, undefined]);
  });
});

const refused: [string, string[]][] = [
  ['short', ['', 'short', 'elevenchars', '🦩🐪🌊🍋🧭🏺🪶🫒🐚🌙🧂']],
  ['long', ['xy7!'.repeat(65)]],
  [
    'name',
    [
      'amal.haddad+heron',
      'the HADDAD herons',
      'ahaddad7herons',
      'carthage herons',
      'Tunis-Nord herons',
      'herons of ｔｕｎｉｓ',
      'hérons de Tunís',
    ],
  ],
  [
    'common',
    [
      'aaaaaaaaaaaa',
      'abcabcabcabc',
      'xyzwxyzwxyzwx',
      '123456789012',
      '098765432109',
      'abcdefghijkl',
      'qwertyuiopas',
      'azertyuiopqsdf',
      'poiuytrewqlkj',
      '1qaz2wsx3edc',
      'abc123abc123abc',
      'password1234',
      'Password2026!',
      'P@ssw0rdP@ssw0rd',
      'welcome-welcome',
      'Welcome2026!!',
      'Bienvenue2026',
      'motdepasse123',
      'letmein-letmein',
      'admin123admin123',
      'Laboratory2026',
      'January2026!!',
      'Ramadan-2026-1447',
      'changeme!!!!!!',
      'كلمةالسر١٢٣٤',
      'كلمة المرور 2026',
      'bismillah786',
    ],
  ],
];
describe.each(refused)('%s', (why, passwords) => {
  test.each(passwords)('%s', (password) => {
    expect(problem(password)).toBe(why);
  });
});

test('a laboratory may ask for more characters, not for fewer', () => {
  expect(problem('seven herons ', { passwordLength: 20 })).toBe('short');
  expect(problem('seven herons over the lagoon', { passwordLength: 20 })).toBeUndefined();
  expect(problem('herons', { passwordLength: 6 })).toBe('short');
});

test('a hostile password takes no long time', () => {
  const hostile = ['admin'.repeat(51), 'a'.repeat(256), 'abc'.repeat(85), 'qwe1'.repeat(64), '١'.repeat(256)];
  expect(processorTime(() => hostile.forEach((password) => problem(password)))).toBeLessThan(10_000);
});
