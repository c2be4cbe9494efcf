/** The search parameter types: the only place where one is registered. */
import { outcomeError } from '../fhir/outcome.ts';
import type { Condition } from './ast.ts';
import { compositeModifiers } from './composite.ts';
import type { Given, Modifiers, ParseContext } from './context.ts';
import { dateModifiers } from './date.ts';
import { nearModifiers } from './near.ts';
import { numberModifiers, quantityModifiers } from './number.ts';
import type { ParameterType } from './parameters.ts';
import { referenceModifiers, referenceOfType } from './reference.ts';
import { stringModifiers } from './string.ts';
import { tokenModifiers } from './token.ts';
import { uriModifiers } from './uri.ts';

export function modifiersOf(type: ParameterType): Modifiers {
  return {
    token: tokenModifiers,
    string: stringModifiers,
    date: dateModifiers,
    number: numberModifiers,
    quantity: quantityModifiers,
    reference: referenceModifiers,
    uri: uriModifiers,
    composite: compositeModifiers,
    special: nearModifiers,
  }[type];
}

/** The condition of one occurrence of a parameter. @throws OutcomeError where the modifier does not apply. */
export function parseGiven(given: Given, context: ParseContext): Condition {
  const { parameter, modifier } = given;
  if (modifier === 'missing') return missing(given);
  const modifiers = modifiersOf(parameter.type);
  const parse = Object.hasOwn(modifiers, modifier ?? '') ? modifiers[modifier ?? ''] : undefined;
  const condition =
    parse?.(given, context) ?? (parameter.type === 'reference' ? referenceOfType(given, context) : undefined);
  if (condition !== undefined) return condition;
  const allowed = [...Object.keys(modifiers).filter((name) => name !== ''), 'missing'].map((name) => `:${name}`);
  throw outcomeError(
    'not-supported',
    `The modifier ":${modifier}" does not apply to the ${parameter.type} parameter "${parameter.name}" of ${parameter.resourceType}; possible are ${allowed.join(', ')}.`,
    { status: 400 },
  );
}

function missing({ parameter, values, text }: Given): Condition {
  const [value = '', second] = values;
  if (second !== undefined || (value !== 'true' && value !== 'false')) {
    throw outcomeError('invalid', `The search parameter "${text}" must be true or false.`, { status: 400 });
  }
  const condition: Condition = { kind: 'missing', parameter };
  return value === 'true' ? condition : { kind: 'not', part: condition };
}
