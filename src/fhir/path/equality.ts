/**
 * `=`, `~`, membership and distinctness, and the order of single items. http://hl7.org/fhirpath/N1/#equality
 *
 * Sets are built on `keyOf`, a text that is equal for equal items, so `distinct`, `|`, `in` stay linear on the 10,000
 * entries of a transaction. Quantities of different units are equal by `=` but keep different keys.
 */
import { exactTexts, notedText, type JsonObject, type JsonValue } from '../json-exact.ts';
import { numberText } from '../json.ts';
import { outcomeError } from '../outcome.ts';
import { compareTexts, decimalKey, dropZeros, formatDecimal, parseDecimal, roundTo } from './decimal.ts';
import { isObject, type Node, type Nodes } from './node.ts';
import { compareQuantities, quantityOf } from './quantity.ts';
import { compareTemporalTexts, parseTemporal, temporalKey } from './temporal.ts';
import { kindOf, type Kind } from './types.ts';

/** The exact text of a node that is a number. */
export function textOfNumber(node: Node): string {
  return node.parent ? numberText(node.parent, node.key) : String(node.value);
}

/** Where neither number has digits that JavaScript dropped, the numbers themselves are exact. */
export function compareNumbers(a: Node, b: Node): number {
  const plain = !(a.parent && exactTexts(a.parent)) && !(b.parent && exactTexts(b.parent));
  return plain ? (a.value as number) - (b.value as number) : compareTexts(textOfNumber(a), textOfNumber(b));
}

function isNumber(kind: Kind): boolean {
  return kind === 'integer' || kind === 'decimal';
}

function isDate(kind: Kind): boolean {
  return kind === 'date' || kind === 'dateTime';
}

/** Whether two single items are equal; undefined when that is unknown. */
export function equalNodes(a: Node, b: Node): boolean | undefined {
  if (a.value === undefined || b.value === undefined) {
    return undefined;
  }
  const left = kindOf(a);
  const right = kindOf(b);
  if (typeof a.value === 'number' && typeof b.value === 'number') {
    return compareNumbers(a, b) === 0;
  }
  if ((isDate(left) && isDate(right)) || (left === 'time' && right === 'time')) {
    return equalTemporal(a, b, left === 'time');
  }
  if (left === 'quantity' || right === 'quantity') {
    return equalQuantities(a, b, left, right);
  }
  return isObject(a.value)
    ? isObject(b.value) && valueKey(a.value) === valueKey(b.value)
    : left === right && a.value === b.value;
}

function equalTemporal(a: Node, b: Node, isTime: boolean): boolean | undefined {
  if (a.value === b.value) {
    return true;
  }
  const order = compareTemporalTexts(String(a.value), String(b.value), isTime);
  return order === undefined ? undefined : order === 0;
}

function equalQuantities(a: Node, b: Node, left: Kind, right: Kind): boolean | undefined {
  const comparable = (kind: Kind): boolean => kind === 'quantity' || isNumber(kind);
  if (!comparable(left) || !comparable(right)) {
    return false;
  }
  const first = quantityOf(a);
  const second = quantityOf(b);
  if (!first || !second) {
    return isObject(a.value) && isObject(b.value) && valueKey(a.value) === valueKey(b.value);
  }
  const order = compareQuantities(first, second);
  return order === undefined ? undefined : order === 0;
}

/** `=` of collections: the same items in the same order. */
export function equalCollections(left: Nodes, right: Nodes): boolean | undefined {
  if (left.length === 0 || right.length === 0) {
    return undefined;
  }
  if (left.length !== right.length) {
    return false;
  }
  let answer: boolean | undefined = true;
  for (let index = 0; index < left.length && answer !== false; index++) {
    const equal = equalNodes(left[index]!, right[index]!);
    answer = equal === true ? answer : equal;
  }
  return answer;
}

