/**
 * A strict JSON parser that keeps the text of every number. RFC 8259, https://hl7.org/fhir/R4/json.html
 *
 * Refused besides malformed JSON: duplicate property names, lone surrogates (raw or escaped), U+0000, numbers that a
 * double cannot hold (too large, or not zero but read as zero), too long numbers, too deep nesting, `__proto__`.
 *
 * Decision: one hand-written parser. Rejected: JSON.parse plus a scan that proves the absence of the above. It is a
 * little faster for documents without a `1.00` (which laboratory results have), and needs a second parser for positions
 * and digits that would have to agree with the first in everything. Figures are in json.ts.
 *
 * Invariants
 * 1. The depth is bounded before recursion, so no input can exhaust the stack.
 * 2. Time is linear in the length of the text.
 * 3. An error names line, column and rule, and never more of the text than a shortened property name or one character.
 */
import { attachTexts, exactTexts, type JsonObject, type JsonValue } from './json-exact.ts';
import { numberProblem } from './json-number.ts';
import { readString } from './json-string.ts';
import { isDigit, refusal, shortened, unexpected, type Reader } from './json-reader.ts';

/** Levels of arrays and objects; an item of a Questionnaire takes two. A guess: the examples of R4 stay below 20. */
export const defaultDepth = 100;

/** Reads one JSON text; throws an OutcomeError (400) that tells where and why it is refused. */
export function parseJson(text: string, limits: { depth?: number } = {}): JsonValue {
  const reader: Reader = { text, depth: limits.depth ?? defaultDepth, at: 0 };
  if (!text.isWellFormed()) {
    reader.at = text.search(/\p{Surrogate}/u);
    throw refusal(reader, 'invalid', 'half of a surrogate pair is not a character');
  }
  const root: JsonValue[] = [];
  readMember(reader, root, 0, skipSpace(reader), 0);
  skipSpace(reader);
  if (reader.at < text.length) {
    throw unexpected(reader, 'the end of the text');
  }
  // A number alone has no parent to note its text; nothing in FHIR is one.
  return root[0] as JsonValue;
}

/** Reads the value that begins with the character `first` into `parent[key]`. */
function readMember(
  reader: Reader,
  parent: JsonObject | JsonValue[],
  key: string | number,
  first: number,
  depth: number,
): void {
  const target = parent as Record<string | number, JsonValue>;
  if (first === 34) {
    target[key] = readString(reader);
  } else if (first === 123) {
    target[key] = readObject(reader, depth + 1);
  } else if (first === 91) {
    target[key] = readArray(reader, depth + 1);
  } else if (first === 45 || isDigit(first)) {
    const text = readNumber(reader);
    const value = Number(text);
    target[key] = value;
    if (String(value) !== text) {
      checkRange(reader, text, value);
      noteText(parent, key, text);
    }
  } else {
    target[key] = readLiteral(reader);
  }
}

function readObject(reader: Reader, depth: number): JsonObject {
  const object: JsonObject = {};
  let next = enter(reader, depth);
  if (next === 125) {
    reader.at++;
    return object;
  }
  for (;;) {
    const key = readKey(reader, next, object);
    readMember(reader, object, key, skipSpace(reader), depth);
    next = skipSpace(reader);
    reader.at++;
    if (next === 125) {
      return object;
    }
    if (next !== 44) {
      reader.at--;
      throw unexpected(reader, 'a comma or "}"');
    }
    next = skipSpace(reader);
  }
}

function readArray(reader: Reader, depth: number): JsonValue[] {
  const array: JsonValue[] = [];
  let next = enter(reader, depth);
  if (next === 93) {
    reader.at++;
    return array;
  }
  for (;;) {
    readMember(reader, array, array.length, next, depth);
    next = skipSpace(reader);
    reader.at++;
    if (next === 93) {
      return array;
    }
    if (next !== 44) {
      reader.at--;
      throw unexpected(reader, 'a comma or "]"');
    }
    next = skipSpace(reader);
  }
}

/** Steps over the opening bracket and the space behind it. */
function enter(reader: Reader, depth: number): number {
  if (depth > reader.depth) {
    throw refusal(reader, 'structure', `arrays and objects may be nested at most ${reader.depth} levels deep`);
  }
  reader.at++;
  return skipSpace(reader);
}

/** Reads a property name and the colon. */
function readKey(reader: Reader, first: number, object: JsonObject): string {
  if (first !== 34) {
    throw unexpected(reader, 'a property name in double quotes');
  }
  const start = reader.at;
  const key = readString(reader);
  if (key === '__proto__' || Object.hasOwn(object, key)) {
    reader.at = start;
    const rule = key === '__proto__' ? 'is not allowed' : 'appears twice in one object';
    throw refusal(reader, 'structure', `the property "${shortened(key)}" ${rule}`);
  }
  if (skipSpace(reader) !== 58) {
    throw unexpected(reader, 'a colon');
  }
  reader.at++;
  return key;
}

/** Moves to the next character that is no space and returns its code, NaN at the end of the text. */
function skipSpace(reader: Reader): number {
  const text = reader.text;
  let at = reader.at;
  let code = text.charCodeAt(at);
  while (code === 32 || code === 10 || code === 13 || code === 9) {
    code = text.charCodeAt(++at);
  }
  reader.at = at;
  return code;
}

function readNumber(reader: Reader): string {
  const start = reader.at;
  const text = reader.text;
  if (text.charCodeAt(reader.at) === 45) {
    reader.at++;
  }
  if (text.charCodeAt(reader.at) === 48) {
    reader.at++;
  } else {
    skipDigits(reader);
  }
  if (text.charCodeAt(reader.at) === 46) {
    reader.at++;
    skipDigits(reader);
  }
  skipExponent(reader);
  return text.slice(start, reader.at);
}

function skipDigits(reader: Reader): void {
  const start = reader.at;
  while (isDigit(reader.text.charCodeAt(reader.at))) {
    reader.at++;
  }
  if (reader.at === start) {
    throw unexpected(reader, 'a digit');
  }
}

function skipExponent(reader: Reader): void {
  const code = reader.text.charCodeAt(reader.at);
  if (code === 101 || code === 69) {
    const sign = reader.text.charCodeAt(++reader.at);
    reader.at += sign === 43 || sign === 45 ? 1 : 0;
    skipDigits(reader);
  }
}

function checkRange(reader: Reader, text: string, value: number): void {
  const problem = numberProblem(text, value);
  if (problem !== undefined) {
    reader.at -= text.length;
    throw refusal(reader, 'invalid', `the number ${shortened(text)} ${problem}`);
  }
}

function noteText(parent: object, key: string | number, text: string): void {
  const texts = exactTexts(parent) as Record<string, string> | undefined;
  if (texts) {
    texts[key] = text;
  } else {
    attachTexts(parent, { [key]: text });
  }
}

function readLiteral(reader: Reader): JsonValue {
  const text = reader.text;
  if (text.startsWith('true', reader.at)) {
    reader.at += 4;
    return true;
  }
  if (text.startsWith('false', reader.at)) {
    reader.at += 5;
    return false;
  }
  if (text.startsWith('null', reader.at)) {
    reader.at += 4;
    return null;
  }
  throw unexpected(reader, 'a value');
}
