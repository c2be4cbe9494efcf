/** The laboratory's own colour can be read, whichever it is. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { colourRules, contrast, grounds } from '../../src/pages/colour.ts';

function shades(colour: string): { brand: string; on: string }[] {
  const found = colourRules(colour).matchAll(/--brand:(#[0-9a-f]{6});--on-brand:(#[0-9a-f]{6})/g);
  return [...found].map(([, brand = '', on = '']) => ({ brand, on }));
}

test('text in it and on it keeps a contrast of 4.5, light and dark', () => {
  const hex = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`);
  fc.assert(
    fc.property(hex, (colour) => {
      const [light, dark] = shades(colour);
      for (const ground of grounds.light) expect(contrast(light?.brand ?? '', ground)).toBeGreaterThanOrEqual(4.5);
      for (const ground of grounds.dark) expect(contrast(dark?.brand ?? '', ground)).toBeGreaterThanOrEqual(4.5);
      for (const { brand, on } of shades(colour)) expect(contrast(brand, on)).toBeGreaterThanOrEqual(4.5);
    }),
    { numRuns: 300 },
  );
});

test('a colour that can be read stays as it is', () => {
  expect(shades('#0b5d63')[0]).toEqual({ brand: '#0b5d63', on: '#ffffff' });
  expect(shades('#6fc7cb')[1]).toEqual({ brand: '#6fc7cb', on: '#000000' });
});

test.each(['', 'red', '#fff', '#12345g', '#123456;}body{display:none', 'url(x)'])('%j is no colour', (text) => {
  expect(colourRules(text)).toBe('');
});

test('the grounds are those of the style sheet', () => {
  const style = readFileSync(new URL('../../src/pages/assets/style.css', import.meta.url), 'utf8');
  const named = (name: string): string[] =>
    [...style.matchAll(new RegExp(`--${name}: (#[0-9a-f]{6})`, 'g'))].map(([, hex = '']) => hex);
  const [surface, sunken, ground] = ['surface', 'sunken', 'ground'].map(named);
  expect([surface?.[0], sunken?.[0], ground?.[0]]).toEqual(grounds.light);
  expect([surface?.[1], sunken?.[1], ground?.[1]]).toEqual(grounds.dark);
});
