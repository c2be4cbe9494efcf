/**
 * Numbers and quantities as index rows. https://hl7.org/fhir/R4/search.html#quantity
 *
 * A stored number is a point; a Range, a comparator (`<0.01`) and the data of SampledData are intervals. Values with a
 * UCUM code are kept in the canonical unit, others under their own system and code.
 */
import type { JsonObject } from '../fhir/json.ts';
import { numberText } from '../fhir/json.ts';
import { add, compare, decimalText, multiply, parseDecimal, precision, type Decimal } from '../fhir/decimal.ts';
import { hash64 } from './hash.ts';
import type { EmitMaker, Sink } from './sink.ts';
import { canonicalUnit, ucumSystem } from './ucum.ts';

/** Unlimited ends are undefined. */
export interface Span {
  readonly low: Decimal | undefined;
  readonly high: Decimal | undefined;
}

export interface Unit {
  readonly key: string | null;
  readonly convert: (value: Decimal) => Decimal;
}

const asIs = (value: Decimal): Decimal => value;

/** The unit under which values with this system and code are kept and searched. */
export function unitOf(system: string | undefined, code: string | undefined): Unit {
  if (code === undefined || system === undefined) return { key: null, convert: asIs };
  const canonical = system === ucumSystem ? canonicalUnit(code) : undefined;
  if (canonical !== undefined) return { key: hash64(canonical.key), convert: canonical.convert };
  return { key: hash64(`${system}|${code}`), convert: asIs };
}

/** Digits that every float8 tells apart. */
export const floatDigits = 15;

const floatText = (value: Decimal | undefined, open: string): string => (value ? decimalText(value) : open);

/** The exact value where float8 rounds it. */
function exactText(value: Decimal | undefined): string | null {
  return value && precision(value) > floatDigits ? decimalText(value) : null;
}

interface Written {
  readonly span: Span;
  readonly system?: string | undefined;
  readonly code?: string | undefined;
  readonly label?: string | undefined;
}

function push(sink: Sink, param: number, rep: number, { span, system, code, label }: Written): void {
  const unit = unitOf(system, code);
  const low = span.low && unit.convert(span.low);
  const high = span.high && unit.convert(span.high);
  const floats = [floatText(low, '-Infinity'), floatText(high, 'Infinity')];
  // 1e999 is a decimal of FHIR but no float8: PostgreSQL would refuse the row.
  if (floats.some((text, i) => !Number.isFinite(Number(text)) && (i === 0 ? low : high) !== undefined)) return;
  sink.quantity.push([
    param,
    rep,
    unit.key,
    ...floats.map((text) => String(Number(text))),
    exactText(low),
    exactText(high),
    floatText(span.low, '-Infinity'),
    floatText(span.high, 'Infinity'),
    code ?? null,
    label === code ? null : (label ?? null),
  ]);
}

function decimalAt(parent: object, key: string | number): Decimal | undefined {
  const value = (parent as Record<string | number, unknown>)[key];
  return typeof value === 'number' ? parseDecimal(numberText(parent, key)) : undefined;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function spanOf(value: Decimal, comparator: unknown): Span {
  if (comparator === '<' || comparator === '<=') return { low: undefined, high: value };
  if (comparator === '>' || comparator === '>=') return { low: value, high: undefined };
  return { low: value, high: value };
}

function quantity(value: JsonObject): Written | undefined {
  const number = decimalAt(value, 'value');
  if (number === undefined) return undefined;
  const { comparator, system, code, unit } = value;
  return { span: spanOf(number, comparator), system: text(system), code: text(code), label: text(unit) };
}

export const currencySystem = 'urn:iso:std:iso:4217';

function money(value: JsonObject): Written | undefined {
  const number = decimalAt(value, 'value');
  const currency = text(value['currency']);
  return number && { span: spanOf(number, undefined), system: currency && currencySystem, code: currency };
}

function range(value: JsonObject): Written | undefined {
  const low = value['low'] as JsonObject | undefined;
  const high = value['high'] as JsonObject | undefined;
  const span = { low: low && decimalAt(low, 'value'), high: high && decimalAt(high, 'value') };
  if (span.low === undefined && span.high === undefined) return undefined;
  const { system, code, unit } = low ?? high ?? {};
  return { span, system: text(system), code: text(code), label: text(unit) };
}

/** From the least to the greatest of the data: numbers × factor + origin. */
function sampledData(value: JsonObject): Written | undefined {
  const origin = value['origin'] as JsonObject | undefined;
  const zero = origin && decimalAt(origin, 'value');
  if (origin === undefined || zero === undefined) return undefined;
  const factor = decimalAt(value, 'factor') ?? { digits: 1n, exponent: 0 };
  const samples = (text(value['data']) ?? '').split(/\s+/).flatMap((sample) => parseDecimal(sample) ?? []);
  const values = samples.map((sample) => add(multiply(sample, factor), zero)).sort(compare);
  const { system, code, unit } = origin;
  const span = { low: values[0], high: values.at(-1) };
  return span.low && { span, system: text(system), code: text(code), label: text(unit) };
}

const readers: Readonly<Record<string, (value: JsonObject) => Written | undefined>> = {
  Quantity: quantity,
  SimpleQuantity: quantity,
  Age: quantity,
  Count: quantity,
  Distance: quantity,
  Duration: quantity,
  Money: money,
  Range: range,
  SampledData: sampledData,
};

const numbers = new Set(['decimal', 'integer', 'positiveInt', 'unsignedInt']);

export const emitQuantity: EmitMaker = (path, elementType) => {
  if (numbers.has(elementType)) {
    return (_value, parent, key, rep, sink) => {
      const number = decimalAt(parent, key);
      if (number !== undefined) push(sink, path.param, rep, { span: spanOf(number, undefined) });
    };
  }
  const read = readers[elementType];
  return (
    read &&
    ((value, _parent, _key, rep, sink) => {
      const written = read(value as JsonObject);
      if (written !== undefined) push(sink, path.param, rep, written);
    })
  );
};
