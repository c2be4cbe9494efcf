/** The words of a resource's narrative as token rows, for `_text`. https://hl7.org/fhir/R4/search.html#content */
import type { JsonObject } from '../fhir/json.ts';
import { fold } from './fold.ts';
import { hash32, hash64 } from './hash.ts';
import type { Sink } from './sink.ts';

const wordParam = hash32('narrative words');

/** A narrative of more different words than this is cut: a guess, five printed pages. */
const mostWords = 2_000;
const longestWord = 100;

export function wordKey(word: string): string {
  return hash64(`word|${word}`);
}

/** The words of a text, folded. */
export function wordsOf(text: string): string[] {
  return fold(text)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '' && word.length <= longestWord);
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

function plainText(xhtml: string): string {
  return xhtml
    .replace(/<!--[\s\S]*?-->|<[^>]*>/g, ' ')
    .replace(/&#(x?)([0-9a-f]{1,6});/gi, (_whole, hex: string, digits: string) =>
      character(Number.parseInt(digits, hex ? 16 : 10)),
    )
    .replace(/&([a-z]+);/g, (whole, name: string) => (Object.hasOwn(entities, name) ? (entities[name] ?? whole) : ' '));
}

function character(point: number): string {
  return point <= 0x10ffff ? String.fromCodePoint(point) : ' ';
}

export function pushNarrative(sink: Sink, resource: JsonObject): void {
  const div = (resource['text'] as JsonObject | undefined)?.['div'];
  if (typeof div !== 'string') return;
  const words = [...new Set(wordsOf(plainText(div)))].slice(0, mostWords);
  for (const word of words) sink.token.push([wordParam, 0, wordKey(word), null, word, 0]);
}
