/**
 * How constraints written as functions look at the members of a JSON object.
 */
import type { JsonObject, JsonValue } from '../json.ts';
import type { Context } from './context.ts';

/** Whether a constraint holds for a value. */
export type Predicate = (value: JsonValue, context: Context) => boolean;
export type ObjectPredicate = (value: JsonObject, context: Context) => boolean;

/** Whether an element exists, with a value or with extensions only. */
export function has(object: JsonObject, name: string): boolean {
  return object[name] !== undefined || object[`_${name}`] !== undefined;
}

export function list(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return (typeof value === 'object' && value !== null ? value : {}) as JsonObject;
}

/** FHIRPath equality of JSON of the same type: the same members with equal values. */
export function equal(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => equal((left as JsonObject)[name], (right as JsonObject)[name]));
}

/** A text that is the same for equal values: members in the order of their names. */
export function canonicalText(value: JsonValue): string {
  return JSON.stringify(value, (_name, member: JsonValue) => {
    const isPlain = typeof member === 'object' && member !== null && !Array.isArray(member);
    return isPlain ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member;
  });
}
