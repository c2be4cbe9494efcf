/**
 * What the roles of an account make of its caller. Pure.
 *
 * Scopes, clearance and what may be managed add up over the roles; Consent is enforced unless every role is exempt.
 */
import type { CallerFacts } from './caller.ts';
import type { RoleDefinition } from './roles.ts';
import { parseRoleScope, type Managed } from './scopes.ts';

type RoleFacts = Required<Pick<CallerFacts, 'roleScopes' | 'roles' | 'clearance' | 'consent'>> & {
  readonly manages: readonly Managed[];
};

export function roleFacts(roles: readonly RoleDefinition[]): RoleFacts {
  const cleared = roles.map(({ clearance }) => clearance);
  return {
    roleScopes: roles.flatMap(({ scopes }) => scopes.map(parseRoleScope)),
    roles: roles.map(({ name }) => name),
    manages: [...new Set(roles.flatMap(({ manages }) => manages))],
    clearance: cleared.includes('all') ? 'all' : [...new Set(cleared.flat())],
    consent: roles.length > 0 && roles.every(({ consent }) => consent === 'exempt') ? 'exempt' : 'enforced',
  };
}
