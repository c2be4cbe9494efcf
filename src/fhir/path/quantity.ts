/**
 * Quantities in FHIRPath: value and unit, of a FHIR Quantity or of a literal like `4 'mg'` or `2 weeks`, compared across
 * units by UCUM. http://hl7.org/fhirpath/N1/#quantity, https://hl7.org/fhir/R4/fhirpath.html#quantity
 *
 * The UCUM library is loaded when units first differ: most comparisons have one unit, and loading takes a while.
 */
import { createRequire } from 'node:module';
import { attachTexts } from '../json-exact.ts';
import { numberText, type JsonObject } from '../json.ts';
import { multiply } from '../decimal.ts';
import { compareTexts, formatDecimal, parseDecimal } from './decimal.ts';
import { isObject, valueNode, type Node } from './node.ts';

export interface Quantity {
  /** The value's exact text. */
  value: string;
  /** UCUM code or calendar word; '1' when there is none. */
  unit: string;
}

const ucum = 'http://unitsofmeasure.org';

/** Calendar durations that equal UCUM's; a calendar year or month does not (365.25 days is not a calendar year). */
const durations: Record<string, string> = {
  week: 'wk',
  day: 'd',
  hour: 'h',
  minute: 'min',
  second: 's',
  millisecond: 'ms',
};

/** The UCUM library would take these words for UCUM's own year and month. */
const indefinite = new Set(['year', 'month']);

export function quantityNode(value: string, unit: string): Node {
  const object: JsonObject = { value: Number(value), code: unit };
  attachTexts(object, { value });
  return valueNode(object, 'System.Quantity');
}

/** The quantity that a node is; undefined without value or with a comparator. */
export function quantityOf(node: Node): Quantity | undefined {
  const { value } = node;
  if (typeof value === 'number') {
    return { value: node.parent ? numberText(node.parent, node.key) : String(value), unit: '1' };
  }
  if (!isObject(value) || typeof value['value'] !== 'number' || value['comparator'] !== undefined) {
    return undefined;
  }
  return { value: numberText(value, 'value'), unit: unitOf(value, node.type) };
}

function unitOf(quantity: JsonObject, type: string): string {
  const { code, system, unit } = quantity;
  if (typeof code === 'string') {
    return type === 'System.Quantity' || system === ucum || system === undefined ? code : `${String(system)}|${code}`;
  }
  return typeof unit === 'string' ? unit : '1';
}

interface UcumUtils {
  convertUnitTo(from: string, value: number, to: string): { status: string; toVal: number | null };
}

let utils: UcumUtils | undefined;

function ucumUtils(): UcumUtils {
  if (!utils) {
    const library = createRequire(import.meta.url)('@lhncbc/ucum-lhc') as {
      UcumLhcUtils: { getInstance(): UcumUtils };
    };
    utils = library.UcumLhcUtils.getInstance();
  }
  return utils;
}

const factors = new Map<string, string | undefined>();
const maximumFactors = 10_000;

/** The factor from one unit to another as a decimal text; undefined when they are not comparable by a factor. */
function factorBetween(from: string, to: string): string | undefined {
  const pair = `${from}\u0000${to}`;
  if (factors.has(pair)) {
    return factors.get(pair);
  }
  if (factors.size >= maximumFactors) {
    factors.clear();
  }
  const factor = convert(from, to);
  factors.set(pair, factor);
  return factor;
}

/** Special units (Cel, pH) have an offset or a logarithm, hence no factor; they are comparable among themselves only. */
function convert(from: string, to: string): string | undefined {
  if (from.length > 100 || to.length > 100 || indefinite.has(from) || indefinite.has(to)) {
    return undefined;
  }
  const zero = ucumUtils().convertUnitTo(from, 0, to);
  const one = ucumUtils().convertUnitTo(from, 1, to);
  if (zero.status !== 'succeeded' || one.status !== 'succeeded' || zero.toVal !== 0 || !one.toVal) {
    return undefined;
  }
  // Factors come out of binary arithmetic with an error in the last digits: 0.0010000000000000002.
  return String(Number(one.toVal.toPrecision(14)));
}

/** The order of two quantities; undefined when their units are not comparable. */
export function compareQuantities(left: Quantity, right: Quantity): number | undefined {
  const from = durations[left.unit] ?? left.unit;
  const to = durations[right.unit] ?? right.unit;
  if (from === to) {
    return compareTexts(left.value, right.value);
  }
  const factor = factorBetween(from, to);
  if (factor === undefined) {
    return undefined;
  }
  return compareTexts(formatDecimal(multiply(parseDecimal(left.value), parseDecimal(factor))), right.value);
}

/** The same quantity in another unit; undefined when there is no factor between them. */
export function quantityIn({ value, unit }: Quantity, target: string): Node | undefined {
  const from = durations[unit] ?? unit;
  const to = durations[target] ?? target;
  const factor = from === to ? '1' : factorBetween(from, to);
  return factor === undefined
    ? undefined
    : quantityNode(formatDecimal(multiply(parseDecimal(value), parseDecimal(factor))), target);
}
