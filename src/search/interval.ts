/**
 * FHIR dates as intervals [low, high) of milliseconds since 1970: 2013-01 is the whole month of January.
 *
 * Open ends are ±`endless`; a live resource without a date has `noDate`, which sorts after every date, newest first.
 * A date without a zone is read in the tenant's zone. https://hl7.org/fhir/R4/search.html#date
 */

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export const endless = 9_000_000_000_000_000;
export const noDate = Number.MIN_SAFE_INTEGER;

const pattern = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

const minute = 60_000;

interface Parts {
  readonly fields: readonly number[];
  /** How many of year, month, day, hour, minute, second are given. */
  readonly given: number;
  readonly fraction: string;
  readonly zone: string;
}

function partsOf(text: string): Parts | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const texts = match.slice(1, 7).filter((part) => part !== undefined);
  const [year = 0, month = 1, day = 1, hour = 0, minutes = 0, second = 0] = texts.map(Number);
  const fields = [year, month, day, hour, minutes, second];
  return inCalendar(fields)
    ? { fields, given: texts.length, fraction: match[7] ?? '', zone: match[8] ?? '' }
    : undefined;
}

function inCalendar([year = 0, month = 0, day = 0, hour = 0, minutes = 0, second = 0]: readonly number[]): boolean {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return year >= 1 && day >= 1 && day <= days && hour <= 23 && minutes <= 59 && second <= 60;
}

/** The interval of a FHIR date, dateTime or instant; undefined where the text is none. */
export function dateInterval(text: string, zone: string): Interval | undefined {
  const parts = partsOf(text);
  if (parts === undefined) return undefined;
  const at = (fields: readonly number[]): number => utc(fields) - offset(parts.zone, utc(fields), zone) * minute;
  const low = at(parts.fields);
  if (parts.given < 5) return { low, high: at(next(parts.fields, parts.given)) };
  if (parts.given === 5) return { low, high: low + minute };
  return withFraction(low, parts.fraction);
}

function withFraction(second: number, fraction: string): Interval {
  if (fraction === '') return { low: second, high: second + 1_000 };
  const low = second + Number(fraction.slice(0, 3).padEnd(3, '0'));
  // Finer than a millisecond counts as the whole millisecond.
  return { low, high: low + 10 ** Math.max(0, 3 - fraction.length) };
}

function next(fields: readonly number[], given: number): number[] {
  return fields.map((field, i) => (i === given - 1 ? field + 1 : field));
}

/** Date.UTC reads years below 100 as 19xx. */
function utc([year = 0, month = 1, day = 1, hour = 0, minutes = 0, second = 0]: readonly number[]): number {
  return new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minutes) * 60 + second) * 1_000;
}

/** Minutes that local time is ahead of UTC. */
function offset(written: string, local: number, zone: string): number {
  if (written === 'Z') return 0;
  if (written !== '') {
    const minutes = Number(written.slice(1, 3)) * 60 + Number(written.slice(4, 6));
    return written.startsWith('-') ? -minutes : minutes;
  }
  if (zone === 'UTC') return 0;
  // Where clocks change, the offset of the instant found with the first guess decides.
  return zoneOffset(zone, local - zoneOffset(zone, local) * minute);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function zoneOffset(zone: string, instant: number): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  const name = format.formatToParts(instant).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign, hours = '0', minutes = '0'] = /^GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
}
