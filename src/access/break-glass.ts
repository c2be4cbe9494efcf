/**
 * Break-glass: an emergency override for one patient. Pure.
 *
 * A role with `breakGlass` may open one (operations/break-glass.ts). While it is open, requests whose purpose of use is
 * BTG are not bound, in what is in that patient's compartment,
 * 1. by his consents, nor by the laboratory's consentDefault, nor by a restriction of processing;
 * 2. by security labels up to R; V stays a matter of clearance;
 * 3. for reading and searching, by the compartments and filters of the scopes of the roles that may break the glass. For
 *    writing these stay: an emergency needs to know, and must not release results, nor close its own review.
 * What stays: the tenant; the types and permissions of these roles; the whole of the token's scopes, filters included;
 * consents of other patients whom a resource concerns too.
 */
import { permitsOf, type Permit, type Who } from './permits.ts';
import type { RoleDefinition } from './roles.ts';
import { parseRoleScope, type Scope } from './scopes.ts';

/** What the roles of a caller say of it. */
export interface BreakGlassFacts {
  /** How long an override may last at most. */
  readonly minutes: number;
  /** Scopes of the roles that may break the glass. */
  readonly roleScopes: readonly Scope[];
}

export interface BreakGlass {
  readonly minutes: number;
  /** What an override leaves of the scopes. */
  readonly permits: readonly Permit[];
}

/** Of the roles of an account; undefined where none may. */
export function breakGlassFacts(roles: readonly RoleDefinition[]): BreakGlassFacts | undefined {
  const breaking = roles.filter(({ breakGlass }) => breakGlass !== undefined);
  if (breaking.length === 0) return undefined;
  return {
    minutes: Math.max(...breaking.map(({ breakGlass }) => breakGlass?.minutes ?? 0)),
    roleScopes: breaking.flatMap(({ scopes }) => scopes.map(parseRoleScope)),
  };
}

export function breakGlassOf(token: readonly Scope[], { minutes, roleScopes }: BreakGlassFacts, who: Who): BreakGlass {
  const seeing = only('rs', roleScopes).map(({ type, permissions }): Scope => ({ context: 'user', type, permissions }));
  return { minutes, permits: permitsOf(token, [...seeing, ...only('cud', roleScopes)], who) };
}

function only(letters: string, scopes: readonly Scope[]): Scope[] {
  return scopes
    .map((scope) => ({ ...scope, permissions: [...scope.permissions].filter((one) => letters.includes(one)).join('') }))
    .filter(({ permissions }) => permissions !== '');
}

/** Confidentialities that an override opens. */
export const opened: readonly string[] = ['U', 'L', 'M', 'N', 'R'];
