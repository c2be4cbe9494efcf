/**
 * Which passwords are taken, after NIST SP 800-63B 5.1.1.2: long ones that nobody would guess first. No rules of
 * composition: they make passwords worse.
 *
 * Guessable is decided by rule, not by a list of leaked passwords: such a list is larger than this product, and with 12
 * characters and lock-out what is left is what the rules name: repetition, runs, rows of a keyboard, the names at hand,
 * and a well-known word that is dressed up.
 */
import { shortestPassword } from '../access/authentication.ts';
import type { Account } from '../store/accounts.ts';
import type { Tenant } from '../store/tenants.ts';

const longest = 256;

/** Why a password is refused. */
export type PasswordProblem = 'short' | 'long' | 'name' | 'common';

export interface PasswordRules {
  /** Characters. */
  readonly length: number;
  /** Names of the person and of the laboratory. */
  readonly names: readonly string[];
}

export function passwordRules(tenant: Tenant, account: Pick<Account, 'username' | 'display' | 'email'>): PasswordRules {
  const { username, display, email = '' } = account;
  const names = [username, username.split('@')[0] ?? '', email.split('@')[0] ?? '', tenant.name]
    .concat(display.split(/\s+/), tenant.title.split(/\s+/), tenant.name.split('-'))
    .map(folded);
  return {
    length: Math.max(shortestPassword, tenant.settings.passwordLength ?? shortestPassword),
    // Two letters stand in half of all texts; three may be somebody's name.
    names: [...new Set(names)].filter((name) => [...name].length >= 3),
  };
}

/** Undefined where the password is good. */
export function passwordProblem(password: string, rules: PasswordRules): PasswordProblem | undefined {
  const plain = password.normalize('NFKC');
  const { length } = [...plain];
  if (length < rules.length) return 'short';
  if (length > longest) return 'long';
  const compared = folded(plain);
  if (rules.names.some((name) => compared.includes(name))) return 'name';
  return isCommon(compared) ? 'common' : undefined;
}

/** Lower case, without accents. */
function folded(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

function isCommon(text: string): boolean {
  return isRepetition(text) || isMadeOfRuns(text) || isDressedWord(text);
}

/** One to four characters again and again: aaaaaaaaaaaa, abcdabcdabcd. */
function isRepetition(text: string): boolean {
  return [1, 2, 3, 4].some((period) => [...text].every((character, i, all) => character === all[i % period]));
}

/** Rows of Latin (QWERTY, AZERTY, QWERTZ) and Arabic keyboards, the digits and both alphabets. */
const rows = [
  '012345678901234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop asdfghjkl zxcvbnm',
  'azertyuiop qsdfghjklm wxcvbn',
  'qwertzuiop yxcvbnm',
  '1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm',
  'ضصثقفغعهخحجد شسيبلاتنمكط ئءؤرلاىةوزظ',
  'ابتثجحخدذرزسشصضطظعغفقكلمنهوي',
].flatMap((row) => row.split(' '));
const runs = [...rows, ...rows.map((row) => [...row].reverse().join(''))];

/** Pieces of such rows, each of at least three characters, and at most two characters besides: abc123qwerty!. */
function isMadeOfRuns(text: string): boolean {
  let loose = 0;
  for (let at = 0; at < text.length && loose <= 2;) {
    const length = runLength(text, at);
    loose += length < 3 ? 1 : 0;
    at += length < 3 ? 1 : length;
  }
  return loose <= 2;
}

function runLength(text: string, at: number): number {
  let length = 0;
  while (at + length < text.length && runs.some((run) => run.includes(text.slice(at, at + length + 1)))) length += 1;
  return length;
}

/** Words that people begin with, in the languages of our users; more than one may stand together. */
const words = [
  'password passwort passphrase pass word secret letmein welcome hello login signin admin administrator root user guest',
  'default master changeme change me please test testing demo temp temporary hospital clinic doctor nurse laboratory lab',
  'labo patient result results health makhbar mukhtabar tabib dragon monkey sunshine princess football superman batman',
  'iloveyou love god allah bismillah mohammed muhammad habibi qwerty azerty the my is a an i new old',
  'motdepasse mot de passe bonjour bienvenue soleil azerty secret laboratoire hopital clinique docteur medecin',
  'january february march april may june july august september october november december',
  'janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre',
  'monday tuesday wednesday thursday friday saturday sunday spring summer autumn winter ramadan',
  'كلمة السر المرور كلمةالسر كلمةالمرور مرحبا اهلا الله بسم محمد حبيبي مستشفى مختبر طبيب سلام',
]
  .join(' ')
  .split(' ')
  .map(folded);

const disguises: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** Nothing but such words, with digits and signs round and between them: P@ssw0rd2026!, Welcome-1-Welcome. */
function isDressedWord(text: string): boolean {
  const bare = text.replace(/^[^\p{L}]+/u, '').replace(/[^\p{L}]+$/u, '');
  return [text, undisguised(text), undisguised(bare)].some((form) => {
    const letters = form.replaceAll(/[^\p{L}]/gu, '');
    return letters.length >= 4 && isMadeOfWords(letters);
  });
}

function undisguised(text: string): string {
  return text.replaceAll(/[013457@$!]/g, (character) => disguises[character] ?? '');
}

function isMadeOfWords(letters: string): boolean {
  const reachable = new Set([0]);
  for (let at = 0; at < letters.length; at += 1) {
    if (!reachable.has(at)) continue;
    for (const word of words) if (letters.startsWith(word, at)) reachable.add(at + word.length);
  }
  return reachable.has(letters.length);
}
