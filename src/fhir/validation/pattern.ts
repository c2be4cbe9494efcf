/**
 * fixed[x] and pattern[x] of a profile. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_
 */
import type { JsonObject, JsonValue } from '../json.ts';
import { equal } from './invariant-members.ts';

/** fixed[x]: exactly the same, members without order. */
export function isFixed(value: JsonValue | undefined, fixed: JsonValue): boolean {
  return equal(value, fixed);
}

/** pattern[x]: everything in the pattern is found in the value; each item of a list somewhere in the list. */
export function matchesPattern(value: JsonValue | undefined, pattern: JsonValue): boolean {
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && pattern.every((wanted) => value.some((item) => matchesPattern(item, wanted)));
  }
  if (typeof pattern !== 'object' || pattern === null) return value === pattern;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(pattern).every(([name, wanted]) => matchesPattern((value as JsonObject)[name], wanted));
}
