/**
 * Until when a request is to be answered: a month, and two more where the person is told why. Pure.
 * https://gdpr-info.eu/art-12-gdpr/ paragraph 3; Regulation 1182/71 Art. 3(2)(c): a period of months ends with the day of
 * the same date, or, where a month has none, with its last day.
 */
const months = 1;
const extension = 2;

/** The day (in the laboratory's zone) with which the month ends. */
export function dueDay(received: Date, zone = 'UTC'): string {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(received);
  return monthsAfter(day, months);
}

/** The last day that an extension can reach, counted from the day on which the request came. */
export function extendedDay(received: Date, zone = 'UTC'): string {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(received);
  return monthsAfter(day, months + extension);
}

/** `2026-01-31` and one month: `2026-02-28`. */
export function monthsAfter(day: string, count: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const last = new Date(Date.UTC(year, month + count, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + count, Math.min(date, last))).toISOString().slice(0, 10);
}
