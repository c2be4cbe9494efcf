/**
 * The role makhbar_app, under which every request runs: it owns nothing and row level security binds it.
 *
 * The login user must be able to become it (SET ROLE). Since PostgreSQL 16 who creates a role may grant it but is not a
 * member that may SET it, so the grant is always made. Managed servers often keep CREATEROLE for their administrator:
 * then the sentence says what he has to run.
 */
import type { Client } from 'pg';
import { escapeIdentifier } from 'pg';
import { outcomeError } from '../../fhir/outcome.ts';

interface State {
  user: string;
  schema: string | null;
  exists: boolean;
  bypasses: boolean | null;
  usable: boolean | null;
  mayUse: boolean | null;
  mayCreate: boolean | null;
  modern: boolean;
}

const INSUFFICIENT_PRIVILEGE = '42501';
const ALREADY_THERE = new Set(['42710', '23505']);

export async function ensureApplicationRole(client: Client): Promise<void> {
  const before = await readState(client);
  checkSchema(before);
  if (!before.exists) await createRole(client, before);
  const state = await readState(client);
  if (state.bypasses) {
    throw outcomeError(
      'security',
      'The role makhbar_app bypasses row level security, which keeps laboratories apart. An administrator must run: alter role makhbar_app nosuperuser nobypassrls;',
    );
  }
  if (!state.usable) await attempt(client, grantRole(state), `${grantRole(state)};`);
  if (!state.mayUse) {
    const grant = `grant usage on schema ${escapeIdentifier(state.schema ?? 'public')} to makhbar_app`;
    await attempt(client, grant, `${grant};`);
  }
}

async function readState(client: Client): Promise<State> {
  // 'SET' is what counts since 16; before, any member may.
  const { rows } = await client.query<State>(`
    with server as (select current_setting('server_version_num')::int4 >= 160000 as modern),
         role as (select * from pg_roles where rolname = 'makhbar_app')
    select current_user as "user", current_schema as schema, modern,
           role.oid is not null as exists,
           role.rolsuper or role.rolbypassrls as bypasses,
           pg_has_role(current_user, role.oid, case when modern then 'SET' else 'MEMBER' end) as usable,
           has_schema_privilege(role.oid, current_schema, 'usage') as "mayUse",
           has_schema_privilege(current_user, current_schema, 'create') as "mayCreate"
    from server left join role on true`);
  return rows[0] as State;
}

function checkSchema({ user, schema, mayCreate }: State): void {
  if (mayCreate) return;
  const target = escapeIdentifier(schema ?? 'public');
  throw administrator(
    `may not create tables`,
    `grant usage, create on schema ${target} to ${escapeIdentifier(user)};`,
    user,
  );
}

async function createRole(client: Client, state: State): Promise<void> {
  const create = 'create role makhbar_app nologin nosuperuser nobypassrls';
  await attempt(client, create, `${create}; ${grantRole(state)};`);
}

function grantRole({ user, modern }: State): string {
  return `grant makhbar_app to ${escapeIdentifier(user)}${modern ? ' with inherit false, set true' : ''}`;
}

async function attempt(client: Client, statement: string, forAdministrator: string): Promise<void> {
  try {
    await client.query(statement);
  } catch (error) {
    const { code } = error as { code?: string };
    // Another process that starts at the same time has made it.
    if (ALREADY_THERE.has(code ?? '')) return;
    if (code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw administrator('lacks a right on this server', forAdministrator, client.user ?? 'current_user');
  }
}

function administrator(lack: string, statements: string, user: string): Error {
  return outcomeError('forbidden', `The database user ${user} ${lack}. An administrator must run: ${statements}`);
}
