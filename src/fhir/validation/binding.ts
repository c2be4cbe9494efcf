/**
 * Checks codes against the value set that an element is bound to.
 * https://hl7.org/fhir/R4/terminologies.html#strength
 *
 * Required bindings (and the maximum of an extensible one) give errors, extensible ones warnings. A code of a system
 * that is not known here (LOINC, SNOMED CT) is never an error.
 */
import type { Binding, Element } from '../definitions.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { codesOf, memberOf, type Membership } from '../terminology.ts';
import { type Context, quoted, report } from './context.ts';
import { isObject, type ValueCheck } from './type.ts';

/** Whether a value of a type is in a value set. */
type Test = (value: JsonValue, valueSet: string) => Membership;

function codingTest(value: JsonValue, valueSet: string): Membership {
  if (!isObject(value)) return 'unknown';
  const { system, code } = value;
  if (typeof code !== 'string') return code === undefined ? false : 'unknown';
  return memberOf(valueSet, typeof system === 'string' ? system : '', code);
}

/** One coding in the value set is enough; others may say the same in other systems. */
function conceptTest(value: JsonValue, valueSet: string): Membership {
  const codings = (value as JsonObject)['coding'];
  if (!Array.isArray(codings)) return false;
  const answers = codings.map((coding) => codingTest(coding, valueSet));
  return answers.includes(true) || (answers.includes('unknown') ? 'unknown' : false);
}

function textTest(value: JsonValue, valueSet: string): Membership {
  return typeof value === 'string' ? memberOf(valueSet, undefined, value) : 'unknown';
}

const tests: Readonly<Record<string, Test>> = {
  code: textTest,
  string: textTest,
  uri: textTest,
  Coding: codingTest,
  Quantity: codingTest,
  CodeableConcept: conceptTest,
};

/** The check of one element's binding; undefined when it has none that decides anything. */
export function bindingCheck(element: Element, code: string): ValueCheck | undefined {
  const test = tests[code];
  const { binding } = element;
  if (test === undefined || binding === undefined) return undefined;
  const checks: ValueCheck[] = [];
  if (binding.strength === 'required') checks.push(strict(binding.valueSet, code, test));
  else if (binding.maximum !== undefined) checks.push(strict(binding.maximum, code, test));
  if (binding.strength === 'extensible') checks.push(lenient(binding, test));
  if (checks.length < 2) return checks[0];
  return (value, context) => checks.forEach((check) => check(value, context));
}

function strict(valueSet: string, code: string, test: Test): ValueCheck {
  if (code !== 'code') return (value, context) => checkStrictly(value, valueSet, test, context);
  // Codes of a closed value set are looked up in a set that is made when the first code comes.
  let codes: ReadonlySet<string> | undefined;
  return (value, context) => {
    codes ??= new Set(codesOf(valueSet)?.map((each) => each.code));
    if (!codes.has(value as string)) checkStrictly(value, valueSet, test, context);
  };
}

function checkStrictly(value: JsonValue, valueSet: string, test: Test, context: Context): void {
  if (test(value, valueSet) !== false) return;
  // An extension may say why there is no code: https://hl7.org/fhir/R4/extension-data-absent-reason.html
  if (isObject(value) && value['extension'] !== undefined && value['coding'] === undefined) return;
  report(context, 'code-invalid', `must have a code of ${choices(valueSet)}${shown(value)}.`);
}

function lenient({ valueSet }: Binding, test: Test): ValueCheck {
  return (value, context) => {
    if (!context.warnings || test(value, valueSet) !== false || hasNoCode(value)) return;
    report(context, 'code-invalid', `should have a code of ${choices(valueSet)}${shown(value)}.`, 'warning');
  };
}

function hasNoCode(value: JsonValue): boolean {
  return isObject(value) && value['coding'] === undefined && value['code'] === undefined;
}

const descriptions = new Map<string, string>();

/** The value set, with its codes when they are few. */
function choices(valueSet: string): string {
  const known = descriptions.get(valueSet);
  if (known !== undefined) return known;
  const codes = codesOf(valueSet) ?? [];
  const few = codes.length > 0 && codes.length <= 12;
  const text = few ? `${valueSet} (${codes.map((each) => each.code).join(', ')})` : valueSet;
  descriptions.set(valueSet, text);
  return text;
}

/** The offending code or codes, with their systems. */
function shown(value: JsonValue): string {
  if (!isObject(value)) return `, not ${quoted(value)}`;
  const codings = Array.isArray(value['coding']) ? value['coding'] : value['code'] === undefined ? [] : [value];
  const codes = codings.slice(0, 3).map((coding) => {
    const { system, code } = isObject(coding) ? coding : {};
    return quoted(`${textOf(system)}|${textOf(code)}`);
  });
  return codes.length === 0 ? '' : `, not ${codes.join(', ')}`;
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
