/**
 * `+ - * / div mod &`, exact in decimals, over numbers, quantities, texts, dates and times.
 * http://hl7.org/fhirpath/N1/#math, #datetime-arithmetic
 */
import { outcomeError } from '../outcome.ts';
import { add, multiply, negate, type Decimal } from '../decimal.ts';
import { divide, divideWhole, formatDecimal, parseDecimal } from './decimal.ts';
import { textOfNumber } from './equality.ts';
import { singleText } from './evaluation.ts';
import { none, numberNode, stringNode, valueNode, type Node, type Nodes } from './node.ts';
import { quantityNode, quantityOf } from './quantity.ts';
import { addToTemporal, formatTemporal, parseTemporal } from './temporal.ts';
import { kindOf, type Kind } from './types.ts';

const maximumText = 1_000_000;

/** `&`: nothing counts as the empty text. */
export function concatenate(left: Nodes, right: Nodes): Nodes {
  return joined(singleText(left, 'an operand of &') ?? '', singleText(right, 'an operand of &') ?? '');
}

function joined(left: string, right: string): Nodes {
  if (left.length + right.length > maximumText) {
    throw outcomeError('too-costly', `A text made by FHIRPath may have ${maximumText} characters.`);
  }
  return [stringNode(left + right)];
}

function isNumber(kind: Kind): boolean {
  return kind === 'integer' || kind === 'decimal';
}

export function arithmetic(operator: string, a: Node | undefined, b: Node | undefined): Nodes {
  if (a?.value === undefined || b?.value === undefined) {
    return none;
  }
  const left = kindOf(a);
  const right = kindOf(b);
  if (isNumber(left) && isNumber(right)) {
    return ofNumbers(operator, a, b, left === 'integer' && right === 'integer');
  }
  if (operator === '+' && left === 'string' && right === 'string') {
    return joined(String(a.value), String(b.value));
  }
  if ((left === 'date' || left === 'dateTime' || left === 'time') && right === 'quantity') {
    return ofTemporal(operator, a, b, left === 'time');
  }
  if (left === 'quantity' || right === 'quantity') {
    return ofQuantities(operator, a, b);
  }
  return refuse(operator, a, b);
}

function refuse(operator: string, a: Node, b: Node): never {
  throw outcomeError('processing', `FHIRPath has no ${operator} between ${a.type} and ${b.type}.`);
}

function ofNumbers(operator: string, a: Node, b: Node, integers: boolean): Nodes {
  const result = calculate(operator, parseDecimal(textOfNumber(a)), parseDecimal(textOfNumber(b)));
  if (result === undefined) {
    return none;
  }
  const type = operator === 'div' || (integers && operator !== '/') ? 'System.Integer' : 'System.Decimal';
  return [numberNode(formatDecimal(result), type)];
}

function calculate(operator: string, a: Decimal, b: Decimal): Decimal | undefined {
  switch (operator) {
    case '+':
      return add(a, b);
    case '-':
      return add(a, negate(b));
    case '*':
      return multiply(a, b);
    case '/':
      return divide(a, b);
    case 'div': {
      const whole = divideWhole(a, b);
      return whole && { digits: whole.quotient, exponent: 0 };
    }
    default:
      return divideWhole(a, b)?.remainder;
  }
}

/** Sums need one unit; products and quotients a number on one side, or a quotient of one unit. */
function ofQuantities(operator: string, a: Node, b: Node): Nodes {
  const left = quantityOf(a);
  const right = quantityOf(b);
  if (!left || !right) {
    return none;
  }
  const unit = resultUnit(operator, left.unit, right.unit);
  if (unit === undefined) {
    return left.unit !== right.unit && (operator === '+' || operator === '-') ? none : refuse(operator, a, b);
  }
  const result = calculate(operator, parseDecimal(left.value), parseDecimal(right.value));
  return result ? [quantityNode(formatDecimal(result), unit)] : none;
}

function resultUnit(operator: string, left: string, right: string): string | undefined {
  switch (operator) {
    case '+':
    case '-':
      return left === right ? left : undefined;
    case '*':
      return right === '1' ? left : left === '1' ? right : undefined;
    case '/':
      return right === '1' ? left : left === right ? '1' : undefined;
    default:
      return undefined;
  }
}

/** UCUM's second and millisecond are the calendar's; its year and month are not, so they cannot be added to a date. */
const calendarUnits: Record<string, string> = { s: 'second', ms: 'millisecond' };

const temporalTypes: Partial<Record<Kind, string>> = {
  date: 'System.Date',
  dateTime: 'System.DateTime',
  time: 'System.Time',
};

function ofTemporal(operator: string, a: Node, b: Node, isTime: boolean): Nodes {
  const moment = parseTemporal(String(a.value), isTime);
  const amount = quantityOf(b);
  if ((operator !== '+' && operator !== '-') || !amount) {
    return refuse(operator, a, b);
  }
  const signed = operator === '-' ? -Number(amount.value) : Number(amount.value);
  const sum = moment && addToTemporal(moment, signed, calendarUnits[amount.unit] ?? amount.unit);
  return sum ? [valueNode(formatTemporal(sum), temporalTypes[kindOf(a)] ?? a.type)] : none;
}

/** Unary minus. */
export function negative(node: Node | undefined): Nodes {
  if (node?.value === undefined) {
    return none;
  }
  const quantity = quantityOf(node);
  if (!quantity) {
    throw outcomeError('processing', `FHIRPath has no negative of ${node.type}.`);
  }
  const text = formatDecimal(negate(parseDecimal(quantity.value)));
  return [
    isNumber(kindOf(node))
      ? numberNode(text, kindOf(node) === 'integer' ? 'System.Integer' : 'System.Decimal')
      : quantityNode(text, quantity.unit),
  ];
}
