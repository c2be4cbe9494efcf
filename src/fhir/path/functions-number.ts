/**
 * Mathematics. http://hl7.org/fhirpath/N1/#math-1
 * abs, ceiling, floor, round, truncate are exact; exp, ln, log, power, sqrt are binary arithmetic, as exact as that is.
 */
import { outcomeError } from '../outcome.ts';
import { plain, withValues, type Call, type Functions, type PathFunction } from './call.ts';
import { negate, type Decimal } from '../decimal.ts';
import { formatDecimal, parseDecimal, roundTo, truncate } from './decimal.ts';
import { textOfNumber } from './equality.ts';
import { single, singleInteger, type Scope } from './evaluation.ts';
import { none, numberNode, type Node, type Nodes } from './node.ts';
import { collection, type Piece } from './piece.ts';
import { quantityNode, quantityOf } from './quantity.ts';
import { kindOf } from './types.ts';

function numberOf(piece: Piece, scope: Scope, name: string): Node | undefined {
  const node = single(piece.run(scope), `the source of ${name}()`);
  if (node?.value !== undefined && typeof node.value !== 'number') {
    throw outcomeError('processing', `FHIRPath ${name}() expects a number, not ${node.type}.`);
  }
  return node?.value === undefined ? undefined : node;
}

function integerNodes(digits: bigint): Nodes {
  return [numberNode(digits.toString(), 'System.Integer')];
}

function exact(change: (value: Decimal) => bigint): PathFunction {
  return plain(({ source, name, dependence }) =>
    collection(dependence, (scope) => {
      const node = numberOf(source, scope, name);
      return node ? integerNodes(change(parseDecimal(textOfNumber(node)))) : none;
    }),
  );
}

function floor(value: Decimal): bigint {
  const whole = truncate(value);
  return value.digits < 0n && whole * 10n ** BigInt(-value.exponent) !== value.digits ? whole - 1n : whole;
}

function ceiling(value: Decimal): bigint {
  return -floor(negate(value));
}

/** Text of a binary number without exponent. */
function decimalNodes(value: number): Nodes {
  if (!Number.isFinite(value)) {
    return none;
  }
  const text = formatDecimal(parseDecimal(String(value)));
  return [numberNode(text.includes('.') ? text : `${text}.0`, 'System.Decimal')];
}

function binary(change: (value: number) => number): PathFunction {
  return plain(({ source, name, dependence }) =>
    collection(dependence, (scope) => {
      const node = numberOf(source, scope, name);
      return node ? decimalNodes(change(node.value as number)) : none;
    }),
  );
}

function binaryWith(change: (value: number, other: number) => number, keepsIntegers: boolean): PathFunction {
  return withValues(1, 1, ({ source, arguments: [other], name, dependence }) =>
    collection(dependence, (scope) => {
      const node = numberOf(source, scope, name);
      const second = numberOf(other!, scope, name);
      if (!node || !second) {
        return none;
      }
      const result = change(node.value as number, second.value as number);
      const integers = keepsIntegers && kindOf(node) === 'integer' && kindOf(second) === 'integer';
      return integers && Number.isSafeInteger(result) ? integerNodes(BigInt(result)) : decimalNodes(result);
    }),
  );
}

function abs({ source, dependence }: Call): Piece {
  return collection(dependence, (scope) => {
    const node = single(source.run(scope), 'the source of abs()');
    const quantity = node && quantityOf(node);
    if (!quantity) {
      return none;
    }
    const text = quantity.value.replace(/^-/, '');
    return [
      kindOf(node) === 'quantity'
        ? quantityNode(text, quantity.unit)
        : numberNode(text, kindOf(node) === 'integer' ? 'System.Integer' : 'System.Decimal'),
    ];
  });
}

function round({ source, arguments: [places], name, dependence }: Call): Piece {
  return collection(dependence, (scope) => {
    const node = numberOf(source, scope, name);
    const kept = places ? (singleInteger(places.run(scope), 'the places of round()') ?? 0) : 0;
    if (kept < 0 || kept > 100) {
      throw outcomeError('processing', 'FHIRPath round() rounds to 0 to 100 places.');
    }
    return node ? [numberNode(formatDecimal(roundTo(parseDecimal(textOfNumber(node)), kept)), 'System.Decimal')] : none;
  });
}

export const number: Functions = {
  abs: plain(abs),
  ceiling: exact(ceiling),
  floor: exact(floor),
  truncate: exact(truncate),
  round: withValues(0, 1, round),
  exp: binary(Math.exp),
  ln: binary(Math.log),
  sqrt: binary(Math.sqrt),
  log: binaryWith((value, base) => Math.log(value) / Math.log(base), false),
  power: binaryWith(Math.pow, true),
};
