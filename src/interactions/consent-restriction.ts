/**
 * What consents leave of the patients' resources to a caller, as a condition. src/access/consent.ts has the rules.
 *
 * | interaction | actions of consentaction, all of which must be let through |
 * |---|---|
 * | create | collect |
 * | read, search and what shows resources | access or use; disclose too for a purpose outside of care and laboratory |
 * | update, patch, delete | correct; access or use, for who changes a resource has seen it |
 *
 * Bound is every caller whose consent is enforced; a patient is not bound in what concerns himself. The setting
 * consentDefault is about sharing: what is collected waits for no consent, or no patient could be registered.
 */
import { coveringPurposes, emergency, purposeSystem } from '../access/purpose.ts';
import type { Permission } from '../access/scopes.ts';
import { ancestorsOf } from '../fhir/terminology.ts';
import type { Caller, Context } from '../request.ts';
import { all, and, type Condition } from '../search/ast.ts';
import { consentPaths, type ConsentCondition } from '../search/consent-condition.ts';

export function consentRestriction(context: Context, _type: string, permission: Permission): Condition {
  const { caller } = context;
  const otherwise = defaultFor(context, permission);
  if (!isBound(context, otherwise)) return all;
  const conditions = made.get(caller) ?? new Map<string, Condition>();
  made.set(caller, conditions);
  // Found and read is the same.
  const key = `${permission === 's' ? 'r' : permission} ${otherwise}`;
  const condition = conditions.get(key) ?? consentCondition(caller, permission, otherwise);
  conditions.set(key, condition);
  return condition;
}

/** One object for all types of a caller, so that a statement asks once. */
const made = new WeakMap<Caller, Map<string, Condition>>();

type Default = 'permit' | 'deny';

export function defaultFor({ tenant }: Pick<Context, 'tenant'>, permission: Permission): Default {
  return permission === 'c' ? 'permit' : (tenant.settings.consentDefault ?? 'permit');
}

/** Whether consents can make a difference: to this caller, and in a laboratory that has any, or where patients opt in. */
export function isBound({ caller, tenant }: Pick<Context, 'caller' | 'tenant'>, otherwise: Default): boolean {
  return caller.consent !== 'exempt' && (tenant.consents !== undefined || otherwise === 'deny');
}

/** The condition for a caller whom consents bind; `unbound` are patients besides himself whose consents do not. */
export function consentCondition(
  caller: Pick<Caller, 'actors' | 'purposes' | 'fhirUser'>,
  permission: Permission,
  otherwise: Default,
  unbound: readonly string[] = [],
): Condition {
  const sets = actionsOf(permission, caller.purposes);
  return and(sets.map((actions) => oneCondition(caller, { actions, otherwise, unbound })));
}

/** For one set of actions. */
export function oneCondition(
  { actors, purposes, fhirUser }: Pick<Caller, 'actors' | 'purposes' | 'fhirUser'>,
  { actions, otherwise, unbound }: Pick<ConsentCondition, 'actions' | 'otherwise' | 'unbound'>,
): ConsentCondition {
  const self = /^Patient\/(.+)$/.exec(fhirUser ?? '')?.[1];
  return {
    kind: 'consent',
    actors,
    actions,
    // BTG counts for the patients of an override, who do not bind anyway; for all others it is what it is for.
    purposes: coveringPurposes(purposes).filter((code) => code !== emergency),
    otherwise,
    unbound: self === undefined ? unbound : [self, ...unbound],
    ...consentPaths(),
  };
}

const seeing = ['access', 'use'];

/** All of these, each by any of its names. */
export function actionsOf(permission: Permission, purposes: readonly string[]): readonly (readonly string[])[] {
  if (permission === 'c') return [['collect']];
  if (permission === 'u' || permission === 'd') return [['correct'], seeing];
  return purposes.some(isDisclosing) ? [seeing, ['disclose']] : [seeing];
}

/** Purposes within the laboratory and the care, or of the patient himself. */
const inside: readonly string[] = ['TREAT', 'HOPERAT', 'PATRQT'];

function isDisclosing(purpose: string): boolean {
  const above = ancestorsOf(purposeSystem, purpose) ?? new Set([purpose]);
  return !inside.some((code) => above.has(code));
}
