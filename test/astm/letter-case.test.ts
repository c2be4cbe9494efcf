/** Patterns that ignore the case of letters, written out. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withBothCases } from '../../src/astm/letter-case.ts';

test.each([
  ['^(?i:posit)', '^(?:[pP][oO][sS][iI][tT])'],
  ['(?i:n[eé]g)x', '(?:[nN][eEéÉ][gG])x'],
  ['(?i:a(b)c)d', '(?:[aA]([bB])[cC])d'],
  ['(?i:[a-f0-9])', '(?:[a-fA-F0-9])'],
  ['(?i:\\d\\u0041NON-?1)', '(?:\\d\\u0041[nN][oO][nN]-?1)'],
  ['^(a|b)[x(]$', '^(a|b)[x(]$'],
  ['\\(?i:', '\\(?i:'],
])('%s', (pattern, written) => {
  expect(withBothCases(pattern)).toBe(written);
});

test('it matches what the flag i matches', () => {
  const words = fc.stringMatching(/^[a-zA-ZéÉ]{1,6}$/);
  fc.assert(
    fc.property(words, words, (word, said) => {
      const written = new RegExp(`^${withBothCases(`(?i:${word})`)}$`, 'u');
      for (const one of [said, word, word.toUpperCase(), word.toLowerCase()]) {
        expect(written.test(one)).toBe(new RegExp(`^(?:${word})$`, 'iu').test(one));
      }
    }),
  );
});
