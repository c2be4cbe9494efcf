/**
 * Which interval holds for a result: the one with the most conditions that the person, the method and the device meet.
 *
 * 1. A condition that is not known to be met is not met: without a birth date no interval of an age is chosen.
 * 2. An interval of a phase (follicular, luteal) is chosen only where the phase is known, but all of them are shown.
 */
import { compare } from '../../fhir/decimal.ts';
import type { JsonObject } from '../../fhir/json.ts';
import type { Interval, IntervalCategory, Measure } from '../interval.ts';
import { codings } from '../terms.ts';
import { isOfAge } from './age.ts';
import { convert } from './unit.ts';

/** Of whom, when and how it was measured. */
export interface Measured {
  readonly sex?: string;
  readonly birthDate?: string;
  /** When the specimen was collected. */
  readonly at: string;
  readonly pregnant?: boolean;
  readonly gestation?: Measure;
  readonly method?: JsonObject;
  /** References of the device and of its kind. */
  readonly devices?: readonly string[];
  /** `follicular`, `fasting`, … */
  readonly conditions?: readonly string[];
}

export function applicable(intervals: readonly Interval[], category: IntervalCategory, measured: Measured): Interval[] {
  return intervals.filter((one) => one.category === category && holds(one, measured));
}

export function chooseInterval(
  intervals: readonly Interval[],
  category: IntervalCategory,
  measured: Measured,
): Interval | undefined {
  const all = applicable(intervals, category, measured);
  const known = new Set(measured.conditions);
  const fitting = all.filter(({ meaning, condition }) => isUsual(meaning, known) && isUsual(condition, known));
  const found = fitting.length === 0 && all.length === 1 ? all : fitting;
  return found.toSorted((a, b) => weight(b) - weight(a))[0];
}

function isUsual(meaning: string | undefined, known: ReadonlySet<string>): boolean {
  return meaning === undefined || meaning === 'normal' || known.has(meaning);
}

function holds(interval: Interval, measured: Measured): boolean {
  const { sex, age, pregnant, gestation, method, device } = interval;
  return (
    (sex === undefined || sex === measured.sex) &&
    (age === undefined || (measured.birthDate !== undefined && isOfAge(age, measured.birthDate, measured.at))) &&
    (!pregnant || measured.pregnant === true) &&
    (gestation === undefined || (measured.gestation !== undefined && isWithin(gestation, measured.gestation))) &&
    (method === undefined || sharesCode(method, measured.method)) &&
    (device === undefined || measured.devices?.includes(device) === true)
  );
}

function isWithin({ from, to }: NonNullable<Interval['gestation']>, measure: Measure): boolean {
  const value = convert(measure, from?.unit ?? to?.unit ?? measure.unit);
  if (value === undefined) return false;
  return (from === undefined || compare(value, from.value) >= 0) && (to === undefined || compare(value, to.value) < 0);
}

function sharesCode(one: JsonObject, other: JsonObject | undefined): boolean {
  const own = codings(one).map(({ system, code }) => `${String(system)}|${String(code)}`);
  return codings(other).some(({ system, code }) => own.includes(`${String(system)}|${String(code)}`));
}

/** The device before the method, the state of the patient before sex and age. */
function weight({ device, method, pregnant, gestation, condition, meaning, sex, age }: Interval): number {
  return [
    device !== undefined && 64,
    method !== undefined && 32,
    gestation !== undefined && 16,
    pregnant && 8,
    (condition !== undefined || (meaning !== undefined && meaning !== 'normal')) && 4,
    sex !== undefined && 2,
    age !== undefined && 1,
  ].reduce<number>((sum, one) => sum + Number(one), 0);
}
