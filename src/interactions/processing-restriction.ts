/**
 * Restriction of processing: the data of a restricted patient are stored and not used.
 * https://gdpr-info.eu/art-18-gdpr/
 *
 * | caller | what is open |
 * |---|---|
 * | data protection officer | everything that his scopes give: he answers for the restriction |
 * | the patient himself | his own data: the right of access (Art. 15) stays |
 * | interface | storing: creating, updating, and finding by criteria what is to be updated; nothing of it is shown |
 * | anybody with an override for the patient | what the override opens: a vital interest (Art. 18(2)), audited as such |
 * | everybody else, the operator too | creating: what arrives is stored |
 *
 * Deleting is no storing: who wants his data restricted may want them as evidence (Art. 18(1)(b, c)).
 */
import { officerRole } from '../access/roles.ts';
import type { Permission } from '../access/scopes.ts';
import type { Caller, Context } from '../request.ts';
import { all, type Condition } from '../search/ast.ts';
import type { RestrictedCondition } from '../search/restricted-sql.ts';

export function processingRestriction(context: Context, type: string, permission: Permission): Condition {
  if (!isBound(context, type, permission)) return all;
  const { caller } = context;
  const condition = made.get(caller) ?? restrictedCondition(caller);
  made.set(caller, condition);
  return condition;
}

/** One object for all types of a caller, so that a statement asks once. */
const made = new WeakMap<Caller, Condition>();

/** Whether a restriction can make a difference: to this caller, in a laboratory that has any. The log is no use of data. */
export function isBound(
  { caller, tenant, storing }: Pick<Context, 'caller' | 'tenant' | 'storing'>,
  type: string,
  permission: Permission,
): boolean {
  if (tenant.restrictions === undefined || type === 'AuditEvent' || permission === 'c') return false;
  if (caller.roles.includes(officerRole)) return false;
  const stores = permission === 'u' || (permission !== 'd' && storing === true);
  return !(stores && isInterface(caller));
}

function isInterface({ roles }: Caller): boolean {
  return roles.includes('interface');
}

/** @param unbound patients besides himself whose restriction does not bind */
export function restrictedCondition(
  { fhirUser }: Pick<Caller, 'fhirUser'>,
  unbound: readonly string[] = [],
): RestrictedCondition {
  const self = /^Patient\/(.+)$/.exec(fhirUser ?? '')?.[1];
  return { kind: 'restricted', unbound: self === undefined ? unbound : [self, ...unbound] };
}

/** For finding what is to be updated or referred to. */
export function storing(context: Context): Context {
  return { ...context, storing: true };
}

/** For showing: what was only found to store is not. */
export function showing({ storing: _storing, ...context }: Context): Context {
  return context;
}
