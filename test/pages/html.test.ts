/** Escaping: whatever text is put into a page stays text. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { html, htmlText, linkAddress } from '../../src/pages/html.ts';

/** What a browser reads out of escaped text. */
function unescaped(text: string): string {
  const characters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`' };
  return text.replaceAll(/&([^;]+);/g, (_, name: string) => characters[name] ?? '');
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", '`', 'a', ';', '/', '=', '-', '!') }),
  fc.constantFrom(
    '</p><script>alert(1)</script>',
    '" onfocus="x',
    '&lt;b&gt;',
    '<!--',
    ']]>',
    '\u2028',
    '\uD800',
    'Amina \u202Enimda',
  ),
);

describe('escaping', () => {
  test('text comes back as it was, and writes no markup', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const [, attribute = '', content = ''] =
          /^<p title="([^"<>'`]*)">([^<>"'`]*)<\/p>$/.exec(htmlText(html`<p title="${text}">${text}</p>`)) ?? [];
        const seen = text.replaceAll(/[\0\u202A-\u202E\u2066-\u2069]/g, '\uFFFD');
        expect(unescaped(attribute)).toBe(seen);
        expect(unescaped(content)).toBe(seen);
      }),
      { numRuns: 500 },
    );
  });

  test('HTML within HTML is not escaped again; lists are joined; nothing stays nothing', () => {
    const items = ['<', 2].map((item) => html`<li>${item}</li>`);
    const nested = [items, [[' & ']], undefined, false as const];
    expect(
      htmlText(
        html`<ul>
          ${nested}
        </ul>`,
      ).replaceAll(/\n\s*/g, ''),
    ).toBe('<ul><li>&lt;</li><li>2</li> &amp; </ul>');
  });

  test('what looks like HTML but comes from JSON is refused', () => {
    const forged = JSON.parse('{"markup":"<script>","Symbol(markup)":"<script>"}') as never;
    expect(() => html`<p>${forged}</p>`).toThrow(TypeError);
  });
});

test.each([
  ['https://app.example/about', 'https://app.example/about'],
  ['/demo/account', '/demo/account'],
  ['javascript:alert(1)', undefined],
  [' javascript:alert(1)', undefined],
  ['java\nscript:alert(1)', undefined],
  ['data:text/html,x', undefined],
  ['//evil.example/', undefined],
  ['/\\evil.example/', undefined],
  ['account', undefined],
  [undefined, undefined],
])('linkAddress(%j)', (address, expected) => {
  expect(linkAddress(address)).toBe(expected);
});
