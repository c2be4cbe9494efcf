/** What an override in an emergency opens besides a caller's usual access (access/break-glass.ts says by which rules). */
import { opened } from '../access/break-glass.ts';
import type { Permission } from '../access/scopes.ts';
import type { Caller, Context } from '../request.ts';
import { and, none, or, type Condition } from '../search/ast.ts';
import { compartmentCondition } from '../search/compartment.ts';
import { consentCondition, defaultFor, isBound } from './consent-restriction.ts';
import { labelCondition } from './label-restriction.ts';
import { restrictedCondition } from './processing-restriction.ts';
import { searchParametersOf } from './search-parameters.ts';

/** For the patients of the overrides, whatever the type; `none` without any. */
export function emergencyCondition(context: Context, permission: Permission): Condition {
  const { caller } = context;
  const { overrides = [] } = caller;
  if (overrides.length === 0 || caller.breakGlass === undefined) return none;
  const conditions = made.get(caller) ?? new Map<Permission, Condition>();
  made.set(caller, conditions);
  const condition = conditions.get(permission) ?? makeCondition(context, permission, overrides);
  conditions.set(permission, condition);
  return condition;
}

/** A caller with overrides is made for one request; one object for all types, so that a statement asks once. */
const made = new WeakMap<Caller, Map<Permission, Condition>>();

function makeCondition(context: Context, permission: Permission, overrides: readonly string[]): Condition {
  const { caller } = context;
  const parameters = searchParametersOf(context);
  const otherwise = defaultFor(context, permission);
  return and([
    or(overrides.map((id) => compartmentCondition('Patient', id, parameters))),
    ...(caller.clearance === 'all' ? [] : [labelCondition([...new Set([...caller.clearance, ...opened])])]),
    ...(isBound(context, otherwise) ? [consentCondition(caller, permission, otherwise, overrides)] : []),
    ...(context.tenant.restrictions === undefined ? [] : [restrictedCondition(caller, overrides)]),
  ]);
}
