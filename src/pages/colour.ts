/**
 * The laboratory's own colour on the pages: for links, buttons and marks, in a shade that can be read on the light and on
 * the dark ground of assets/style.css.
 *
 * 1. Whatever colour is chosen, text in it and text on it keep the contrast of 4.5 that WCAG 2.2 (1.4.3) asks for: it is
 *    mixed with black or white until they do.
 */
type Rgb = readonly [red: number, green: number, blue: number];

/** The grounds of style.css on which --brand stands. */
export const grounds = {
  light: ['#ffffff', '#f5f8f8', '#eef2f3'],
  dark: ['#162025', '#1c282d', '#0d1417'],
} as const;

const enough = 4.6;

export function isColour(text: string): boolean {
  return /^#[0-9a-f]{6}$/i.test(text);
}

/** Rules after those of style.css; nothing for what is no colour. */
export function colourRules(colour: string): string {
  if (!isColour(colour)) return '';
  const light = shade(rgbOf(colour), [0, 0, 0], grounds.light);
  const dark = shade(rgbOf(colour), [255, 255, 255], grounds.dark);
  return `:root{--brand:${light};--on-brand:${textOn(light)}}
@media (prefers-color-scheme:dark){:root{--brand:${dark};--on-brand:${textOn(dark)}}}
`;
}

/** The first shade towards black or white that can be read on all of the grounds. */
function shade(colour: Rgb, towards: Rgb, on: readonly string[]): string {
  const steps = Array.from({ length: 26 }, (_, step) => hexOf(mixed(colour, towards, step / 25)));
  return steps.find((one) => on.every((ground) => contrast(one, ground) >= enough)) ?? hexOf(towards);
}

function textOn(ground: string): string {
  return contrast('#ffffff', ground) >= contrast('#000000', ground) ? '#ffffff' : '#000000';
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(rgbOf(one)), luminance(rgbOf(other))].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour: Rgb): number {
  const [red = 0, green = 0, blue = 0] = colour.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mixed(colour: Rgb, towards: Rgb, share: number): Rgb {
  const part = (at: 0 | 1 | 2): number => Math.round(colour[at] + (towards[at] - colour[at]) * share);
  return [part(0), part(1), part(2)];
}

function rgbOf(hex: string): Rgb {
  const part = (at: number): number => Number.parseInt(hex.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}

function hexOf(colour: Rgb): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
