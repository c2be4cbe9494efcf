/**
 * Periods of retention: P30D, P18M, P2Y of ISO 8601, one number and one unit. Pure.
 *
 * A period ends with the whole days of UTC that are behind it, and in a shorter month with its last day: never early.
 */

const pattern = /^P([1-9]\d{0,3})([DMY])$/;

export function isPeriod(text: string): boolean {
  return pattern.test(text);
}

/** The moment before which what is there has been kept for the period; milliseconds since 1970. */
export function before(period: string, now: number): number {
  const [, number = '', unit = ''] = pattern.exec(period) ?? [];
  if (unit === '') throw new RangeError(`"${period}" is no period.`);
  const today = new Date(now);
  const [year, month, day] = [today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()];
  if (unit === 'D') return Date.UTC(year, month, day - Number(number));
  const months = unit === 'Y' ? 12 * Number(number) : Number(number);
  const lastDay = new Date(Date.UTC(year, month - months + 1, 0)).getUTCDate();
  return Date.UTC(year, month - months, Math.min(day, lastDay));
}

/** About how many days it has, to compare two of them. */
export function days(period: string): number {
  const [, number = '', unit = ''] = pattern.exec(period) ?? [];
  return Number(number) * ({ D: 1, M: 30.4, Y: 365 }[unit] ?? NaN);
}
