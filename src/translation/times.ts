/**
 * DTM and TS → date, dateTime, instant. HL7 v2.5.1 §2.A.22: YYYY[MM[DD[HH[MM[SS[.S+]]]]]][+/-ZZZZ].
 *
 * 1. The precision that was sent is kept: a day stays a day. FHIR knows no hour without a minute and a zone: hours alone
 *    get minutes :00, times without a zone the zone of the interface.
 * 2. Zeros at the end mean what they say: 2026013100 is midnight of that day in the standard; many senders fill with zeros
 *    up to twelve or fourteen digits, which is read the same way.
 */

interface Parts {
  readonly date: string;
  readonly time: string;
  readonly zone: string;
}

const pattern = /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?$/;

function partsOf(text: string): Parts | undefined {
  const found = pattern.exec(text.trim());
  if (found === null) return undefined;
  const [, year = '', month = '', day = '', hour = '', minute = '00', second = '00', fraction = '', offset = ''] =
    found;
  if (year === '0000' || Number(month || 1) > 12 || Number(month || 1) < 1) return undefined;
  if (day !== '' && !isDay(Number(year), Number(month), Number(day))) return undefined;
  if (Number(hour || 0) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const date = [year, month, day].filter((part) => part !== '').join('-');
  const time = hour === '' ? '' : `${hour}:${minute}:${second}${fraction}`;
  return { date, time, zone: offset === '' ? '' : `${offset.slice(0, 3)}:${offset.slice(3)}` };
}

function isDay(year: number, month: number, day: number): boolean {
  return day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** FHIR dateTime; undefined for what is no time. */
export function dateTime(text: string, zone: string): string | undefined {
  const parts = partsOf(text);
  if (parts === undefined) return undefined;
  const { date, time } = parts;
  return time === '' ? date : `${date}T${time}${parts.zone || offsetOf(date, time, zone)}`;
}

/** FHIR date: of a time its day. */
export function dateOnly(text: string): string | undefined {
  return partsOf(text)?.date;
}

/** FHIR instant, which has a time and a zone: that of the interface where none was sent; undefined for a day alone. */
export function instant(text: string, zone: string): string | undefined {
  const found = dateTime(text, zone);
  return found?.includes('T') ? found : undefined;
}

/** The last ones that were asked for: the results of a message are of the same moment, or of few. */
const offsets = new Map<string, string>();
const mostOffsets = 1_000;

function offsetOf(date: string, time: string, zone: string): string {
  const name = `${zone} ${date}T${time}`;
  const known = offsets.get(name);
  if (known !== undefined) return known;
  if (offsets.size >= mostOffsets) offsets.clear();
  const made = offsetThen(date, time, zone);
  offsets.set(name, made);
  return made;
}

/** The offset of a zone at a local time, `+03:00`. Of two that a change of clocks allows, the one before it. */
function offsetThen(date: string, time: string, zone: string): string {
  const wall = Date.parse(`${date}T${time.slice(0, 8)}Z`);
  const first = offsetAt(wall, zone);
  const second = offsetAt(wall - first * 60_000, zone);
  return offsetText(second);
}

/** By zone: to make one takes fifty times what it takes to use it, and a message has a time for each result. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  formats.set(zone, made);
  return made;
}

/** Minutes east of UTC. */
function offsetAt(utc: number, zone: string): number {
  const name = formatOf(zone)
    .formatToParts(utc)
    .find(({ type }) => type === 'timeZoneName')?.value;
  const [, sign = '+', hours = '0', minutes = '0'] = /GMT([+-])(\d{2}):?(\d{2})?/.exec(name ?? '') ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function offsetText(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
}
