/**
 * Accession numbers by the pattern of the laboratory, as in `{yy}{mm}{dd}-{n:4}{check}`.
 *
 *   {yyyy} {yy} {mm} {dd} {ddd}   year, month, day, day of the year, in the time zone of the laboratory
 *   {section}                     the short name of the container
 *   {n:4}                         the number, with at least so many digits
 *   {check}                       the check digit (Luhn), at the end
 *
 * 1. What stands for a day or a section is part of what is counted for: it begins with 1 again there.
 * 2. The number is counted by the caller (store/accession.ts) under a lock: no gap and none twice.
 */
import { outcomeError } from '../fhir/outcome.ts';

export const accessionSystem = 'urn:makhbar:accession';

export const defaultPattern = '{yy}{mm}{dd}{n:5}{check}';

export interface Numbering {
  readonly pattern: string;
  readonly now: Date;
  readonly zone: string;
  readonly section: string;
}

const number = /\{n(?::(\d{1,2}))?\}/;

/** The sentence that refuses a pattern; undefined for a good one. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > 60) return 'has more than 60 characters';
  if ((pattern.match(new RegExp(number, 'g')) ?? []).length !== 1) return 'must have {n:…} once';
  const rest = pattern.replace(number, '').replace(/\{(yyyy|yy|mm|dd|ddd|section)\}/g, '');
  const plain = rest.replace(/\{check\}$/, '');
  if (rest.includes('{check}') && !pattern.endsWith('{check}')) return 'must have {check} at its end';
  return /^[A-Z0-9./-]*$/.test(plain) ? undefined : 'has something else than A-Z, 0-9, ./- and its parts in braces';
}

/** What is counted for: the pattern with its day and section, without the number. */
export function scopeOf({ pattern, now, zone, section }: Numbering): string {
  const problem = patternProblem(pattern);
  if (problem !== undefined) {
    throw outcomeError('business-rule', `The accession pattern of this laboratory, "${pattern}", ${problem}.`);
  }
  const days = dayParts(now, zone);
  return pattern.replace(/\{(yyyy|yy|mm|dd|ddd|section)\}/g, (_, name: string) =>
    name === 'section' ? section : (days[name] ?? ''),
  );
}

/** The accession number of a count. */
export function accessionNumber(scope: string, count: number): string {
  const text = scope.replace(number, (_, digits: string | undefined) =>
    String(count).padStart(Number(digits ?? 1), '0'),
  );
  return text.endsWith('{check}') ? withCheckDigit(text.slice(0, -'{check}'.length)) : text;
}

/** Letters count as their place in the alphabet and 9: A is 10. */
export function checkDigit(text: string): number {
  const digits = [...text.toUpperCase()].flatMap((character) =>
    /\d/.test(character) ? [character] : /[A-Z]/.test(character) ? [...String(character.charCodeAt(0) - 55)] : [],
  );
  const sum = digits.reverse().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return (10 - (sum % 10)) % 10;
}

function withCheckDigit(text: string): string {
  return `${text}${checkDigit(text)}`;
}

function dayParts(now: Date, zone: string): Readonly<Record<string, string>> {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const [yyyy = '', mm = '', dd = ''] = parts.format(now).split('-');
  const ordinal = (Date.UTC(Number(yyyy), Number(mm) - 1, Number(dd)) - Date.UTC(Number(yyyy), 0, 0)) / 86_400_000;
  return { yyyy, yy: yyyy.slice(-2), mm, dd, ddd: String(ordinal).padStart(3, '0') };
}
