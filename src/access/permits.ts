/**
 * Permits: what a caller may do in the end, from the scopes of the token, those of the roles and who the caller is. Pure.
 *
 * 1. A permit is one alternative: its permissions on its type hold for resources that lie in all of its compartments and
 *    meet all of its filters. Several permits for a type are alternatives to each other.
 * 2. Where roles bind the caller, a permit needs a scope of the token and one of a role: the narrower of their types,
 *    what both permit, and the conditions of both.
 * 3. The filters of a role are the laboratory's word: they follow references as far as the role may, not the token (the
 *    token's own are whatever an app asked for). A token for results alone still shows a physician those of his orders.
 * 4. Fails closed: a compartment that the caller is not in, or a placeholder that has no value, grants nothing.
 */
import type { Scope, ScopeContext } from './scopes.ts';

export const compartmentTypes = ['Patient', 'Practitioner', 'RelatedPerson', 'Encounter', 'Device'] as const;

export type CompartmentType = (typeof compartmentTypes)[number];

/** The compartments a caller is in: at most one of each kind. */
export type Compartments = Readonly<Partial<Record<CompartmentType, string>>>;

export interface Permit {
  /** A resource type, or `*` for all. */
  readonly type: string;
  /** Some of `cruds`, in that order. */
  readonly permissions: string;
  readonly compartments: readonly { readonly type: CompartmentType; readonly id: string }[];
  /** Search criteria of the token, without the question mark. */
  readonly filters: readonly string[];
  /** And of the role. */
  readonly roleFilters: readonly string[];
}

/** Whether a permit is for all resources of the type; consents, labels and restrictions of single ones stand beside it. */
export function permitsWhole(permits: readonly Permit[], permission: string, type: string): boolean {
  return permits.some(
    (permit) =>
      (permit.type === type || permit.type === '*') &&
      permit.permissions.includes(permission) &&
      isUnconditional(permit),
  );
}

export interface Who {
  readonly fhirUser?: string;
  readonly compartments: Compartments;
}

/**
 * @param token the scopes of the token
 * @param role those of all roles of the caller together; undefined where no roles bind (operator's token, a client's own)
 */
export function permitsOf(token: readonly Scope[], role: readonly Scope[] | undefined, who: Who): Permit[] {
  const asked = token.flatMap((scope) => conditioned(scope, who));
  if (role === undefined) return distinct(asked);
  const given = rolePermitsOf(role, who);
  return distinct(asked.flatMap((one) => given.flatMap((other) => both(one, other))));
}

/** What the roles would permit with a token for everything. */
export function rolePermitsOf(role: readonly Scope[], who: Who): Permit[] {
  return role
    .flatMap((scope) => filled(scope, who))
    .flatMap((scope) => conditioned(scope, who))
    .map((permit) => ({ ...permit, filters: [], roleFilters: permit.filters }));
}

const compartmentOf: Readonly<Partial<Record<ScopeContext, CompartmentType>>> = {
  patient: 'Patient',
  practitioner: 'Practitioner',
  relatedPerson: 'RelatedPerson',
  encounter: 'Encounter',
  device: 'Device',
};

function conditioned({ context, type, permissions, filter }: Scope, who: Who): Permit[] {
  const filters = filter === undefined ? [] : [filter];
  if (context === 'system' || context === 'user') {
    return [{ type, permissions, compartments: [], filters, roleFilters: [] }];
  }
  const compartment = compartmentOf[context];
  const id = compartment && who.compartments[compartment];
  if (compartment === undefined || id === undefined || id === '') return [];
  return [{ type, permissions, compartments: [{ type: compartment, id }], filters, roleFilters: [] }];
}

/** A role's scope with its placeholders replaced; none where one has no value. */
function filled(scope: Scope, { fhirUser, compartments }: Who): Scope[] {
  if (scope.filter === undefined) return [scope];
  const values: Readonly<Record<string, string | undefined>> = { fhirUser, patient: compartments.Patient };
  let complete = true;
  const filter = scope.filter.replaceAll(/\{([A-Za-z]*)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    complete &&= value !== undefined && value !== '';
    return encodeURIComponent(value ?? '');
  });
  return complete ? [{ ...scope, filter }] : [];
}

function both(one: Permit, other: Permit): Permit[] {
  if (one.type !== '*' && other.type !== '*' && one.type !== other.type) return [];
  const permissions = [...one.permissions].filter((letter) => other.permissions.includes(letter)).join('');
  if (permissions === '') return [];
  const compartments = [...one.compartments];
  for (const { type, id } of other.compartments) {
    if (!compartments.some((known) => known.type === type && known.id === id)) compartments.push({ type, id });
  }
  const filters = one.filters.filter((filter) => !other.roleFilters.includes(filter));
  const type = one.type === '*' ? other.type : one.type;
  return [{ type, permissions, compartments, filters, roleFilters: other.roleFilters }];
}

function distinct(permits: readonly Permit[]): Permit[] {
  return [...new Map(permits.map((permit) => [JSON.stringify(permit), permit])).values()];
}

/** A permit without conditions. */
export function isUnconditional({ compartments, ...permit }: Permit): boolean {
  return compartments.length === 0 && isUnfiltered(permit);
}

export function isUnfiltered({ filters, roleFilters }: Pick<Permit, 'filters' | 'roleFilters'>): boolean {
  return filters.length === 0 && roleFilters.length === 0;
}
