/**
 * Dates, date-times and times of partial precision. http://hl7.org/fhirpath/N1/#datetime-equality, #datetime-arithmetic
 *
 * Two values are compared field by field; where one ends before they differ, the order is unknown (undefined).
 *
 * Decision: a date without time is compared with a date-time's own calendar day, whatever its zone: FHIR says that
 * 2012-02-03T10:00:00 lies in a Period that ends 2012-02-03. A time of day without zone is not comparable with one with.
 */

export interface Temporal {
  /** Year, month, day, hour, minute, second as far as given; of a time: hour, minute, second. */
  fields: number[];
  /** Digits after the decimal point of the second; no precision of its own. */
  fraction: string;
  /** Minutes east of UTC. */
  offset: number | undefined;
  isTime: boolean;
}

const datePattern =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?(Z|[+-]\d\d:\d\d)?)?$/;
const timePattern = /^(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?$/;

function numbers(texts: (string | undefined)[]): number[] {
  return texts.filter((text) => text !== undefined).map(Number);
}

function parseOffset(text: string | undefined): number | undefined {
  if (text === undefined || text === 'Z') {
    return text && 0;
  }
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4));
  return text.startsWith('-') ? -minutes : minutes;
}

/** Undefined when the text is none, or names a day that does not exist. */
export function parseTemporal(text: string, isTime: boolean): Temporal | undefined {
  const match = (isTime ? timePattern : datePattern).exec(text);
  if (!match) {
    return undefined;
  }
  const last = isTime ? 4 : 7;
  const fields = numbers(match.slice(1, last));
  const value = { fields, fraction: match[last] ?? '', offset: isTime ? undefined : parseOffset(match[8]), isTime };
  return exists(value) ? value : undefined;
}

function exists({ fields, isTime }: Temporal): boolean {
  const [hour = 0, minute = 0, second = 0] = isTime ? fields : fields.slice(3);
  const [year = 0, month = 1, day = 1] = isTime ? [] : fields;
  const inDay = hour < 24 && minute < 60 && second <= 60;
  return inDay && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** In UTC, when there is a minute to shift; else as it is. */
function toUtc(value: Temporal): Temporal {
  const { fields, offset } = value;
  if (!offset || fields.length < 5) {
    return value;
  }
  const moved = shiftMinutes(fields, -offset);
  return { ...value, fields: moved, offset: 0 };
}

function shiftMinutes(fields: number[], minutes: number): number[] {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, ...rest] = fields;
  return [
    ...fromEpoch(utcTime(year, month, day) + hour * 3_600_000 + (minute + minutes) * 60_000).slice(0, 5),
    ...rest,
  ];
}

/** Milliseconds since 1970; unlike Date.UTC also right for the years 0 to 99. */
function utcTime(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day);
}

function fromEpoch(time: number): number[] {
  const date = new Date(time);
  const day = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  return [...day, date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
}

function zoneUnknown(a: Temporal, b: Temporal): boolean {
  return a.fields.length > 3 && b.fields.length > 3 && (a.offset === undefined) !== (b.offset === undefined);
}

/** The order of two values; undefined when the precision (or a missing zone) leaves it open. */
export function compareTemporal(left: Temporal, right: Temporal): number | undefined {
  if (left.isTime !== right.isTime || zoneUnknown(left, right)) {
    return undefined;
  }
  const instants = left.fields.length > 3 && right.fields.length > 3;
  const a = instants ? toUtc(left) : left;
  const b = instants ? toUtc(right) : right;
  const common = Math.min(a.fields.length, b.fields.length);
  for (let index = 0; index < common; index++) {
    const difference = a.fields[index]! - b.fields[index]!;
    if (difference !== 0) {
      return difference;
    }
  }
  return a.fields.length === b.fields.length ? compareFractions(a.fraction, b.fraction) : undefined;
}

function compareFractions(a: string, b: string): number {
  const length = Math.max(a.length, b.length);
  const [left, right] = [a.padEnd(length, '0'), b.padEnd(length, '0')];
  return left < right ? -1 : left > right ? 1 : 0;
}

const fixedForm = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))?$/;

