/**
 * Intervals of an analyte: what is usual (reference), what must be told at once (critical: outside of it), what cannot be
 * (absolute: outside of it). https://hl7.org/fhir/R4/observationdefinition-definitions.html
 *
 * 1. Bounds of values are inclusive on both sides, as FHIR's Range is; bounds of ages are [from, to): a child of exactly
 *    one year belongs to the interval that begins with one year.
 * 2. An interval without a bound, sex, age, method or device has no condition there.
 */
import type { Decimal } from '../fhir/decimal.ts';
import { parseDecimal } from '../fhir/decimal.ts';
import { numberText, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { codeIn, codings, extensions, isObject, object, objects, snomedSystem, text } from './terms.ts';

export type IntervalCategory = 'reference' | 'critical' | 'absolute';

/** A number with the UCUM code of its unit. */
export interface Measure {
  readonly value: Decimal;
  readonly unit: string;
}

export interface Interval {
  readonly category: IntervalCategory;
  readonly low?: Measure;
  readonly high?: Measure;
  /** A code of referencerange-meaning: `normal`, `luteal`, `therapeutic`, …; without one, normal. */
  readonly meaning?: string;
  readonly sex?: 'male' | 'female' | 'other' | 'unknown';
  /** UCUM units of time: `a`, `mo`, `wk`, `d`, `h`. */
  readonly age?: { readonly from?: Measure; readonly to?: Measure };
  /** For pregnant patients only. */
  readonly pregnant: boolean;
  /** Weeks (or days) of the pregnancy, or of it at the birth; [from, to) as the age. */
  readonly gestation?: { readonly from?: Measure; readonly to?: Measure };
  /** For results by this method, or of this device or kind of device, only. */
  readonly method?: JsonObject;
  readonly device?: string;
  readonly condition?: string;
  readonly source?: string;
}

/** SNOMED CT: pregnant. */
export const pregnantCode = '77386006';

export function readInterval(element: JsonObject): Interval {
  const range = object(element['range']);
  const [low, high] = [measureOf(range['low']), measureOf(range['high'])];
  const age = spanOf(element['age']);
  const gestation = spanOf(element['gestationalAge']);
  const applies = objects(element['appliesTo']);
  return {
    category: (text(element['category']) ?? 'reference') as IntervalCategory,
    ...(low && { low }),
    ...(high && { high }),
    ...conditions(element),
    ...(age && { age }),
    ...(gestation && { gestation }),
    pregnant: gestation !== undefined || applies.some((one) => codeIn(one, snomedSystem) === pregnantCode),
  };
}

function conditions(element: JsonObject): Partial<Interval> {
  const meaning = text(codings(element['context'])[0]?.['code']);
  const sex = text(element['gender']);
  const condition = text(element['condition']);
  const method = extensions(element, 'interval-method')[0]?.['valueCodeableConcept'];
  const device = text(object(extensions(element, 'interval-device')[0]?.['valueReference'])['reference']);
  const source = text(extensions(element, 'interval-source')[0]?.['valueString']);
  return {
    ...(meaning !== undefined && { meaning }),
    ...(sex !== undefined && { sex: sex as NonNullable<Interval['sex']> }),
    ...(condition !== undefined && { condition }),
    ...(isObject(method) && { method }),
    ...(device !== undefined && { device }),
    ...(source !== undefined && { source }),
  };
}

function spanOf(range: JsonValue | undefined): { from?: Measure; to?: Measure } | undefined {
  if (!isObject(range)) return undefined;
  const [from, to] = [measureOf(range['low']), measureOf(range['high'])];
  return { ...(from && { from }), ...(to && { to }) };
}

/** A Quantity with a value; its code, or the unit as it is written where it has none. */
export function measureOf(quantity: JsonValue | undefined): Measure | undefined {
  if (!isObject(quantity) || typeof quantity['value'] !== 'number') return undefined;
  const value = parseDecimal(numberText(quantity, 'value'));
  return value && { value, unit: text(quantity['code']) ?? text(quantity['unit']) ?? '1' };
}
