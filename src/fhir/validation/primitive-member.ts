/**
 * Checks the JSON members of primitive elements: the value under its name, and the id and extensions under `_name`.
 * In lists the two run side by side, with null where one has nothing. https://hl7.org/fhir/R4/json.html#primitive
 */
import { type Property, shapeOf } from '../definitions.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { type Context, kindOf, quoted, report } from './context.ts';
import { type Invariant, runInvariants } from './invariant.ts';
import { checkNarrative } from './narrative.ts';
import { primitiveRule } from './primitive.ts';
import { checkBesideValue, typeCheck, type ValueCheck } from './type.ts';

export type MemberCheck = (value: JsonValue, object: JsonObject, context: Context) => void;

type ItemCheck = (value: JsonValue, holder: JsonObject | JsonValue[], key: string | number, context: Context) => void;

/** Types whose value may be a link to a contained resource, `#id`. */
const linkTypes = new Set(['uri', 'url', 'canonical']);

const HASH = 0x23;

function itemCheck(code: string, binding: ValueCheck | undefined, invariants: Invariant[]): ItemCheck {
  const rule = primitiveRule(code);
  const { test } = rule;
  const isLink = linkTypes.has(code);
  const isNarrative = code === 'xhtml';
  return (value, holder, key, context) => {
    if (!test(value, holder, key)) {
      reportLexical(value, code, rule.words, context);
      return;
    }
    if (isLink && (value as string).charCodeAt(0) === HASH) noteLink(value as string, code, context);
    if (isNarrative) checkNarrative(value as string, context);
    if (binding !== undefined) binding(value, context);
    if (invariants.length > 0) runInvariants(invariants, value, context);
  };
}

/** A canonical that names a contained resource must find it; a uri may use # for its own ends. */
function noteLink(link: string, code: string, context: Context): void {
  context.localLinks.add(link);
  const found = link === '#' || context.contained?.has(link.slice(1)) === true;
  if (code === 'canonical' && !found) report(context, 'invariant', `names no contained resource: ${quoted(link)}.`);
}

function reportLexical(value: JsonValue, code: string, words: string, context: Context): void {
  if (value === '') report(context, 'value', 'must not be empty: leave it out.');
  else if (Array.isArray(value)) report(context, 'structure', 'must be one value, not a list.');
  else if (typeof value === 'object') report(context, 'structure', `must be ${words} (${code}), not ${kindOf(value)}.`);
  else report(context, 'value', `must be ${words} (${code}), not ${quoted(value)}.`);
}

/** The check of the member that holds the value or values. */
export function primitiveMember(
  property: Property,
  binding: ValueCheck | undefined,
  invariants: Invariant[],
): MemberCheck {
  const { element, type, name } = property;
  const check = itemCheck(type.code, binding, invariants);
  if (element.max <= 1) {
    return (value, object, context) => {
      context.trail.push(element.name);
      check(value, object, name, context);
      context.trail.pop();
    };
  }
  return (value, object, context) => {
    context.trail.push(element.name);
    if (!Array.isArray(value)) report(context, 'structure', `must be a list, not ${kindOf(value)}.`);
    else checkItems(value, object[`_${name}`], element.max, check, context);
    context.trail.pop();
  };
}

function checkItems(
  values: JsonValue[],
  extras: JsonValue | undefined,
  max: number,
  check: ItemCheck,
  context: Context,
): void {
  if (values.length === 0) report(context, 'structure', 'must not be an empty list: leave it out.');
  if (values.length > max) report(context, 'structure', `may occur ${max} times at most, not ${values.length}.`);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as JsonValue;
    if (value === null && Array.isArray(extras) && (extras[index] ?? null) !== null) continue;
    context.trail.push(index);
    check(value, values, index, context);
    context.trail.pop();
  }
}

/** The check of the member `_name`: an Element, or a list of Elements and nulls beside the list of values. */
export function primitiveExtensionMember(property: Property): MemberCheck {
  const { element, name } = property;
  return (value, object, context) => {
    context.trail.push(element.name);
    if (element.max > 1) checkExtras(value, object[name], context);
    else checkExtra(value, object[name] !== undefined, context);
    context.trail.pop();
  };
}

/** An id alone is enough beside a value, not without one (ele-1). */
function checkExtra(extra: JsonValue, hasValue: boolean, context: Context): void {
  if (hasValue) checkBesideValue(extra, context);
  else typeCheck(shapeOf('Element')!)(extra, context);
}

function checkExtras(extras: JsonValue, values: JsonValue | undefined, context: Context): void {
  if (!Array.isArray(extras)) {
    report(context, 'structure', `has ids and extensions (_…) that must be a list, not ${kindOf(extras)}.`);
    return;
  }
  if (extras.length === 0)
    report(context, 'structure', 'must not have an empty list of ids and extensions: leave it out.');
  if (Array.isArray(values) && values.length !== extras.length) {
    const rule = `has ${values.length} values but ${extras.length} ids and extensions (_…): fill the shorter list with nulls.`;
    report(context, 'structure', rule);
  }
  for (let index = 0; index < extras.length; index += 1) {
    const extra = extras[index] as JsonValue;
    context.trail.push(index);
    if (extra !== null) checkExtra(extra, Array.isArray(values) && (values[index] ?? null) !== null, context);
    else if (!Array.isArray(values)) report(context, 'structure', 'must have a value or extensions, not null.');
    context.trail.pop();
  }
}
