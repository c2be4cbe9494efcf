/**
 * Who administers, and what must hold after each change of users or roles: the laboratory keeps an administrator, and the
 * change and its event in the audit log are one transaction.
 *
 * Changes of one laboratory's users and roles happen one after the other, so that two administrators who disable each
 * other at the same moment do not both succeed.
 */
import { understood } from '../access/role-definition.ts';
import { shippedRoles, type RoleDefinition } from '../access/roles.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { countActiveHolders } from '../store/accounts.ts';
import { lockCriteria } from '../store/lock.ts';
import type { Session } from '../store/pool.ts';
import { readRoles } from '../store/roles.ts';

/** What a change was about, for its event. */
export interface Changed {
  readonly kind: 'account' | 'role' | 'client';
  readonly id: string;
}

export interface Administration {
  /** Runs a change in a transaction of which its event is the last deed: where that cannot be stored, nothing is changed. */
  transaction<T>(work: (session: Session) => Promise<T>, changed: (done: T) => Changed): Promise<T>;
  readonly tenant: number;
  /** The account that acts, or `operator`: the person who runs the machine. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** One change in one transaction. @throws OutcomeError `business-rule` where it would leave no administrator. */
export async function change<T>(
  { transaction }: Administration,
  work: (session: Session) => Promise<T>,
  changed: (done: T) => Changed,
): Promise<T> {
  return transaction(async (session) => {
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
  }, changed);
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
