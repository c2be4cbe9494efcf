/**
 * Who administers, and what must hold after each change of users or roles: the laboratory keeps an administrator.
 *
 * Changes of one laboratory's users and roles happen one after the other, so that two administrators who disable each
 * other at the same moment do not both succeed.
 */
import { understood } from '../access/role-definition.ts';
import { shippedRoles, type RoleDefinition } from '../access/roles.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { countActiveHolders } from '../store/accounts.ts';
import { lockCriteria } from '../store/lock.ts';
import type { Database, Session } from '../store/pool.ts';
import { readRoles } from '../store/roles.ts';

export interface Administration {
  readonly database: Database;
  readonly tenant: number;
  /** The account that acts, or `operator`: the person who runs the machine. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** One change in one transaction. @throws OutcomeError `business-rule` where it would leave no administrator. */
export async function change<T>(
  { database, tenant }: Administration,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return database.transaction(tenant, async (session) => {
    await lockCriteria(session, ['users and roles']);
    const before = await administrators(session);
    const result = await work(session);
    if (before > 0 && (await administrators(session)) === 0) {
      throw outcomeError(
        'business-rule',
        'This would leave the laboratory without an active user who manages users; give the role to somebody else first.',
      );
    }
    return result;
  });
}

async function administrators(session: Session): Promise<number> {
  const managing = (await allRoles(session)).filter(({ manages }) => manages.includes('users'));
  return countActiveHolders(
    session,
    managing.map(({ name }) => name),
  );
}

/** The roles as the laboratory has them: shipped ones, changed ones, its own; by name. */
export async function allRoles(session: Session): Promise<RoleDefinition[]> {
  const own = await readRoles(session);
  const replaced = new Set(own.map(({ name }) => name));
  const shipped = [...shippedRoles.values()].filter(({ name }) => !replaced.has(name));
  return [...shipped, ...own.map(understood).filter((role) => role !== undefined)].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}
