/**
 * What an administrator does with roles: change a shipped one, make one, remove one.
 *
 * 1. Nobody changes a role that he holds himself.
 * 2. A role that somebody holds is not removed, except a change of a shipped one, which then is as it was shipped.
 */
import { isRoleName, readRoleDefinition } from '../access/role-definition.ts';
import { shippedRoles, type RoleDefinition } from '../access/roles.ts';
import type { JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { rolesHeld } from '../store/accounts.ts';
import type { Session } from '../store/pool.ts';
import { countHolders, deleteRole, writeRole } from '../store/roles.ts';
import { change, type Administration, type Changed } from './administration.ts';

/** @throws OutcomeError `invalid` for a definition that is not understood or gives too much. */
export async function setRole(administration: Administration, sent: JsonValue): Promise<RoleDefinition> {
  const role = readRoleDefinition(sent);
  const { by, now } = administration;
  return change(
    administration,
    async (session) => {
      await refuseOwn(session, by, role.name);
      await writeRole(session, { name: role.name, definition: JSON.stringify(role) }, { by, now });
      return role;
    },
    ofRole(role.name),
  );
}

function ofRole(id: string): () => Changed {
  return () => ({ kind: 'role', id });
}

export async function removeRole(administration: Administration, name: string): Promise<void> {
  if (!isRoleName(name)) throw noRole(name);
  await change(
    administration,
    async (session) => {
      await refuseOwn(session, administration.by, name);
      const holders = shippedRoles.has(name) ? 0 : await countHolders(session, name);
      if (holders > 0) {
        throw outcomeError(
          'conflict',
          `The role "${name.slice(0, 80)}" is held by ${holders} users; take it from them first.`,
        );
      }
      if (!(await deleteRole(session, name))) {
        throw noRole(name);
      }
    },
    ofRole(name),
  );
}

function noRole(name: string): Error {
  return outcomeError('not-found', `This laboratory has no role "${name.slice(0, 80)}" of its own.`);
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function refuseOwn(session: Session, by: string, role: string): Promise<void> {
  if (!uuid.test(by)) return;
  const held = (await rolesHeld(session, [by])).get(by) ?? [];
  if (held.some((one) => one.role === role)) {
    throw outcomeError('forbidden', `You hold the role "${role}" yourself; another administrator can change it.`);
  }
}
