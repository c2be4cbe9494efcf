/**
 * With which resources a caller may do what, as a search condition for each type: the one place where permits become
 * conditions. Reads, searches and writes all put their statements under it.
 *
 * 1. A type without an entry (undefined) may not be touched; `all` is for callers without conditions, and keeps their
 *    statements as they are.
 * 2. A filter that cannot be read as search criteria of the type grants nothing and is logged.
 * 3. Chains in filters find only what the caller may see (those of roles: what the roles may) by permits that have no
 *    chains themselves, so that conditions end; and nothing that follows references stands under a negation, where what is not seen would let more through.
 * 4. What does not depend on the moment is worked out once for each caller: 30 permits with filters cost 0.1 ms then, and
 *    nothing later.
 */
import { grantingOf, type Granting } from '../access/decide.ts';
import type { Permit } from '../access/permits.ts';
import type { Permission } from '../access/scopes.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { parseQuery } from '../fhir/query.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import type { Caller, Context } from '../request.ts';
import { alternatives } from '../search/alternatives.ts';
import { and, none, or, type Access, type Condition } from '../search/ast.ts';
import { compartmentCondition } from '../search/compartment.ts';
import { followsReferences, isFixed } from '../search/condition-kinds.ts';
import { joined } from '../search/joined.ts';
import { ofRole } from '../search/of-role.ts';
import type { TenantParameters } from '../search/parameters.ts';
import { parseSearch } from '../search/parse.ts';
import { isResultParameter } from '../search/result-parameters.ts';
import { restrictions } from './access-restrictions.ts';
import { emergencyCondition } from './emergency-access.ts';
import { searchParametersOf } from './search-parameters.ts';

/** What the caller may find (`s`), or read, create, update and delete. */
export function accessOf(context: Context, permission: Permission = 's'): Access {
  const plain = plainAccessOf(context, permission);
  if (permission !== 'r' && permission !== 's') return plain;
  let binary: Condition | undefined;
  return makeAccess(
    (type) => (type === 'Binary' ? (binary ??= binaryAccess(context, plain)) : plain(type)),
    plain.within ?? plain,
  );
}

/** The same without the security context of Binaries, which interactions on a Binary check by themselves. */
export function plainAccessOf(context: Context, permission: Permission): Access {
  const conditions = conditionsOf(context);
  const under = (permitted: (type: string) => Condition | undefined): ((type: string) => Condition | undefined) =>
    remembering((type) => restricted(context, permission, type, permitted(type)));
  const within = under(conditions.within);
  return makeAccess(
    under((type) => conditions.permitted(permission, type)),
    Object.assign(makeAccess(within, within), { ofRole: under(conditions.ofRole) }),
  );
}

/** Whether the permission is given for any resource of the type. */
export function may(context: Context, permission: Permission, type: string): boolean {
  return plainAccessOf(context, permission)(type) !== undefined;
}

/** For the decision at the door: what filters that cannot be read take away is not granted there, either. */
export function grantingFor(context: Context): Granting {
  return { ...grantingOf(context.caller), grants: (permission, type) => may(context, permission, type) };
}

/** Whether it is given for every resource of every type. */
export function mayAll(context: Context, permission: Permission): boolean {
  const access = plainAccessOf(context, permission);
  return resourceTypes.every((type) => access(type)?.kind === 'all');
}

function makeAccess(of: (type: string) => Condition | undefined, within: Access): Access {
  return Object.assign((type: string) => of(type), { within });
}

function remembering(of: (type: string) => Condition | undefined): (type: string) => Condition | undefined {
  const known = new Map<string, Condition | undefined>();
  return (type) => {
    if (!known.has(type)) known.set(type, of(type));
    return known.get(type);
  };
}

/** What the permits leave, under what binds besides them. */
function restricted(
  context: Context,
  permission: Permission,
  type: string,
  permitted: Condition | undefined,
): Condition | undefined {
  const parts = [permitted ?? none, ...restrictions.map((restriction) => restriction(context, type, permission))];
  const emergency = emergencyAccess(context, permission, type);
  const any = joined([...parts, emergency], () => or([and(parts), emergency]));
  return any.kind === 'none' && permitted === undefined ? undefined : any;
}

/** What an open override adds: the permits of the roles that may have one, without the roles' own conditions. */
function emergencyAccess(context: Context, permission: Permission, type: string): Condition {
  const condition = emergencyCondition(context, permission);
  if (condition.kind === 'none') return none;
  const parameters = searchParametersOf(context);
  const permits = (context.caller.breakGlass?.permits ?? []).filter(
    (permit) => (permit.type === '*' || permit.type === type) && permit.permissions.includes(permission),
  );
  const compartments = new Map<string, Condition>();
  return and([
    condition,
    alternatives(permits.map((permit) => permitCondition(context, { permit, type, parameters, compartments }))),
  ]);
}

/** The conditions of a caller's permits, which stay the same as long as the search parameters do. */
interface Conditions {
  readonly of: TenantParameters['of'];
  readonly base: string;
  readonly zone: string;
  permitted(permission: Permission, type: string): Condition | undefined;
  /** What the chains of filters find. */
  within(type: string): Condition | undefined;
  /** And those of the roles' filters. */
  ofRole(type: string): Condition | undefined;
}

