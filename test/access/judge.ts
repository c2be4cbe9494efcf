/**
 * A second, naive answer to "may this caller do that with this resource": permits evaluated on resources in memory by the
 * evaluator of the search tests. `rules` holds what binds besides the permits; a further kind of restriction adds one.
 */
import type { Caller } from '../../src/access/caller.ts';
import type { Permit } from '../../src/access/permits.ts';
import type { Permission } from '../../src/access/scopes.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { parseAccessFilter } from '../../src/interactions/access.ts';
import type { Condition } from '../../src/search/ast.ts';
import { compartmentCondition } from '../../src/search/compartment.ts';
import { followsReferences } from '../../src/search/condition-kinds.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { holds } from '../search/evaluator.ts';

export interface Judge {
  /** Whether any permit for the type can be used at all: without, the answer is 403. */
  granted(permission: Permission, type: string): boolean;
  may(permission: Permission, resource: JsonObject): boolean;
}

export interface World {
  readonly caller: Caller;
  readonly resources: readonly JsonObject[];
}

/** What must hold besides a permit. */
export type Rule = (world: World, resource: JsonObject, permission: Permission) => boolean;

export const rules: readonly Rule[] = [];

export function judge(world: World, binding = rules): Judge {
  const { caller, resources } = world;
  const bound = (resource: JsonObject, permission: Permission): boolean =>
    binding.every((rule) => rule(world, resource, permission));
  // What the chains of filters find.
  const seen = (permits: readonly Permit[]): JsonObject[] =>
    resources.filter(
      (resource) =>
        bound(resource, 'r') &&
        covering(permits, typeOf(resource), /[rs]/).some(
          (permit) => !chains(permit, typeOf(resource)) && meets(permit, resource, { within: [], ofRole: [] }),
        ),
    );
  const worlds = { within: seen(caller.permits), ofRole: seen(caller.rolePermits) };
  return {
    granted: (permission, type) =>
      covering(caller.permits, type, new RegExp(permission)).some((permit) => conditionsOf(permit, type) !== undefined),
    may: (permission, resource) =>
      bound(resource, permission) &&
      covering(caller.permits, typeOf(resource), new RegExp(permission)).some((permit) =>
        meets(permit, resource, worlds),
      ),
  };
}

export const typeOf = (resource: JsonObject): string => String(resource['resourceType']);

function covering(permits: readonly Permit[], type: string, permissions: RegExp): Permit[] {
  return permits.filter(
    (permit) => (permit.type === '*' || permit.type === type) && permissions.test(permit.permissions),
  );
}

interface Conditions {
  readonly own: readonly Condition[];
  readonly ofRole: readonly Condition[];
}

const known = new Map<string, Conditions | undefined>();

/** Undefined where a filter is none for the type. */
function conditionsOf({ compartments, filters, roleFilters }: Permit, type: string): Conditions | undefined {
  const key = JSON.stringify([compartments, filters, roleFilters, type]);
  if (!known.has(key)) known.set(key, parsed({ compartments, filters, roleFilters }, type));
  return known.get(key);
}

function parsed(
  { compartments, filters, roleFilters }: Omit<Permit, 'type' | 'permissions'>,
  type: string,
): Conditions | undefined {
  const read = (filter: string): Condition => parseAccessFilter(type, filter, defaultParameters);
  try {
    return {
      own: [
        ...compartments.map((one) => compartmentCondition(one.type, one.id, defaultParameters)),
        ...filters.map(read),
      ],
      ofRole: roleFilters.map(read),
    };
  } catch {
    return undefined;
  }
}

function chains(permit: Permit, type: string): boolean {
  const conditions = conditionsOf(permit, type);
  return conditions !== undefined && [...conditions.own, ...conditions.ofRole].some(followsReferences);
}

/** What conditions may follow: those of the token and those of the role. */
interface Worlds {
  readonly within: readonly JsonObject[];
  readonly ofRole: readonly JsonObject[];
}

function meets(permit: Permit, resource: JsonObject, { within, ofRole }: Worlds): boolean {
  const conditions = conditionsOf(permit, typeOf(resource));
  return (
    conditions !== undefined &&
    conditions.own.every((condition) => holds(condition, resource, within)) &&
    conditions.ofRole.every((condition) => holds(condition, resource, ofRole))
  );
}
