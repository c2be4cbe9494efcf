/**
 * Names of persons made comparable: without regard to case, accents, Arabic vowel signs and spellings of one letter, and, as a
 * skeleton of consonants, to the script: محمد, Mohammed and Muhamad have the skeleton mhmd.
 *
 * Decision: a skeleton instead of a table of names: transliterations differ in vowels and doubled letters first of all, and
 * no table has all names. It is coarse on purpose: birth date and sex decide together with it (patient-match.ts).
 */
import { fold } from '../search/fold.ts';

/** The words of a name as searches compare them (search/fold.ts), without their article. */
export function plainWords(name: string): string[] {
  return fold(name)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '' && word !== 'al' && word !== 'el' && word !== 'ال')
    .map((word) => (/^ال./.test(word) && word.length > 4 ? word.slice(2) : word));
}

const arabic: Readonly<Record<string, string>> = {
  ب: 'b',
  پ: 'b',
  ت: 't',
  ث: 't',
  ج: 'j',
  ح: 'h',
  خ: 'k',
  د: 'd',
  ذ: 'd',
  ر: 'r',
  ز: 'z',
  س: 's',
  ش: 's',
  ص: 's',
  ض: 'd',
  ط: 't',
  ظ: 'z',
  غ: 'g',
  ف: 'f',
  ڤ: 'f',
  ق: 'k',
  ك: 'k',
  ل: 'l',
  م: 'm',
  ن: 'n',
  ه: 'h',
};

const digraphs: readonly (readonly [RegExp, string])[] = [
  [/kh|ck|q|c(?!h)/g, 'k'],
  [/sh|ch/g, 's'],
  [/th/g, 't'],
  [/dh/g, 'd'],
  [/gh/g, 'g'],
  [/ph|v/g, 'f'],
  [/dj/g, 'j'],
  [/p/g, 'b'],
  [/x/g, 'ks'],
];

/** The consonants of a plain word in Latin letters; '' where it has none. */
export function skeleton(word: string): string {
  const latin = /\p{Script=Arabic}/u.test(word)
    ? [...word].map((letter) => arabic[letter] ?? 'a').join('')
    : digraphs.reduce((text, [pattern, letter]) => text.replace(pattern, letter), word);
  const consonants = latin
    // A doubled letter is one, but not where a vowel stands between them.
    .replace(/(.)\1+/g, '$1')
    .replace(/h$/, '')
    .replace(/[aeiouyw'’]/g, '');
  return consonants;
}

/** From 0 to 1: how alike two plain words are. */
export function wordLikeness(a: string, b: string): number {
  if (a === b) return 1;
  const [one, other] = [skeleton(a), skeleton(b)];
  const same = one === other && one.length > 1;
  return Math.max(same ? 0.95 : 0, jaroWinkler(a, b), 0.9 * (one === '' || other === '' ? 0 : jaroWinkler(one, other)));
}

/** https://en.wikipedia.org/wiki/Jaro–Winkler_distance */
export function jaroWinkler(a: string, b: string): number {
  const jaro = jaroOf(a, b);
  let prefix = 0;
  while (prefix < 4 && a[prefix] !== undefined && a[prefix] === b[prefix]) prefix++;
  return jaro + prefix * 0.1 * (1 - jaro);
}

function jaroOf(a: string, b: string): number {
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1);
  const taken = new Set<number>();
  const common: string[] = [];
  [...a].forEach((letter, i) => {
    const from = Math.max(0, i - reach);
    for (let at = from; at <= Math.min(b.length - 1, i + reach); at++) {
      if (taken.has(at) || b[at] !== letter) continue;
      taken.add(at);
      common.push(letter);
      break;
    }
  });
  if (common.length === 0) return 0;
  const others = [...b].filter((_, i) => taken.has(i));
  const moved = common.filter((letter, i) => letter !== others[i]).length / 2;
  const m = common.length;
  return (m / a.length + m / b.length + (m - moved) / m) / 3;
}
