/**
 * How texts and numbers are written in a report.
 *
 * 1. What data say is shown without control characters and without marks that turn the direction of what follows.
 * 2. What is read from left to right in every language (numbers, intervals, times, units) stands in an isolate (UAX #9).
 * 3. Digits are those of the number as it is stored, in their order and number; only their shapes are of the script.
 */

export const digitSets = ['latn', 'arab'] as const;

export type Digits = (typeof digitSets)[number];

const [isolateLeft, isolateRight, popIsolate] = ['\u2066', '\u2067', '\u2069'];
const [overrideLeft, popOverride] = ['\u202D', '\u202C'];

const fromRight = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}]/u;
const lettersFromRight = /(?=\p{L})[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}]/u;

/** Rule 1. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]+/gu, ' ').trim();
}

/**
 * Rule 2. The signs between two numbers in Arabic digits would turn them round even in an isolate, so that all is overridden
 * where there are no letters of the other direction.
 */
export function fromLeft(text: string): string {
  if (text === '') return '';
  const kept = lettersFromRight.test(text) ? text : `${overrideLeft}${text}${popOverride}`;
  return `${isolateLeft}${kept}${popIsolate}`;
}

export function inDirection(text: string, direction: 'ltr' | 'rtl'): string {
  return text === '' ? '' : `${direction === 'ltr' ? isolateLeft : isolateRight}${text}${popIsolate}`;
}

/** What people wrote, in its own direction whatever stands round it. */
export function inOwnDirection(text: string): string {
  const first = /\p{L}/u.exec(text)?.[0];
  return inDirection(text, first !== undefined && fromRight.test(first) ? 'rtl' : 'ltr');
}

/** Without the marks that these functions put in. */
export function unmarked(text: string): string {
  return text.replace(/[\u202A-\u202E\u2066-\u2069]/g, '');
}

/** Rule 3: digits of a number, with the decimal mark of the script. */
export function inDigits(text: string, digits: Digits): string {
  if (digits === 'latn') return text;
  return text
    .replace(/(?<=\d)\.(?=\d)/g, '\u066B')
    .replace(/\d/g, (digit) => String.fromCharCode(0x0660 + Number(digit)));
}

/** `2026-01-31 08:15`, in the laboratory's zone; what has no time stands as the date it is. */
export function timeText(instant: string | undefined, clock: Intl.DateTimeFormat): string {
  if (instant === undefined) return '';
  if (!instant.includes('T')) return plain(instant);
  const time = new Date(instant);
  if (Number.isNaN(time.getTime())) return plain(instant);
  return clock.format(time).replace(',', '');
}

/** Making one costs half a millisecond, and a report has many times: one for all times of a report. */
export function clockOf(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
}
