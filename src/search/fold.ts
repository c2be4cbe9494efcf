/**
 * Folding of text for comparison: without case, accents, Arabic diacritics and tatweel; hamza and alef forms, taa
 * marbuta, alef maqsura and the Persian letters of Arabic keyboards as one; digits of every script as 0–9; white space
 * as one space. https://hl7.org/fhir/R4/search.html#string
 */

import { sql, type Sql } from '../store/sql.ts';

const plainAscii = /^[\x21-\x7e]*(?: [\x21-\x7e]+)*$/;

/** Combining marks of the Latin, Greek, Cyrillic and Arabic scripts, Quranic signs, tatweel, and invisible joiners. */
const droppedClass =
  '[\\u0300-\\u036f\\u0483-\\u0489\\u0591-\\u05c7\\u0610-\\u061a\\u064b-\\u065f\\u0670\\u06d6-\\u06dc\\u06df-\\u06e8\\u06ea-\\u06ed\\u0640\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]';
const dropped = new RegExp(droppedClass, 'g');

const letters: Readonly<Record<string, string>> = {
  ٱ: 'ا',
  آ: 'ا',
  أ: 'ا',
  إ: 'ا',
  ٲ: 'ا',
  ٳ: 'ا',
  ى: 'ي',
  ی: 'ي',
  ې: 'ي',
  ئ: 'ي',
  ؤ: 'و',
  ة: 'ه',
  ۀ: 'ه',
  ە: 'ه',
  ک: 'ك',
  ګ: 'ك',
  ء: '',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  þ: 'th',
  ı: 'i',
  ς: 'σ',
};
const letterPattern = new RegExp(`[${Object.keys(letters).join('')}]`, 'g');

/** Decimal digits of any script: their code points end in runs of ten whose zero is known by subtraction. */
const digit = /\p{Nd}/gu;
const zeros = [
  0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0,
];

function asciiDigit(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  const zero = zeros.find((start) => point >= start && point < start + 10);
  return zero === undefined ? character : String(point - zero);
}

/** The folded text. */
export function fold(text: string): string {
  if (plainAscii.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(dropped, '')
    .toLowerCase()
    .replace(letterPattern, (letter) => letters[letter] ?? letter)
    .replace(digit, asciiDigit)
    .normalize('NFC')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The same in SQL, for text that no index row holds; without digits of rarer scripts and white space. */
export function foldSql(text: Sql): Sql {
  const entries = Object.entries(letters);
  const single = entries.filter(([, plain]) => plain.length === 1);
  const digits = [0x0660, 0x06f0].flatMap((zero) => Array.from({ length: 10 }, (_, i) => [zero + i, i] as const));
  const from =
    single.map(([letter]) => letter).join('') + digits.map(([point]) => String.fromCodePoint(point)).join('') + 'ء';
  const to = single.map(([, plain]) => plain).join('') + digits.map(([, digit]) => digit).join('');
  const folded = sql`translate(lower(regexp_replace(normalize(${text}, NFKD), ${droppedClass}, '', 'g')), ${from}, ${to})`;
  return entries
    .filter(([, plain]) => plain.length > 1)
    .reduce((inner, [letter, plain]) => sql`replace(${inner}, ${letter}, ${plain})`, folded);
}
