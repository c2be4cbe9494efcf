/**
 * The age at collection against the bounds of an interval, by the calendar: who was born on 29 February is a year old on
 * 1 March of the next. Of a birth date without day or month the middle is taken: a guess.
 */
import { decimalText } from '../../fhir/decimal.ts';
import type { Measure } from '../interval.ts';

const hour = 3_600_000;

function birthOf(written: string): Date | undefined {
  const [, year, month, day] = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?/.exec(written) ?? [];
  if (year === undefined) return undefined;
  const date = new Date(`${year}-${month ?? '07'}-${day ?? (month === undefined ? '01' : '15')}T00:00:00Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** The day on which somebody reaches an age; undefined for a unit that is none of time. */
function reached(birth: Date, { value, unit }: Measure): number | undefined {
  const count = Number(decimalText(value));
  const after = new Date(birth);
  if (unit === 'a' || unit === 'mo') {
    const months = unit === 'a' ? count * 12 : count;
    after.setUTCMonth(after.getUTCMonth() + Math.floor(months));
    return after.getTime() + (months % 1) * 730.5 * hour;
  }
  const hours = { wk: 168, d: 24, h: 1, min: 1 / 60 }[unit];
  return hours === undefined ? undefined : birth.getTime() + count * hours * hour;
}

/** Whether somebody born then is of an age in [from, to) at a time. */
export function isOfAge(
  age: { readonly from?: Measure; readonly to?: Measure },
  birthDate: string,
  at: string,
): boolean {
  const birth = birthOf(birthDate);
  const time = Date.parse(at);
  if (birth === undefined || Number.isNaN(time)) return false;
  const from = age.from === undefined ? -Infinity : (reached(birth, age.from) ?? Infinity);
  const to = age.to === undefined ? Infinity : (reached(birth, age.to) ?? -Infinity);
  return from <= time && time < to;
}

/** Whole years. */
export function yearsAt(birthDate: string | undefined, at: string): number | undefined {
  const birth = birthDate === undefined ? undefined : birthOf(birthDate);
  const date = new Date(at);
  if (birth === undefined || Number.isNaN(date.getTime())) return undefined;
  const years = date.getUTCFullYear() - birth.getUTCFullYear();
  const before =
    date.getUTCMonth() < birth.getUTCMonth() ||
    (date.getUTCMonth() === birth.getUTCMonth() && date.getUTCDate() < birth.getUTCDate());
  return before ? years - 1 : years;
}
