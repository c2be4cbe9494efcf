/** RFC 8785 and the tree of RFC 6962 §2.1: examples worked out from the definitions, and properties. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../src/audit/canonical.ts';
import { auditPath, growingTree, leafHash, rootFromPath, rootOf } from '../../src/audit/merkle.ts';
import type { JsonValue } from '../../src/fhir/json.ts';

describe('RFC 8785', () => {
  test.each([
    ['3.2.1 no whitespace', { b: [1, 2], a: null }, '{"a":null,"b":[1,2]}'],
    ['3.2.2.2 strings', 'a"\\\b\f\n\r\t\u0001é€', '"a\\"\\\\\\b\\f\\n\\r\\t\\u0001é€"'],
    ['3.2.2.3 numbers', [1e21, 1e-7, 0.1, -0, 100], '[1e+21,1e-7,0.1,0,100]'],
    // Code units, not code points: U+1F600 begins with U+D83D, which is less than U+FB33.
    ['3.2.3 order of members', { '\u{fb33}': 1, '\u{1f600}': 2, a: 3 }, '{"a":3,"\u{1f600}":2,"\u{fb33}":1}'],
  ] as [string, JsonValue, string][])('%s', (_, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test('what has no canonical form is refused', () => {
    expect(() => canonicalJson('\ud800')).toThrow(RangeError);
    expect(() => canonicalJson(Infinity)).toThrow(RangeError);
  });

  test('the order in which members were written does not matter, and the text is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned as JsonValue)).toBe(canonicalJson(value as JsonValue));
        expect(canonicalJson(JSON.parse(canonicalJson(value as JsonValue)))).toBe(canonicalJson(value as JsonValue));
      }),
    );
  });
});

const sha = (...parts: (Buffer | string)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** RFC 6962 §2.1, as it is written there. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha('');
  if (leaves.length === 1) return leaves[0] as Buffer;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha(Buffer.of(1), definedRoot(leaves.slice(0, k)), definedRoot(leaves.slice(k)));
}

describe('RFC 6962 §2.1', () => {
  const leaves = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => leafHash(`event ${i}`));

  test('a leaf is hashed after 0x00', () => {
    expect(leafHash('é').equals(sha(Buffer.of(0), Buffer.from('é')))).toBe(true);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 100])('the root of %i leaves', (count) => {
    expect(rootOf(leaves(count))).toEqual(definedRoot(leaves(count)));
  });

  test('every path leads to the root, and no other leaf goes by it', () => {
    for (const count of [1, 2, 3, 5, 8, 13, 33]) {
      const all = leaves(count);
      const root = rootOf(all);
      all.forEach((leaf, i) => {
        const path = auditPath(all, i);
        expect(rootFromPath(leaf, path)).toEqual(root);
        expect(rootFromPath(leafHash('another'), path)).not.toEqual(root);
        expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(count)));
      });
    }
  });

  test('a tree of any number of leaves changes with each of them and with their order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(), (count, at) => {
        const all = leaves(count);
        const i = at % (count - 1);
        const swapped = all.with(i, all[i + 1] as Buffer).with(i + 1, all[i] as Buffer);
        const tree = growingTree();
        for (const leaf of swapped) tree.add(leaf);
        expect(tree.count).toBe(count);
        expect(tree.root()).not.toEqual(rootOf(all));
        expect(rootOf(all.slice(1))).not.toEqual(rootOf(all));
      }),
    );
  });
});
