/**
 * The strings of JSON: RFC 8259 section 7, without U+0000 (which PostgreSQL cannot store) and lone surrogates.
 *
 * A string without escapes, nearly every one, is a slice of the text; another is put together from its pieces.
 */
import { refusal, unexpected, type Reader } from './json-reader.ts';

const QUOTE = 34;
const BACKSLASH = 92;

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Reads the string whose opening quote is the next character. */
export function readString(reader: Reader): string {
  const start = ++reader.at;
  if (skipPlain(reader) === QUOTE) {
    return reader.text.slice(start, reader.at++);
  }
  return readPieces(reader, start);
}

/** Moves to the next quote or backslash and returns it. */
function skipPlain(reader: Reader): number {
  const text = reader.text;
  let at = reader.at;
  let code = text.charCodeAt(at);
  while (code !== QUOTE && code !== BACKSLASH && code >= 32) {
    code = text.charCodeAt(++at);
  }
  reader.at = at;
  if (code !== QUOTE && code !== BACKSLASH) {
    throw at < text.length
      ? refusal(reader, 'structure', 'a control character in a string must be written as an escape')
      : unexpected(reader, 'the closing quote of a string');
  }
  return code;
}

function readPieces(reader: Reader, start: number): string {
  let result = '';
  let from = start;
  while (skipPlain(reader) === BACKSLASH) {
    result += reader.text.slice(from, reader.at) + readEscape(reader);
    from = reader.at;
  }
  return result + reader.text.slice(from, reader.at++);
}

function readEscape(reader: Reader): string {
  const letter = reader.text.charAt(reader.at + 1);
  const character = escapes[letter];
  if (character !== undefined) {
    reader.at += 2;
    return character;
  }
  if (letter !== 'u') {
    reader.at++;
    throw unexpected(reader, 'one of the escapes of JSON');
  }
  return readCodeUnits(reader);
}

/** Reads one `\uXXXX`, or the two that make up a character beyond U+FFFF. */
function readCodeUnits(reader: Reader): string {
  const unit = readCodeUnit(reader);
  if (unit === 0) {
    throw refusal(reader, 'invalid', 'the character U+0000 is not allowed in FHIR');
  }
  if (unit < 0xd800 || unit > 0xdfff) {
    reader.at += 6;
    return String.fromCharCode(unit);
  }
  const low = unit < 0xdc00 ? readCodeUnit({ ...reader, at: reader.at + 6 }) : NaN;
  if (!(low >= 0xdc00 && low <= 0xdfff)) {
    throw refusal(reader, 'invalid', 'half of a surrogate pair is not a character');
  }
  reader.at += 12;
  return String.fromCharCode(unit, low);
}

/** The code unit of the `\uXXXX` at the reader's place; NaN when something else stands there. */
function readCodeUnit(reader: Reader): number {
  const text = reader.text.slice(reader.at, reader.at + 6);
  if (/^\\u[0-9a-f]{4}$/i.test(text)) {
    return parseInt(text.slice(2), 16);
  }
  if (text.startsWith('\\u')) {
    throw refusal(reader, 'structure', 'four hexadecimal digits must follow \\u');
  }
  return NaN;
}
