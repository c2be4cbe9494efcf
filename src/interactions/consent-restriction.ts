/**
 * What consents leave of the patients' resources to a caller, as a condition. src/access/consent.ts has the rules.
 *
 * | interaction | actions of consentaction |
 * |---|---|
 * | create | collect |
 * | read, search and what shows resources | access, use; disclose too where a purpose leads out of the care and the running of the laboratory |
 * | update, patch, delete | correct, and access: whoever changes a resource has seen it |
 *
 * Bound is every caller whose consent is enforced; a patient is not bound in what concerns himself. The setting
 * consentDefault is about sharing: what is collected waits for no consent, or no patient could be registered.
 */
import { coveringPurposes, purposeSystem } from '../access/purpose.ts';
import { ancestorsOf } from '../fhir/terminology.ts';
import type { Permission } from '../access/scopes.ts';
import type { Caller, Context } from '../request.ts';
import { all, type Condition } from '../search/ast.ts';
import { consentPaths, type ConsentCondition } from '../search/consent-condition.ts';

export function consentRestriction(context: Context, _type: string, permission: Permission): Condition {
  const { caller, tenant } = context;
  const otherwise = permission === 'c' ? 'permit' : (tenant.settings.consentDefault ?? 'permit');
  if (caller.consent === 'exempt' || (tenant.consents === undefined && otherwise === 'permit')) return all;
  return remembered(caller, permission, otherwise);
}

const made = new WeakMap<Caller, Map<string, ConsentCondition>>();

/** One object for all types, so that a statement asks once. */
function remembered(caller: Caller, permission: Permission, otherwise: 'permit' | 'deny'): ConsentCondition {
  const conditions = made.get(caller) ?? new Map<string, ConsentCondition>();
  made.set(caller, conditions);
  const key = `${permission} ${otherwise}`;
  const condition = conditions.get(key) ?? consentCondition(caller, permission, otherwise);
  conditions.set(key, condition);
  return condition;
}

/** The condition for a caller whose consent is enforced. */
export function consentCondition(
  caller: Pick<Caller, 'actors' | 'purposes' | 'fhirUser'>,
  permission: Permission,
  otherwise: 'permit' | 'deny',
): ConsentCondition {
  const self = /^Patient\/(.+)$/.exec(caller.fhirUser ?? '')?.[1];
  return {
    kind: 'consent',
    actors: caller.actors,
    actions: actionsOf(permission, caller.purposes),
    purposes: coveringPurposes(caller.purposes),
    otherwise,
    unbound: self === undefined ? [] : [self],
    ...consentPaths(),
  };
}

export function actionsOf(permission: Permission, purposes: readonly string[]): string[] {
  if (permission === 'c') return ['collect'];
  if (permission === 'u' || permission === 'd') return ['correct', 'access'];
  return purposes.some(isDisclosing) ? ['access', 'use', 'disclose'] : ['access', 'use'];
}

/** Purposes within the laboratory and the care, or of the patient himself. */
const inside: readonly string[] = ['TREAT', 'HOPERAT', 'PATRQT'];

function isDisclosing(purpose: string): boolean {
  const above = ancestorsOf(purposeSystem, purpose) ?? new Set([purpose]);
  return !inside.some((code) => above.has(code));
}