/** As compareTemporal, of texts. Texts of the same form and zone, nearly all there are, are ordered as they stand. */
export function compareTemporalTexts(left: string, right: string, isTime: boolean): number | undefined {
  if (
    !isTime &&
    left.length === right.length &&
    fixedForm.test(left) &&
    fixedForm.test(right) &&
    left.slice(19) === right.slice(19)
  ) {
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const a = parseTemporal(left, isTime);
  const b = parseTemporal(right, isTime);
  return a && b && compareTemporal(a, b);
}

/** A text that is the same for equal values. */
export function temporalKey(text: string, isTime: boolean): string {
  const parsed = parseTemporal(text, isTime);
  if (!parsed) {
    return text;
  }
  const { fields, fraction, offset } = toUtc(parsed);
  return `${fields.join(' ')}.${fraction.replace(/0+$/, '')}${fields.length > 3 && offset !== undefined ? 'Z' : ''}`;
}

const unitFields: Record<string, number> = { year: 0, month: 1, day: 2, hour: 3, minute: 4, second: 5 };

/** Adds calendar units; a day that the month does not have becomes its last. The precision stays. */
export function addToTemporal(value: Temporal, amount: number, unit: string): Temporal | undefined {
  const inTime = value.isTime ? 3 : 0;
  const days = unit === 'week' ? amount * 7 : amount;
  const milliseconds = unit === 'millisecond';
  const field = milliseconds ? 5 : unitFields[unit === 'week' ? 'day' : unit];
  if (field === undefined || field < inTime) {
    return undefined;
  }
  const sum =
    field <= 1
      ? addMonths(value, field === 0 ? Math.trunc(amount) * 12 : Math.trunc(amount))
      : addTime(value, field, milliseconds ? amount / 1000 : days);
  return sum.isTime || (sum.fields[0]! >= 0 && sum.fields[0]! <= 9999) ? sum : undefined;
}

function addMonths(value: Temporal, months: number): Temporal {
  const [year = 0, month, day, ...rest] = value.fields;
  if (month === undefined) {
    return { ...value, fields: [year + Math.trunc(months / 12)] };
  }
  const total = year * 12 + month - 1 + months;
  const [newYear, newMonth] = [Math.floor(total / 12), (((total % 12) + 12) % 12) + 1];
  const fields = [newYear, newMonth, ...(day === undefined ? [] : [Math.min(day, daysIn(newYear, newMonth)), ...rest])];
  return { ...value, fields };
}

const fieldMilliseconds: Record<number, number> = { 2: 86_400_000, 3: 3_600_000, 4: 60_000, 5: 1_000 };

/** A smaller unit than the precision is converted to the precision and truncated: @2014 + 24 months = @2016. */
function addTime(value: Temporal, field: number, amount: number): Temporal {
  const { fields, fraction, isTime } = value;
  const precision = fields.length - 1 + (isTime ? 3 : 0);
  if (precision < 2) {
    const days = Math.trunc((amount * fieldMilliseconds[field]!) / 86_400_000);
    return addMonths(value, precision === 0 ? Math.trunc(days / 365) * 12 : Math.trunc(days / 30));
  }
  const unit = fieldMilliseconds[Math.min(precision, 5)]!;
  const whole = field === 5 ? Math.round(amount * 1000) : Math.trunc(amount) * fieldMilliseconds[field]!;
  const added = precision >= 5 ? whole : Math.trunc(whole / unit) * unit;
  const thousandths = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = isTime ? [1970, 1, 1, ...fields] : fields;
  const time = utcTime(year, month, day) + hour * 3_600_000 + minute * 60_000 + second * 1000 + thousandths + added;
  const moved = fromEpoch(time)
    .slice(isTime ? 3 : 0)
    .slice(0, fields.length);
  return { ...value, fields: moved, fraction: newFraction(fraction, time, precision) };
}

function newFraction(fraction: string, time: number, precision: number): string {
  const thousandths = ((time % 1000) + 1000) % 1000;
  return precision < 5 || (fraction === '' && thousandths === 0)
    ? ''
    : String(thousandths).padStart(3, '0') + fraction.slice(3);
}

export function formatTemporal({ fields, fraction, offset, isTime }: Temporal): string {
  const text = fields.map((field, index) => String(field).padStart(index === 0 && !isTime ? 4 : 2, '0'));
  const seconds = fraction === '' ? '' : `.${fraction}`;
  if (isTime) {
    return text.join(':') + seconds;
  }
  const time = text.length > 3 ? `T${text.slice(3).join(':')}${seconds}${formatOffset(offset)}` : '';
  return text.slice(0, 3).join('-') + time;
}

function formatOffset(offset: number | undefined): string {
  if (offset === undefined || offset === 0) {
    return offset === 0 ? 'Z' : '';
  }
  const minutes = Math.abs(offset);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}
