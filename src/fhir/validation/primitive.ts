/**
 * The lexical rules of the primitive types. https://hl7.org/fhir/R4/datatypes.html#primitive
 *
 * Invariants: every rule runs in linear time (the specification's regex of base64Binary backtracks exponentially, so it
 * is a loop here); a date names a day that the calendar has; a number is judged by its text as written.
 */
import { isPlainBase64 } from '../base64.ts';
import { EXACT, type JsonObject, type JsonValue } from '../json.ts';

/** Whether a value, which is `holder[key]`, is right for its type. */
export type PrimitiveTest = (value: JsonValue, holder: JsonObject | JsonValue[], key: string | number) => boolean;

export interface PrimitiveRule {
  test: PrimitiveTest;
  /** Continues "… must be". */
  words: string;
}

/** 1 MB, counted in characters: https://hl7.org/fhir/R4/datatypes.html#string */
const MAXIMUM_LENGTH = 1024 * 1024;

/** XML 1.0 cannot carry these, so a string with one could not be given out in both formats. */
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/;

const year = '(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)';
const month = '(?:0[1-9]|1[0-2])';
const day = '(?:0[1-9]|[12][0-9]|3[01])';
const clock = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?';
const zone = '(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))';

const datePattern = new RegExp(`^${year}(?:-${month}(?:-${day})?)?$`);
const dateTimePattern = new RegExp(`^${year}(?:-${month}(?:-${day}(?:T${clock}${zone})?)?)?$`);
const instantPattern = new RegExp(`^${year}-${month}-${day}T${clock}${zone}$`);
const timePattern = new RegExp(`^${clock}$`);

/** Whether the day of `YYYY-MM-DD…` exists in its month; texts without a day are right. */
function dayExists(text: string): boolean {
  if (text.length < 10) return true;
  const dayOfMonth = Number(text.slice(8, 10));
  if (dayOfMonth <= 28) return true;
  return dayOfMonth <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}

function text(test: (value: string) => boolean): PrimitiveTest {
  return (value) => typeof value === 'string' && test(value);
}

function pattern(regex: RegExp): PrimitiveTest {
  return text((value) => regex.test(value));
}

function calendar(regex: RegExp): PrimitiveTest {
  return text((value) => regex.test(value) && dayExists(value));
}

function isString(value: string): boolean {
  return /\S/.test(value) && value.length <= MAXIMUM_LENGTH && !controls.test(value) && value.isWellFormed();
}

function isUri(value: string): boolean {
  return value.length > 0 && !/\s/.test(value) && isString(value);
}

function integer(low: number, high: number): PrimitiveTest {
  return (value, holder, key) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) return false;
    const exact = (holder as { [EXACT]?: Record<string, string> })[EXACT]?.[key];
    return exact === undefined || /^-?(?:0|[1-9][0-9]*)$/.test(exact);
  };
}

const EQUALS = 0x3d;

function isBase64Digit(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2f
  );
}

/** Characters from which decoding is faster than looking at each. */
const long = 4_096;

/** Base64 with its padding, white space allowed between. */
function isBase64(value: string): boolean {
  if (value.length > long && isPlainBase64(value)) return true;
  let digits = 0;
  let padding = 0;
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (isBase64Digit(code)) {
      if (padding > 0) return false;
      digits += 1;
    } else if (code === EQUALS) padding += 1;
    else if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return false;
  }
  return digits > 0 && padding <= 2 && (digits + padding) % 4 === 0;
}

const HIGHEST = 2_147_483_647;

const rules: Readonly<Record<string, PrimitiveRule>> = {
  boolean: { test: (value) => typeof value === 'boolean', words: 'true or false' },
  decimal: { test: (value) => typeof value === 'number' && Number.isFinite(value), words: 'a number' },
  integer: {
    test: integer(-HIGHEST - 1, HIGHEST),
    words: 'a whole number of 32 bits, written without point or exponent',
  },
  unsignedInt: {
    test: integer(0, HIGHEST),
    words: 'a whole number from 0 to 2147483647, written without point or exponent',
  },
  positiveInt: {
    test: integer(1, HIGHEST),
    words: 'a whole number from 1 to 2147483647, written without point or exponent',
  },
  string: {
    test: text(isString),
    words: 'a string of 1 to 1048576 characters, not white space alone, without control characters',
  },
  markdown: {
    test: text(isString),
    words: 'a string of 1 to 1048576 characters, not white space alone, without control characters',
  },
  xhtml: { test: text((value) => value.length > 0), words: 'a string' },
  code: {
    test: text((value) => /^[^ \t\r\n]+(?:[ \t\r\n][^ \t\r\n]+)*$/.test(value) && isString(value)),
    words: 'a code: no white space at its ends, single spaces inside',
  },
  id: { test: pattern(/^[A-Za-z0-9\-.]{1,64}$/), words: 'an id: 1 to 64 letters, digits, "-" and "."' },
  uri: { test: text(isUri), words: 'a URI: not empty, without white space' },
  url: { test: text(isUri), words: 'a URL: not empty, without white space' },
  canonical: { test: text(isUri), words: 'a canonical URL: not empty, without white space' },
  oid: { test: pattern(/^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$/), words: 'an OID such as urn:oid:1.2.3' },
  uuid: {
    test: pattern(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
    words: 'a lower-case UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
  },
  date: { test: calendar(datePattern), words: 'a date of the calendar: YYYY, YYYY-MM or YYYY-MM-DD' },
  dateTime: {
    test: calendar(dateTimePattern),
    words:
      'a date of the calendar (YYYY, YYYY-MM, YYYY-MM-DD), or one with seconds and time zone (YYYY-MM-DDThh:mm:ss+zz:zz)',
  },
  instant: {
    test: calendar(instantPattern),
    words: 'an instant with seconds and time zone: YYYY-MM-DDThh:mm:ss.sss+zz:zz',
  },
  time: { test: pattern(timePattern), words: 'a time of day hh:mm:ss' },
  base64Binary: { test: text(isBase64), words: 'base64 with its padding' },
};

/** The rule of a primitive type. */
export function primitiveRule(code: string): PrimitiveRule {
  const rule = Object.hasOwn(rules, code) ? rules[code] : undefined;
  if (rule === undefined) throw new Error(`${code} is no primitive type.`);
  return rule;
}
