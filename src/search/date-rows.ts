/** Dates, periods and timings as intervals in index rows. https://hl7.org/fhir/R4/search.html#date */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { dateInterval, endless, type Interval } from './interval.ts';
import type { IndexedPath } from './parameters.ts';
import type { EmitMaker, Sink } from './sink.ts';

type Reader = (value: JsonValue | undefined, zone: string) => Interval | undefined;

const dateOf: Reader = (value, zone) => (typeof value === 'string' ? dateInterval(value, zone) : undefined);

const periodOf: Reader = (value, zone) => {
  const { start, end } = value as JsonObject;
  const from = dateOf(start, zone);
  const to = dateOf(end, zone);
  return from || to ? { low: from?.low ?? -endless, high: to?.high ?? endless } : undefined;
};

/** From the first to the last of its events, and the bounds of its repetition. */
const timingOf: Reader = (value, zone) => {
  const { event, repeat } = value as JsonObject;
  const bounds = (repeat as JsonObject | undefined)?.['boundsPeriod'];
  const intervals = [
    ...(Array.isArray(event) ? event.map((item) => dateOf(item, zone)) : []),
    bounds === undefined ? undefined : periodOf(bounds, zone),
  ].filter((interval) => interval !== undefined);
  if (intervals.length === 0) return undefined;
  return {
    low: Math.min(...intervals.map(({ low }) => low)),
    high: Math.max(...intervals.map(({ high }) => high)),
  };
};

const readers: Readonly<Record<string, Reader>> = {
  date: dateOf,
  dateTime: dateOf,
  instant: dateOf,
  Period: periodOf,
  Timing: timingOf,
};

function push(sink: Sink, path: IndexedPath, rep: number, interval: Interval | undefined): void {
  if (interval === undefined) return;
  if (path.column === 'date') {
    sink.dateLow = interval.low;
    sink.dateHigh = interval.high;
  } else {
    sink.date.push([path.param, rep, interval.low, interval.high]);
  }
}

export const emitDate: EmitMaker = (path, elementType) => {
  const read = readers[elementType];
  return read && ((value, _parent, _key, rep, sink) => push(sink, path, rep, read(value, sink.zone)));
};
