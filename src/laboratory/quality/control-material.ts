/**
 * Material for quality control, as a Substance with the extension control-material (profiles/extension-control-material.json):
 * one for each level of a lot. Its identifiers are what analyzers call it, `instance.expiry` is its end.
 * https://hl7.org/fhir/R4/substance.html
 */
import { add, parseDecimal, subtract, type Decimal } from '../../fhir/decimal.ts';
import { numberText, type JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { dropZeros, formatDecimal, roundTo } from '../../fhir/path/decimal.ts';
import type { AnalyteDefinition } from '../definition.ts';
import { inUnitOf } from '../result/unit.ts';
import { nameOf } from '../result/value.ts';
import { extensions, object, objects, part, text } from '../terms.ts';

export interface ControlTarget {
  /** Code in the catalogue. */
  readonly analyte: string;
  readonly mean?: string;
  readonly sd?: string;
  /** UCUM. */
  readonly unit?: string;
}

export interface ControlMaterial {
  readonly lot: string;
  readonly level: string;
  /** `Device/1`; none for all. */
  readonly devices: readonly string[];
  /** FHIR dateTime. */
  readonly expiry?: string;
  readonly targets: readonly ControlTarget[];
}

/** Undefined for a Substance that is none, or is no longer in use. */
export function readControlMaterial(substance: JsonObject): ControlMaterial | undefined {
  const [extension] = extensions(substance, 'control-material');
  const [lot, level] = ['lot', 'level'].map((name) => text(part(extension, name)?.['valueString']));
  const status = substance['status'];
  if (lot === undefined || level === undefined || (status !== undefined && status !== 'active')) return undefined;
  const parts = objects(extension?.['extension']);
  const expiry = text(objects(substance['instance'])[0]?.['expiry']);
  return {
    ...{ lot, level, ...(expiry !== undefined && { expiry }) },
    devices: parts.flatMap(({ url, valueReference }) =>
      url === 'device' ? (text(object(valueReference)['reference']) ?? []) : [],
    ),
    targets: parts.filter(({ url }) => url === 'target').map(targetOf),
  };
}

function targetOf(extension: JsonObject): ControlTarget {
  const decimal = (name: string): Record<string, string> => {
    const found = part(extension, name);
    return typeof found?.['valueDecimal'] === 'number' ? { [name]: numberText(found, 'valueDecimal') } : {};
  };
  const unit = text(part(extension, 'unit')?.['valueCode']);
  return {
    analyte: text(part(extension, 'analyte')?.['valueCode']) ?? '',
    ...decimal('mean'),
    ...decimal('sd'),
    ...(unit !== undefined && { unit }),
  };
}

/** A day, a month or a year lasts to its end. */
export function isExpired({ expiry }: ControlMaterial, time: string): boolean {
  if (expiry === undefined) return false;
  return expiry.includes('T') ? Date.parse(time) > Date.parse(expiry) : time.slice(0, expiry.length) > expiry;
}

/** A number in the unit of the analyte. @throws OutcomeError `value` (422) where it cannot be converted. */
export function inOwnUnit(definition: AnalyteDefinition, value: string, unit: string | undefined): string {
  const parsed = parseDecimal(value);
  if (parsed === undefined || unit === undefined || unit === definition.unit?.code) return value;
  return written(converted(definition, parsed, unit));
}

/** Mean and standard deviation in the unit of the analyte. */
export function ownTarget(
  definition: AnalyteDefinition,
  { mean, sd, unit }: ControlTarget,
): Pick<ControlTarget, 'mean' | 'sd'> {
  const own = mean === undefined ? {} : { mean: inOwnUnit(definition, mean, unit) };
  if (sd === undefined) return own;
  if (unit === undefined || unit === definition.unit?.code) return { ...own, sd };
  // A distance: a unit may have another zero.
  const [from, distance] = [parseDecimal(mean ?? '0'), parseDecimal(sd)];
  if (from === undefined || distance === undefined) return own;
  const [low, high] = [from, add(from, distance)].map((one) => converted(definition, one, unit));
  return { ...own, sd: written(subtract(high!, low!)) };
}

function converted(definition: AnalyteDefinition, value: Decimal, unit: string): Decimal {
  const own = inUnitOf(definition, { value, unit });
  if (own !== undefined) return own;
  throw outcomeError(
    'value',
    `${nameOf(definition)}: ${unit.slice(0, 40)} cannot be converted to ${definition.unit?.code ?? 'its unit'}.`,
  );
}

/** Places that are more than any analyzer reports. */
const places = 12;

function written(value: Decimal): string {
  return formatDecimal(dropZeros(roundTo(value, places)));
}
