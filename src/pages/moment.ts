/** Times and durations in the words of a language. */
import type { Texts } from './texts/en.ts';

/** `5 minutes`; rounded up to the largest unit that says it well. */
export function durationText({ locale }: Texts, seconds: number): string {
  const [unit, length] = units.find(([, least]) => seconds > least * 1.5) ?? (['second', 1] as const);
  const count = Math.max(1, Math.ceil(seconds / length));
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** `22 November 2026 at 17:24`, in the laboratory's zone. */
export function momentText({ locale }: Texts, time: Date, timeZone = 'UTC'): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone }).format(time);
}

/** A FHIR date, which may be a year or a year and a month. What is none stands as it is. */
export function dateText({ locale }: Texts, date: string): string {
  const [, year, month, day] = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(date) ?? [];
  if (year === undefined || month === undefined) return date;
  const time = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day ?? 1)));
  const style: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'long', timeZone: 'UTC' };
  return new Intl.DateTimeFormat(locale, day === undefined ? style : { ...style, day: 'numeric' }).format(time);
}