const made = new WeakMap<Caller, Conditions>();

function conditionsOf(context: Context): Conditions {
  const parameters = searchParametersOf(context);
  const known = made.get(context.caller);
  if (known?.of === parameters.of && known.base === context.base && known.zone === parameters.zone) return known;
  const conditions = makeConditions(context, parameters);
  made.set(context.caller, conditions);
  return conditions;
}

function makeConditions(context: Context, parameters: TenantParameters): Conditions {
  const { permits, rolePermits } = context.caller;
  const compartments = new Map<string, Condition>();
  const ofPermit = new Map<Permit, Map<string, Condition>>();
  const conditionOf = (permit: Permit, type: string): Condition => {
    const known = ofPermit.get(permit) ?? new Map<string, Condition>();
    ofPermit.set(permit, known);
    const condition = known.get(type) ?? permitCondition(context, { permit, type, parameters, compartments });
    known.set(type, condition);
    return condition;
  };
  const among = (some: readonly Permit[], type: string, allows: (permissions: string) => boolean): Condition[] =>
    some
      .filter((permit) => (permit.type === '*' || permit.type === type) && allows(permit.permissions))
      .map((permit) => conditionOf(permit, type));
  const granted = (conditions: readonly Condition[]): Condition | undefined => {
    const any = alternatives(conditions);
    return any.kind === 'none' ? undefined : any;
  };
  const unchained = (some: readonly Permit[], type: string): Condition | undefined =>
    granted(
      among(some, type, (permissions) => /[rs]/.test(permissions)).filter((condition) => !followsReferences(condition)),
    );
  const byPermission = new Map<string, Condition | undefined>();
  return {
    of: parameters.of,
    base: context.base,
    zone: parameters.zone,
    permitted: (permission, type) => {
      const key = `${permission} ${type}`;
      if (!byPermission.has(key)) {
        byPermission.set(key, granted(among(permits, type, (permissions) => permissions.includes(permission))));
      }
      return byPermission.get(key);
    },
    within: (type) => unchained(permits, type),
    ofRole: (type) => unchained(rolePermits, type),
  };
}

interface Making {
  readonly permit: Permit;
  readonly type: string;
  readonly parameters: TenantParameters;
  readonly compartments: Map<string, Condition>;
}

function permitCondition(context: Context, { permit, type, parameters, compartments }: Making): Condition {
  const inside = permit.compartments.map((one): Condition => {
    const key = `${one.type}/${one.id}`;
    const condition = compartments.get(key) ?? compartmentCondition(one.type, one.id, parameters);
    compartments.set(key, condition);
    return condition;
  });
  const condition = (filter: string): Condition => filterCondition(context, { filter, type, parameters });
  return and([
    ...inside,
    ...permit.filters.map(condition),
    ...permit.roleFilters.map((filter) => ofRole(condition(filter))),
  ]);
}

function filterCondition(
  context: Context,
  { filter, type, parameters }: { filter: string; type: string; parameters: TenantParameters },
): Condition {
  try {
    return parseAccessFilter(type, filter, parameters);
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    // Values may name a patient: the log has the names of the parameters only.
    const names = filter.split('&').map((pair) => pair.split('=')[0]?.slice(0, 80));
    const { client, subject } = context.caller;
    context.server.log.warn({ tenant: context.tenant.name, client, subject, type, names }, 'access filter not usable');
    return none;
  }
}

/** The criteria of a scope. @throws OutcomeError where they are none, or depend on more than the resource can tell. */
export function parseAccessFilter(type: string, filter: string, parameters: TenantParameters): Condition {
  const criteria = parseQuery(filter, 'The filter of a scope');
  const vain = criteria.find(([name, value]) => value === '' || name.startsWith('_format') || isNoCriterion(name));
  if (vain !== undefined || criteria.length === 0) {
    throw outcomeError('invalid', `"${vain?.[0].slice(0, 80) ?? ''}" is no search criterion with a value.`);
  }
  const { condition } = parseSearch(type, criteria, { parameters });
  if (!isFixed(condition)) {
    throw outcomeError(
      'not-supported',
      `The filter of a scope on ${type} must not negate a chain or name a value set.`,
    );
  }
  return condition;
}

const noCriteria: ReadonlySet<string> = new Set(['_format', '_pretty', '_explain', '_cursor', '_page', '_type']);

function isNoCriterion(name: string): boolean {
  return noCriteria.has(name.split(':')[0] ?? '') || isResultParameter(name);
}

/**
 * Binaries without a security context, and those whose context is there and of a type that the caller may read. One
 * that is itself a Binary would ask the same question of that one, and so on: only who may read everything finds those.
 * searchparameters/binary-security-context.json finds the context; without it nothing is found.
 */
function binaryAccess(context: Context, plain: Access): Condition | undefined {
  const own = plain('Binary');
  if (own === undefined || mayAll(context, 'r')) return own;
  const parameter = searchParametersOf(context).of('Binary').byName.get('security-context');
  if (parameter === undefined) return none;
  const readable = plainAccessOf(context, 'r');
  const types = resourceTypes.filter((type) => type !== 'Binary' && readable(type) !== undefined);
  const linked: Condition = { kind: 'linked', paths: parameter.paths, types, access: readable };
  return and([own, or([{ kind: 'missing', parameter }, linked])]);
}
