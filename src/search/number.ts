/**
 * number and quantity: exact decimals with a prefix and, for a quantity, a unit: `5.4|http://unitsofmeasure.org|mg`,
 * `5.4||mg`, `5.4`. https://hl7.org/fhir/R4/search.html#quantity
 */
import type { Condition, NumberValue, QuantityValue } from './ast.ts';
import type { Given, Modifiers } from './context.ts';
import { decimalText, parseDecimal } from '../fhir/decimal.ts';
import { badValue, prefixOf, split, unescape } from './value.ts';

export function numberValue(name: string, value: string): NumberValue {
  const [prefix, text] = prefixOf(value.trim());
  const number = parseDecimal(text);
  if (number === undefined || !Number.isFinite(Number(decimalText(number)))) {
    throw badValue(name, value, 'a number is [prefix]digits, with an optional fraction and exponent.');
  }
  return { prefix, value: number };
}

export function quantityValue(name: string, value: string): QuantityValue {
  const [number = '', system, code, ...rest] = split(value, '|').map(unescape);
  if (rest.length > 0) throw badValue(name, value, 'a quantity is number, number|system|code or number||unit.');
  const parsed = numberValue(name, number);
  if (code === undefined || code === '') {
    if (system) throw badValue(name, value, 'the code of the unit is missing after its system.');
    return { ...parsed, unit: undefined };
  }
  return { ...parsed, unit: { system: system === '' ? undefined : system, code } };
}

export const numberModifiers: Modifiers = {
  '': (given): Condition => ({
    kind: 'number',
    paths: given.parameter.paths,
    values: given.values.map((value) => numberValue(given.text, value)),
  }),
};

export const quantityModifiers: Modifiers = {
  '': (given: Given): Condition => ({
    kind: 'quantity',
    paths: given.parameter.paths,
    values: given.values.map((value) => quantityValue(given.text, value)),
  }),
};
