/**
 * The `value` attribute of a primitive as JSON: numbers and booleans where JSON has them.
 * https://hl7.org/fhir/R4/json.html#primitive
 */
import { numberProblem } from './json-number.ts';

export type PrimitiveValue = { value: string | boolean } | { value: number; text: string } | { problem: string };

/** JSON has no `+5`; FHIR integers may be written so. */
const integer = /^[+-]?(?:0|[1-9]\d*)$/;
const decimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const numbers: Readonly<Record<string, RegExp>> = {
  decimal,
  integer,
  positiveInt: integer,
  unsignedInt: integer,
};

/** The JSON of a primitive of the type `code`, or what is wrong with it. */
export function primitiveFromXml(code: string, text: string): PrimitiveValue {
  if (code === 'boolean') {
    return text === 'true' || text === 'false' ? { value: text === 'true' } : { problem: 'is not true or false' };
  }
  const pattern = numbers[code];
  if (pattern === undefined) {
    return { value: text };
  }
  if (!pattern.test(text)) {
    return { problem: `is not a number of the type ${code}` };
  }
  const digits = text.replace(/^\+/, '');
  const value = Number(digits);
  const problem = numberProblem(digits, value);
  return problem === undefined ? { value, text: digits } : { problem };
}
