/**
 * The roles that a laboratory has besides the shipped ones, or in place of them (table role). Definitions are read back
 * as text: whoever reads one decides whether it is understood (src/access/role-definition.ts).
 */
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';
import { instant } from './accounts.ts';

export interface StoredRole {
  readonly name: string;
  /** JSON. */
  readonly definition: string;
  /** FHIR instant. */
  readonly changed: string;
  readonly changedBy: string;
}

interface Row {
  name: string;
  definition: string;
  changed: string;
  changed_by: string;
}

/** The roles with these names; all without names. */
export async function readRoles(session: Session, names?: readonly string[]): Promise<StoredRole[]> {
  const rows = await session.query<Row>(sql`select name, definition, changed, changed_by from role
    where tenant_id = ${session.tenant} and (${names ?? null}::text[] is null or name = any(${names ?? null}::text[]))
    order by name`);
  return rows.map(({ name, definition, changed, changed_by: changedBy }) => ({
    name,
    definition,
    changed: instantText(changed),
    changedBy,
  }));
}

export async function writeRole(
  session: Session,
  role: { name: string; definition: string },
  changed: { by: string; now: number },
): Promise<void> {
  await session.query(sql`insert into role (tenant_id, name, definition, changed, changed_by)
    values (${session.tenant}, ${role.name}, ${role.definition}, ${instant(changed.now)}, ${changed.by})
    on conflict (tenant_id, name) do update
      set definition = excluded.definition, changed = excluded.changed, changed_by = excluded.changed_by`);
}

/** Whether there was one. */
export async function deleteRole(session: Session, name: string): Promise<boolean> {
  const rows = await session.query(
    sql`delete from role where tenant_id = ${session.tenant} and name = ${name} returning name`,
  );
  return rows.length > 0;
}

/** How many accounts hold it. */
export async function countHolders(session: Session, role: string): Promise<number> {
  const [row] = await session.query<{ count: number }>(
    sql`select count(*)::int4 as count from account_role where tenant_id = ${session.tenant} and role = ${role}`,
  );
  return row?.count ?? 0;
}
