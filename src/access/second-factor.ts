/**
 * Which roles demand a second factor.
 *
 * 1. The laboratory's setting `secondFactorRoles` decides alone where it is set.
 * 2. Without it a role demands one when it says so, or when its holders can release results, manage anything but usage,
 *    or read all types without a condition, which is what an export takes. So a role of the laboratory's own that was
 *    defined without a thought demands one too.
 */
import { parseRoleScope, type Scope } from './scopes.ts';
import type { RoleDefinition } from './roles.ts';

export function demandsSecondFactor(role: RoleDefinition, setting: readonly string[] | undefined): boolean {
  if (setting !== undefined) return setting.includes(role.name);
  const scopes = role.scopes.map(parseRoleScope).filter(({ context }) => context !== 'system');
  return (
    role.secondFactor || role.manages.some((what) => what !== 'usage') || scopes.some(releases) || scopes.some(exports)
  );
}

const results: ReadonlySet<string> = new Set(['Observation', 'DiagnosticReport', '*']);
const finished = ['final', 'amended', 'corrected', 'appended'];

/** Writes a result with a status that says it is reviewed; a filter without status says nothing about it. */
function releases({ type, permissions, filter }: Scope): boolean {
  if (!results.has(type) || !/[cu]/.test(permissions)) return false;
  const statuses = new URLSearchParams(filter ?? '').getAll('status');
  return statuses.every((status) => status.split(',').some((one) => finished.includes(one.split('|').at(-1) ?? '')));
}

function exports({ context, type, permissions, filter }: Scope): boolean {
  return context === 'user' && type === '*' && filter === undefined && /[rs]/.test(permissions);
}
