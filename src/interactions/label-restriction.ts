/**
 * Security labels: a caller has a resource only if he is cleared for how confidential it is (meta.security, codes of
 * v3-Confidentiality; a resource without one is N). https://hl7.org/fhir/R4/security-labels.html
 *
 * 1. All confidentialities of a resource must be cleared. One that is written without its system counts as one; codes of
 *    that system that are no degree (deprecated ones such as T, taboo) are cleared for nobody but those cleared for all.
 * 2. It holds for writes too: nobody lowers a label that he may not see, or writes what he could not read again.
 */
import { confidentialities, confidentialitySystem, usualConfidentiality } from '../access/confidentiality.ts';
import type { Caller, Context } from '../request.ts';
import { all, none, type Condition } from '../search/ast.ts';

export function labelRestriction({ caller }: Context): Condition {
  if (caller.clearance === 'all') return all;
  const condition = made.get(caller) ?? labelCondition(caller.clearance);
  made.set(caller, condition);
  return condition;
}

/** One object for all types of a caller, so that a statement asks once. */
const made = new WeakMap<Caller, Condition>();

const systems = [confidentialitySystem, 'urn:oid:2.16.840.1.113883.5.25'];

export function labelCondition(clearance: readonly string[]): Condition {
  if (clearance.length === 0) return none;
  return {
    kind: 'labels',
    cleared: clearance.map((code) => code.toLowerCase()),
    codes: confidentialities.map((code) => code.toLowerCase()),
    systems,
    unlabelled: clearance.includes(usualConfidentiality),
  };
}
