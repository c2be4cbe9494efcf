/** Conversion of single values: toX() and convertsToX(). http://hl7.org/fhirpath/N1/#conversion */
import { plain, withValues, type Call, type Functions, type PathFunction } from './call.ts';
import { textOfNumber } from './equality.ts';
import { single, singleText } from './evaluation.ts';
import { none, numberNode, stringNode, valueNode, type Node } from './node.ts';
import { collection, condition } from './piece.ts';
import { compareQuantities, quantityIn, quantityNode, quantityOf } from './quantity.ts';
import { parseTemporal } from './temporal.ts';
import { kindOf } from './types.ts';

type Convert = (node: Node, unit?: string) => Node | undefined;

const truths: Record<string, boolean> = Object.assign(Object.create(null), {
  true: true,
  t: true,
  yes: true,
  y: true,
  '1': true,
  '1.0': true,
  false: false,
  f: false,
  no: false,
  n: false,
  '0': false,
  '0.0': false,
});

function textOf(node: Node): string | undefined {
  switch (typeof node.value) {
    case 'string':
      return node.value;
    case 'number':
      return textOfNumber(node);
    case 'boolean':
      return String(node.value);
    default:
      return quantityText(node);
  }
}

const calendar = new Set(['year', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond']);

function quantityText(node: Node): string | undefined {
  const quantity = kindOf(node) === 'quantity' ? quantityOf(node) : undefined;
  return quantity && `${quantity.value} ${calendar.has(quantity.unit) ? quantity.unit : `'${quantity.unit}'`}`;
}

const toBoolean: Convert = (node) => {
  if (typeof node.value === 'boolean') {
    return node;
  }
  const text =
    typeof node.value === 'number'
      ? String(node.value)
      : typeof node.value === 'string'
        ? node.value.toLowerCase()
        : '';
  const value = truths[text];
  return value === undefined ? undefined : valueNode(value, 'System.Boolean');
};

function numberFrom(node: Node, pattern: RegExp, type: string): Node | undefined {
  if (typeof node.value === 'boolean') {
    return valueNode(node.value ? 1 : 0, type);
  }
  const text = typeof node.value === 'object' ? undefined : textOf(node);
  return text !== undefined && text.length <= 1_000 && pattern.test(text)
    ? numberNode(text.replace(/^\+/, ''), type)
    : undefined;
}

const toInteger: Convert = (node) => {
  const found = kindOf(node) === 'decimal' ? undefined : numberFrom(node, /^[+-]?\d+$/, 'System.Integer');
  return found && Number.isSafeInteger(found.value) ? found : undefined;
};

const toDecimal: Convert = (node) => numberFrom(node, /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/, 'System.Decimal');

const toText: Convert = (node) => {
  const text = textOf(node);
  return text === undefined ? undefined : stringNode(text);
};

/** A date is a date-time of less precision; the day of a date-time is a date. */
function temporal(type: 'System.Date' | 'System.DateTime' | 'System.Time'): Convert {
  const isTime = type === 'System.Time';
  return ({ value }) => {
    const text =
      typeof value !== 'string'
        ? ''
        : type === 'System.Date'
          ? value.slice(0, 10)
          : isTime
            ? value.replace(/^T/, '')
            : value;
    const complete = typeof value === 'string' && parseTemporal(isTime ? text : value, isTime) !== undefined;
    return complete ? valueNode(text, type) : undefined;
  };
}

const quantityPattern = /^([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-z]+))?$/;

const toQuantity: Convert = (node, unit) => {
  const found =
    typeof node.value === 'string'
      ? parseQuantity(node.value)
      : typeof node.value === 'boolean'
        ? quantityNode(node.value ? '1.0' : '0.0', '1')
        : kindOf(node) === 'complex'
          ? undefined
          : fromNumber(node);
  const quantity = found && quantityOf(found);
  return quantity && unit !== undefined ? quantityIn(quantity, unit) : found;
};

function fromNumber(node: Node): Node | undefined {
  const quantity = quantityOf(node);
  return quantity && quantityNode(quantity.value, quantity.unit);
}

function parseQuantity(text: string): Node | undefined {
  const [, value, code, word] = (text.length <= 1_000 && quantityPattern.exec(text)) || [];
  const unit = code ?? word?.replace(/s$/, '');
  if (value === undefined || (word !== undefined && !calendar.has(unit!))) {
    return undefined;
  }
  return quantityNode(value.replace(/^\+/, ''), unit ?? '1');
}

function unitOf({ arguments: [unit] }: Call, scope: Parameters<Call['source']['run']>[0]): string | undefined {
  return unit && singleText(unit.run(scope), 'a unit');
}

function to(convert: Convert, values = 0): PathFunction {
  return withValues(0, values, (call) =>
    collection(call.dependence, (scope) => {
      const node = single(call.source.run(scope), `the source of ${call.name}()`);
      const result = node?.value === undefined ? undefined : convert(node, unitOf(call, scope));
      return result ? [result] : none;
    }),
  );
}

function convertsTo(convert: Convert, values = 0): PathFunction {
  return withValues(0, values, (call) =>
    condition(call.dependence, (scope) => {
      const node = single(call.source.run(scope), `the source of ${call.name}()`);
      return node?.value === undefined ? undefined : convert(node, unitOf(call, scope)) !== undefined;
    }),
  );
}

export const conversion: Functions = {
  toBoolean: to(toBoolean),
  convertsToBoolean: convertsTo(toBoolean),
  toInteger: to(toInteger),
  convertsToInteger: convertsTo(toInteger),
  toDecimal: to(toDecimal),
  convertsToDecimal: convertsTo(toDecimal),
  toString: to(toText),
  convertsToString: convertsTo(toText),
  toDate: to(temporal('System.Date')),
  convertsToDate: convertsTo(temporal('System.Date')),
  toDateTime: to(temporal('System.DateTime')),
  convertsToDateTime: convertsTo(temporal('System.DateTime')),
  toTime: to(temporal('System.Time')),
  convertsToTime: convertsTo(temporal('System.Time')),
  toQuantity: to(toQuantity, 1),
  convertsToQuantity: convertsTo(toQuantity, 1),
  /** Whether two quantities have units that can be compared. */
  comparable: withValues(1, 1, ({ source, arguments: [other], dependence }) =>
    condition(dependence, (scope) => {
      const nodes = [single(source.run(scope), 'a quantity'), single(other!.run(scope), 'a quantity')];
      const [left, right] = nodes.map((node) => node && quantityOf(node));
      return left && right ? compareQuantities(left, right) !== undefined : undefined;
    }),
  ),
  now: plain(({ dependence }) =>
    collection(Math.max(dependence, 1), (scope) => [moment(scope.evaluation.env.now, 'System.DateTime')]),
  ),
  today: plain(({ dependence }) =>
    collection(Math.max(dependence, 1), (scope) => [moment(scope.evaluation.env.now, 'System.Date')]),
  ),
  timeOfDay: plain(({ dependence }) =>
    collection(Math.max(dependence, 1), (scope) => [moment(scope.evaluation.env.now, 'System.Time')]),
  ),
};

function moment(now: Date = new Date(), type: string): Node {
  const text = now.toISOString();
  return valueNode(
    type === 'System.Date' ? text.slice(0, 10) : type === 'System.Time' ? text.slice(11, 23) : text,
    type,
  );
}
