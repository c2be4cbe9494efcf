/** What the record of processing reads of the database itself: what is held, and how it is protected. */
import { typeName } from '../fhir/resource-types.ts';
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

/** Resources that there are now, by type. */
export async function countResources(session: Session): Promise<{ type: string; count: number }[]> {
  const rows = await session.query<{ type: number; count: string }>(sql`select type, count(*) as count from resource
    where tenant_id = ${session.tenant} and not deleted group by type`);
  return rows.map(({ type, count }) => ({ type: typeName(type), count: Number(count) }));
}

export interface Guards {
  /** Tables with rows of laboratories that the application may reach, and those of them under forced row level security. */
  readonly tables: number;
  readonly guarded: number;
  /** The application's role is bound by it. */
  readonly bound: boolean;
  /** The application may change or delete what is in the audit log. */
  readonly logChangeable: boolean;
  /** The connection to the database is encrypted. */
  readonly encrypted: boolean;
}

export async function readGuards(session: Session): Promise<Guards> {
  const [row] = await session.query<{
    tables: number;
    guarded: number;
    bound: boolean;
    changeable: boolean;
    encrypted: boolean;
  }>(sql`
    with reached as (
      select c.relrowsecurity and c.relforcerowsecurity
          and exists (select from pg_policy p where p.polrelid = c.oid) as guarded
      from pg_class c
      where c.relnamespace = current_schema::regnamespace and c.relkind in ('r', 'p')
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
        and (has_table_privilege(current_user, c.oid, 'select') or has_table_privilege(current_user, c.oid, 'insert'))
    )
    select (select count(*)::int4 from reached) as tables,
      (select count(*)::int4 from reached where guarded) as guarded,
      (select not rolsuper and not rolbypassrls from pg_roles where rolname = current_user) as bound,
      (select bool_or(has_table_privilege(current_user, name, 'update, delete, truncate'))
        from unnest(array['audit_event', 'audit_patient', 'audit_agent', 'audit_seal', 'audit_removal']) name) as changeable,
      coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted`);
  const { tables = 0, guarded = 0, bound = false, changeable = true, encrypted = false } = row ?? {};
  return { tables, guarded, bound, logChangeable: changeable, encrypted };
}

export interface LogState {
  /** Text of the last seal's `sealed`, and the oldest event that is older than the seals. */
  readonly sealed: string | undefined;
  readonly oldestOpen: string | undefined;
}

export async function readLogState(session: Session): Promise<LogState> {
  const { tenant } = session;
  const [row] = await session.query<{ sealed: string | null; oldest: string | null }>(sql`
    with last as (select high, substring(content from '"sealed":"([^"]{24})"') as sealed from audit_seal
      where tenant_id = ${tenant} order by number desc limit 1)
    select (select sealed from last) as sealed, (select min(time) from audit_event
      where tenant_id = ${tenant} and transaction >= coalesce((select high from last), 0)) as oldest`);
  return {
    sealed: row?.sealed ?? undefined,
    oldestOpen: row?.oldest == null ? undefined : instantText(row.oldest),
  };
}

export interface Stored {
  /** Files, and keys by which they are encrypted. */
  readonly files: number;
  readonly keys: number;
  readonly restrictions: number;
}

export async function readStoredFacts(session: Session): Promise<Stored> {
  const { tenant } = session;
  const [row] = await session.query<{ files: string; keys: number; restrictions: number }>(sql`
    select (select count(*) from binary_file where tenant_id = ${tenant}) as files,
      (select count(*)::int4 from tenant_key where tenant_id = ${tenant}) as keys,
      (select count(*)::int4 from restriction where tenant_id = ${tenant} and lifted is null) as restrictions`);
  return { files: Number(row?.files ?? 0), keys: row?.keys ?? 0, restrictions: row?.restrictions ?? 0 };
}
