/**
 * date, dateTime, instant → DTM and TS. HL7 v2.5.1 §2.A.22. The precision is kept; a moment in UTC is written in the zone of
 * the laboratory, as people there read it, any other with the offset that it has.
 */
const pattern = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** '' for what is no time. */
export function timeText(value: unknown, zone: string): string {
  const found = typeof value === 'string' ? pattern.exec(value) : null;
  if (found === null) return '';
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = '', offset = ''] = found;
  if (offset === 'Z') return localText(value as string, fraction, zone);
  // Four digits at most (§2.A.22).
  return year + month + day + hour + minute + second + fraction.slice(0, 5) + offset.replace(':', '');
}

/** FHIR date; '' for what is none. */
export function dateText(value: unknown): string {
  return typeof value === 'string' ? timeText(value.split('T')[0], 'UTC') : '';
}

function localText(instant: string, fraction: string, zone: string): string {
  const moment = new Date(instant);
  const parts = new Map(
    new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', timeZoneName: 'longOffset' },
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
    } as Intl.DateTimeFormatOptions)
      .formatToParts(moment)
      .map(({ type, value }) => [type, value]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): string => parts.get(name) ?? '';
  const [, sign = '+', hours = '00', minutes = '00'] = /GMT([+-])(\d\d):?(\d\d)?/.exec(part('timeZoneName')) ?? [];
  const date = part('year').padStart(4, '0') + part('month') + part('day');
  return `${date}${part('hour')}${part('minute')}${part('second')}${fraction.slice(0, 5)}${sign}${hours}${minutes}`;
}