/** The text of a JSON value without regard to the order of members or the writing of numbers. */
function valueKey(value: JsonValue): string {
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => memberKey(value, index, item)).join(',')}]`;
  }
  if (!isObject(value)) {
    return typeof value === 'number' ? decimalKey(String(value)) : JSON.stringify(value);
  }
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${memberKey(value, name, value[name]!)}`).join(',')}}`;
}

function memberKey(parent: JsonObject | JsonValue[], key: string | number, value: JsonValue): string {
  const texts = typeof value === 'number' ? exactTexts(parent) : undefined;
  const text = texts && notedText(texts, key, value);
  return text === undefined ? valueKey(value) : decimalKey(text);
}

/** A text that is equal for equal items. */
export function keyOf(node: Node): string {
  const { value } = node;
  if (value === undefined) {
    return `x${node.extra ? valueKey(node.extra) : ''}`;
  }
  const kind = kindOf(node);
  if (typeof value === 'number') {
    return `n${decimalKey(textOfNumber(node))}`;
  }
  if (typeof value === 'string' && (isDate(kind) || kind === 'time')) {
    return `${kind === 'time' ? 'T' : 't'}${temporalKey(value, kind === 'time')}`;
  }
  return typeof value === 'string' ? `s${value}` : valueKey(value);
}

/** The items without repetition, the first of each kept. */
export function distinct(nodes: Nodes): Nodes {
  if (nodes.length < 2) {
    return nodes;
  }
  const seen = new Set<string>();
  return nodes.filter((node) => {
    const key = keyOf(node);
    return !seen.has(key) && seen.add(key);
  });
}

/** `~` of single items. http://hl7.org/fhirpath/N1/#equivalent */
export function equivalentNodes(a: Node, b: Node): boolean {
  if (typeof a.value === 'number' && typeof b.value === 'number') {
    return equivalentNumbers(textOfNumber(a), textOfNumber(b));
  }
  if (typeof a.value === 'string' && typeof b.value === 'string' && kindOf(a) === 'string' && kindOf(b) === 'string') {
    return foldText(a.value) === foldText(b.value);
  }
  if (kindOf(a) === 'quantity' || kindOf(b) === 'quantity' || !isObject(a.value) || !isObject(b.value)) {
    return equalNodes(a, b) === true;
  }
  return equivalenceKey(a.value) === equivalenceKey(b.value);
}

function foldText(text: string): string {
  return text.toLowerCase().trim().replace(/\s+/g, ' ');
}

/** Equal when rounded to the places of the less precise one, zeros at the end not counting. */
function equivalentNumbers(left: string, right: string): boolean {
  const [a, b] = [parseDecimal(plainDecimal(left)), parseDecimal(plainDecimal(right))];
  const places = -Math.max(a.exponent, b.exponent);
  return compareTexts(formatDecimal(roundTo(a, places)), formatDecimal(roundTo(b, places))) === 0;
}

function plainDecimal(text: string): string {
  return formatDecimal(dropZeros(parseDecimal(text)));
}

/** As valueKey, but with texts folded and lists in any order. */
function equivalenceKey(value: JsonValue): string {
  if (Array.isArray(value)) {
    return `[${value.map(equivalenceKey).sort().join(',')}]`;
  }
  if (!isObject(value)) {
    return typeof value === 'string' ? JSON.stringify(foldText(value)) : valueKey(value);
  }
  return `{${Object.keys(value)
    .sort()
    .map((name) => `${name}:${equivalenceKey(value[name]!)}`)
    .join(',')}}`;
}

/** `~` of collections: the same items in any order; two empty ones are equivalent. */
export function equivalentCollections(left: Nodes, right: Nodes): boolean {
  if (left.length !== right.length) {
    return false;
  }
  const open = [...right];
  return left.every((item) => {
    const at = open.findIndex((other) => equivalentNodes(item, other));
    return at >= 0 && open.splice(at, 1).length === 1;
  });
}

/** The order of two single items; undefined when unknown. Items that have no common order are an error. */
export function orderNodes(a: Node, b: Node): number | undefined {
  if (a.value === undefined || b.value === undefined) {
    return undefined;
  }
  if (typeof a.value === 'number' && typeof b.value === 'number') {
    return compareNumbers(a, b);
  }
  const left = kindOf(a);
  const right = kindOf(b);
  if (left === 'string' && right === 'string') {
    return compareStrings(String(a.value), String(b.value));
  }
  if ((isDate(left) && isDate(right)) || (left === 'time' && right === 'time')) {
    return compareTemporalTexts(String(a.value), String(b.value), left === 'time');
  }
  if ((left === 'quantity' || isNumber(left)) && (right === 'quantity' || isNumber(right))) {
    return orderQuantities(a, b);
  }
  return orderMixed(a, b, left, right);
}

function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function orderQuantities(a: Node, b: Node): number | undefined {
  const first = quantityOf(a);
  const second = quantityOf(b);
  return first && second && compareQuantities(first, second);
}

/** A FHIR date compared with a text that is one: `birthDate < '2000-01-01'`. */
function orderMixed(a: Node, b: Node, left: Kind, right: Kind): number | undefined {
  const temporal = isDate(left) || left === 'time' ? left : isDate(right) || right === 'time' ? right : undefined;
  if (temporal && (left === 'string' || right === 'string')) {
    const isTime = temporal === 'time';
    const texts = [String(a.value), String(b.value)] as const;
    if (texts.every((text) => parseTemporal(text, isTime))) {
      return compareTemporalTexts(texts[0], texts[1], isTime);
    }
  }
  throw outcomeError('processing', `FHIRPath has no order between ${a.type} and ${b.type}.`);
}
