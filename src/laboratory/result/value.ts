/**
 * A result as it was given, checked against what the analyte may be: as text (`5.4`, `<0.5`, `1:160`, `3-5`, a coded
 * value by its code or name) or as an element of FHIR.
 *
 * 1. A quantity comes out in the unit of the analyte with its decimals, rounded half away from zero.
 * 2. What is outside of the absolute intervals cannot be, and is refused; so is a unit that cannot be converted.
 */
import { compare, multiply, parseDecimal as parse, type Decimal } from '../../fhir/decimal.ts';
import { numberText, setMember, type JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { formatDecimal, parseDecimal as placed, roundTo } from '../../fhir/path/decimal.ts';
import type { AnalyteDefinition, ResultType } from '../definition.ts';
import { codings, isObject, object, text, ucumSystem } from '../terms.ts';
import { inUnitOf, undiluted } from './unit.ts';

export type Comparator = '<' | '<=' | '>=' | '>';

export interface Checked {
  /** `valueQuantity` and its content, or another of the kind. */
  readonly element: JsonObject;
  /** In the unit of the analyte: of a quantity, an integer, a titre (its second number). */
  readonly value?: Decimal;
  readonly comparator?: Comparator;
  /** Of a range. */
  readonly bounds?: { readonly low: Decimal; readonly high: Decimal };
  /** Of a coded value: what the catalogue says that it means. */
  readonly interpretation?: string;
}

export interface Given {
  /** As text … */
  readonly text?: string;
  /** … with a unit of UCUM, where it is another than the analyte's … */
  readonly unit?: string;
  /** … or as `valueQuantity`, `valueCodeableConcept`, … */
  readonly element?: JsonObject;
  /** The specimen was diluted so many times. */
  readonly dilution?: string;
}

export function checkValue(definition: AnalyteDefinition, given: Given): Checked {
  const checked = read(definition, given);
  checkPossible(definition, checked);
  return checked;
}

function refuse(definition: AnalyteDefinition, sentence: string): never {
  throw outcomeError('value', `${nameOf(definition)}: ${sentence}`, { expression: 'Observation.value' });
}

export function nameOf({ code, id }: AnalyteDefinition): string {
  return code ?? id;
}

function read(definition: AnalyteDefinition, given: Given): Checked {
  if (given.element !== undefined) return fromElement(definition, given.element, given.dilution);
  const written = (given.text ?? '').trim();
  for (const type of definition.types) {
    const found = byType[type]?.(definition, written, given);
    if (found !== undefined) return found;
  }
  return refuse(definition, `"${written.slice(0, 60)}" is none of ${definition.types.join(', ')}.`);
}

type Reader = (definition: AnalyteDefinition, written: string, given: Given) => Checked | undefined;

const byType: Readonly<Partial<Record<ResultType, Reader>>> = {
  Quantity: (definition, written, { unit, dilution }) => {
    const [, comparator, number] = /^([<>]=?)?\s*([+-]?\d+(?:\.\d+)?)$/.exec(plainComparator(written)) ?? [];
    const value = number === undefined ? undefined : parse(number);
    if (value === undefined) return undefined;
    const measure = { value, unit: unit ?? definition.unit?.code ?? '1' };
    return quantity(definition, measure, comparator as Comparator | undefined, dilution);
  },
  integer: (_, written) => {
    if (!/^[+-]?\d{1,9}$/.test(written)) return undefined;
    return { element: { valueInteger: Number(written) }, value: parse(String(Number(written)))! };
  },
  Ratio: (definition, written, { dilution }) => {
    if (dilution !== undefined)
      return refuse(definition, 'a titre is of the undiluted specimen: it takes no dilution.');
    const [, first, second] = /^(\d{1,9})\s*[:/]\s*(\d{1,9})$/.exec(written) ?? [];
    if (first === undefined || second === undefined || Number(first) === 0) return undefined;
    return ratio(first, second);
  },
  Range: (definition, written, { unit, dilution }) => {
    const [, first = '', second = ''] = /^(\d+(?:\.\d+)?)\s*(?:-|–|\.\.)\s*(\d+(?:\.\d+)?)$/.exec(written) ?? [];
    const [low, high] = [parse(first), parse(second)];
    if (low === undefined || high === undefined || compare(low, high) > 0) return undefined;
    const measured = unit ?? definition.unit?.code ?? '1';
    const ends = [low, high].map((value) => ownValue(definition, { value, unit: measured }, dilution));
    return range(definition, ends[0]!, ends[1]!);
  },
  CodeableConcept: (definition, written) => {
    const token = written.toLowerCase();
    const found = definition.codedValues.find(({ coding }) =>
      [coding['code'], `${text(coding['system'])}|${text(coding['code'])}`, coding['display']].some(
        (one) => text(one)?.toLowerCase() === token,
      ),
    );
    if (found === undefined) return undefined;
    const { coding, interpretation } = found;
    return {
      element: { valueCodeableConcept: { coding: [coding], text: text(coding['display']) ?? written } },
      ...(interpretation !== undefined && { interpretation }),
    };
  },
  string: (_, written) =>
    written === '' || written.length > 5_000 ? undefined : { element: { valueString: written } },
  boolean: (_, written) =>
    written === 'true' || written === 'false' ? { element: { valueBoolean: written === 'true' } } : undefined,
};

function ratio(first: string, second: string): Checked {
  const part = (value: string): JsonObject => ({ value: Number(value) });
  return {
    element: { valueRatio: { numerator: part(first), denominator: part(second) } },
    value: parse(second)!,
  };
}

function plainComparator(written: string): string {
  return written.replace(/^≤/, '<=').replace(/^≥/, '>=');
}

function quantity(
  definition: AnalyteDefinition,
  measure: { value: Decimal; unit: string },
  comparator: Comparator | undefined,
  dilution: string | undefined,
): Checked {
  const value = ownValue(definition, measure, dilution);
  return {
    element: { valueQuantity: quantityElement(definition, value, comparator) },
    value,
    ...(comparator !== undefined && { comparator }),
  };
}

/** In the unit of the analyte, of the undiluted specimen, with the decimals. */
function ownValue(
  definition: AnalyteDefinition,
  measure: { value: Decimal; unit: string },
  dilution: string | undefined,
): Decimal {
  const converted = inUnitOf(definition, measure);
  if (converted === undefined) {
    const known = definition.unit?.code ?? '1';
    return refuse(definition, `the unit "${measure.unit.slice(0, 40)}" cannot be converted to ${known}.`);
  }
  const whole = dilution === undefined ? converted : undiluted(converted, dilution);
  if (whole === undefined)
    return refuse(definition, `a dilution is a number above 0, not "${dilution?.slice(0, 20)}".`);
  return withDecimals(definition, whole);
}

/** Rounded to the decimals of the analyte. */
export function withDecimals({ decimals }: AnalyteDefinition, value: Decimal): Decimal {
  if (decimals === undefined) return value;
  return roundTo(value.exponent > 0 ? plain(value) : value, decimals);
}

function plain(value: Decimal): Decimal {
  return multiply(value, { digits: 10n ** BigInt(value.exponent), exponent: -value.exponent });
}

export function decimalIn(value: Decimal): string {
  return formatDecimal(value.exponent > 0 ? plain(value) : value);
}

export function quantityElement(
  definition: Pick<AnalyteDefinition, 'unit'>,
  value: Decimal,
  comparator?: Comparator,
): JsonObject {
  const written = decimalIn(value);
  const { unit } = definition;
  const element: JsonObject = {};
  setMember(element, 'value', Number(written), written);
  return Object.assign(element, {
    ...(comparator !== undefined && { comparator }),
    ...(unit !== undefined && { unit: unit.text, system: ucumSystem, code: unit.code }),
  });
}

function range(definition: AnalyteDefinition, low: Decimal, high: Decimal): Checked {
  return {
    element: { valueRange: { low: quantityElement(definition, low), high: quantityElement(definition, high) } },
    bounds: { low, high },
  };
}

function fromElement(definition: AnalyteDefinition, element: JsonObject, dilution: string | undefined): Checked {
  const [key, value] = Object.entries(element)[0] ?? ['', null];
  if (key === 'valueQuantity' && isObject(value) && typeof value['value'] === 'number') {
    const measured = placed(numberText(value, 'value'));
    const unit = text(value['code']) ?? text(value['unit']) ?? definition.unit?.code ?? '1';
    return allowed(definition, 'Quantity')
      ? quantity(definition, { value: measured, unit }, comparatorIn(value), dilution)
      : refuse(definition, `its result is none of Quantity, but ${definition.types.join(' or ')}.`);
  }
  if (key === 'valueCodeableConcept') return coded(definition, object(value));
  if (key === 'valueRange') return rangeIn(definition, object(value), dilution);
  if (key === 'valueRatio') return titre(definition, object(value), dilution);
  const written = typeof value === 'object' ? undefined : String(value);
  if (written !== undefined) return read(definition, { text: written });
  return refuse(definition, `${key || 'nothing'} is none of ${definition.types.join(', ')}.`);
}

function allowed(definition: AnalyteDefinition, type: ResultType): boolean {
  return definition.types.includes(type);
}

function comparatorIn(value: JsonObject): Comparator | undefined {
  return text(value['comparator']) as Comparator | undefined;
}

function coded(definition: AnalyteDefinition, concept: JsonObject): Checked {
  const tokens = codings(concept).map(({ system, code }) => `${text(system)}|${text(code)}`);
  for (const token of tokens) {
    const found = byType.CodeableConcept?.(definition, token, {});
    if (found !== undefined) return found;
  }
  return refuse(definition, `${tokens.join(' or ') || 'no code'} is none of its coded values.`);
}

function rangeIn(definition: AnalyteDefinition, value: JsonObject, dilution: string | undefined): Checked {
  const [low, high] = [object(value['low']), object(value['high'])];
  const units = new Set([low, high].map((end) => text(end['code']) ?? text(end['unit'])));
  if (typeof low['value'] !== 'number' || typeof high['value'] !== 'number' || units.size > 1)
    return refuse(definition, 'a range has a low and a high end in one unit.');
  if (!allowed(definition, 'Range'))
    return refuse(definition, `its result is none of Range, but ${definition.types.join(' or ')}.`);
  const [unit] = units;
  const written = `${numberText(low, 'value')}-${numberText(high, 'value')}`;
  return read(definition, {
    text: written,
    ...(unit !== undefined && { unit }),
    ...(dilution !== undefined && { dilution }),
  });
}

function titre(definition: AnalyteDefinition, value: JsonObject, dilution: string | undefined): Checked {
  const [first, second] = [object(value['numerator']), object(value['denominator'])];
  if (!allowed(definition, 'Ratio') || typeof first['value'] !== 'number' || typeof second['value'] !== 'number')
    return refuse(definition, `a ratio of two numbers is expected, of one of ${definition.types.join(', ')}.`);
  const written = `${numberText(first, 'value')}:${numberText(second, 'value')}`;
  return read(definition, { text: written, ...(dilution !== undefined && { dilution }) });
}

function checkPossible(definition: AnalyteDefinition, { value, bounds }: Checked): void {
  const ends = bounds === undefined ? (value === undefined ? [] : [value]) : [bounds.low, bounds.high];
  for (const { low, high } of definition.intervals.filter(({ category }) => category === 'absolute')) {
    const outside = ends.find(
      (end) =>
        (low !== undefined && compare(end, low.value) < 0) || (high !== undefined && compare(end, high.value) > 0),
    );
    if (outside === undefined) continue;
    const [from, to] = [low && decimalIn(low.value), high && decimalIn(high.value)];
    const unit = definition.unit?.text ?? '';
    throw outcomeError(
      'business-rule',
      `${nameOf(definition)}: ${decimalIn(outside)} ${unit} is outside of what is possible, ${from ?? '…'} to ${to ?? '…'}.`,
      { expression: 'Observation.value' },
    );
  }
}
