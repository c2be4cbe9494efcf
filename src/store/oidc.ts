/**
 * What the OpenID provider remembers (table openid_state).
 *
 * 1. The values that browsers and applications hold are never stored, only their SHA-256.
 * 2. Using something once is one statement: of two processes that try at once, one succeeds.
 * 3. What belongs to a disabled account or a revoked client is not found.
 */
import { createHash } from 'node:crypto';
import type { Database, Session } from './pool.ts';
import { sql } from './sql.ts';

export interface State {
  /** JSON. */
  readonly payload: string;
  readonly grantId?: string | undefined;
  readonly uid?: string | undefined;
  readonly sessionUid?: string | undefined;
  readonly accountId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Seconds from now. */
  readonly expiresIn: number;
}

export interface StoredState {
  readonly payload: string;
  readonly consumed: number | undefined;
}

interface Row {
  payload: string;
  consumed: number | null;
}

export function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}

/** The longest that a row is kept: some values never expire for the provider (registration tokens). */
const longest = 400 * 86_400;

export async function writeState(
  database: Database,
  tenant: number,
  key: { kind: string; id: string },
  state: State,
): Promise<void> {
  const { payload, uid = null, sessionUid = null, accountId = null, clientId = null } = state;
  await database.query(
    tenant,
    sql`insert into openid_state
        (tenant_id, kind, id, payload, grant_id, uid, session_uid, account_id, client_id, expires)
      values (${tenant}, ${key.kind}, ${hashOf(key.id)}, ${payload}, ${grantHash(state)}, ${uid}, ${sessionUid},
        ${accountId}, ${clientId}, ${expiry(state.expiresIn)})
      on conflict (tenant_id, kind, id) do update set payload = excluded.payload, grant_id = excluded.grant_id,
        uid = excluded.uid, session_uid = excluded.session_uid, account_id = excluded.account_id,
        client_id = excluded.client_id, expires = excluded.expires`,
  );
}

/** Changes a payload that is there; false where it is not there any more. */
export async function changeState(
  database: Database,
  tenant: number,
  key: { kind: string; id: string },
  state: State,
): Promise<boolean> {
  const rows = await database.query(
    tenant,
    sql`update openid_state set payload = ${state.payload}, expires = ${expiry(state.expiresIn)}
      where tenant_id = ${tenant} and kind = ${key.kind} and id = ${hashOf(key.id)} returning 1`,
  );
  return rows.length > 0;
}

/** Notes that a value was used; false where it was used before and has not expired yet. */
export async function writeOnce(
  database: Database,
  tenant: number,
  key: { kind: string; id: string },
  state: State,
): Promise<boolean> {
  const rows = await database.query(
    tenant,
    sql`insert into openid_state (tenant_id, kind, id, payload, expires)
      values (${tenant}, ${key.kind}, ${hashOf(key.id)}, ${state.payload}, ${expiry(state.expiresIn)})
      on conflict (tenant_id, kind, id) do update set payload = excluded.payload, expires = excluded.expires
        where openid_state.expires <= clock_timestamp()
      returning 1`,
  );
  return rows.length > 0;
}

function grantHash({ grantId }: State): Buffer | null {
  return grantId === undefined ? null : hashOf(grantId);
}

function expiry(seconds: number): string {
  return new Date(Date.now() + Math.min(seconds, longest) * 1_000).toISOString();
}

/**
 * Nothing where it has expired, its account is not active, its client is revoked, or, for a refresh token that is bound
 * to the person's presence, the session has ended.
 */
export async function readState(
  database: Database,
  tenant: number,
  where: { kind: string } & ({ id: string } | { uid: string }),
): Promise<StoredState | undefined> {
  const match = 'id' in where ? sql`s.id = ${hashOf(where.id)}` : sql`s.uid = ${where.uid}`;
  const [row] = await database.query<Row>(
    tenant,
    sql`select s.payload, extract(epoch from s.consumed)::int8::float8 as consumed from openid_state s
      where s.tenant_id = ${tenant} and s.kind = ${where.kind} and ${match} and s.expires > clock_timestamp()
        and (s.account_id is null or exists (select from account a
          where a.tenant_id = ${tenant} and a.account_id::text = s.account_id and a.status = 'active'))
        and (s.client_id is null or exists (select from client c
          where c.tenant_id = ${tenant} and c.client_id = s.client_id and c.status = 'active'))
        and (s.session_uid is null or s.kind <> 'RefreshToken' or exists (select from openid_state l
          where l.tenant_id = ${tenant} and l.uid = s.session_uid and l.kind = 'Session'
            and l.expires > clock_timestamp()))`,
  );
  return row && { payload: row.payload, consumed: row.consumed ?? undefined };
}

/** Uses it; false where somebody was faster. */
export async function consumeState(
  database: Database,
  tenant: number,
  key: { kind: string; id: string },
): Promise<boolean> {
  const rows = await database.query(
    tenant,
    sql`update openid_state set consumed = clock_timestamp()
      where tenant_id = ${tenant} and kind = ${key.kind} and id = ${hashOf(key.id)} and consumed is null returning 1`,
  );
  return rows.length > 0;
}

/** False where it was deleted before. */
export async function deleteState(
  database: Database,
  tenant: number,
  key: { kind: string; id: string },
): Promise<boolean> {
  const rows = await database.query(
    tenant,
    sql`delete from openid_state where tenant_id = ${tenant} and kind = ${key.kind} and id = ${hashOf(key.id)} returning 1`,
  );
  return rows.length > 0;
}

/** Every code and token of a grant. */
export async function deleteOfGrant(database: Database, tenant: number, grantId: string, kind?: string): Promise<void> {
  await database.query(
    tenant,
    sql`delete from openid_state where tenant_id = ${tenant} and grant_id = ${hashOf(grantId)}
      and (${kind ?? null}::text is null or kind = ${kind ?? null})`,
  );
}

/** A grant with everything that came of it. Whether there was one. */
export async function revokeGrant(
  session: Session,
  grant: { id: Buffer; accountId?: string | undefined },
): Promise<boolean> {
  const { tenant } = session;
  const rows = await session.query(sql`delete from openid_state
    where tenant_id = ${tenant} and kind = 'Grant' and id = ${grant.id}
      and (${grant.accountId ?? null}::text is null or account_id = ${grant.accountId ?? null}) returning 1`);
  if (rows.length === 0) return false;
  await session.query(sql`delete from openid_state where tenant_id = ${tenant} and grant_id = ${grant.id}`);
  return true;
}

/** Everything that lives only as long as a session, when it ends: all but what was granted for offline use. */
export async function endSession(session: Session, uid: string, accountId?: string): Promise<boolean> {
  const { tenant } = session;
  const ended = await session.query(sql`delete from openid_state
    where tenant_id = ${tenant} and kind = 'Session' and uid = ${uid}
      and (${accountId ?? null}::text is null or account_id = ${accountId ?? null}) returning 1`);
  if (ended.length === 0 && accountId !== undefined) return false;
  await session.query(sql`delete from openid_state where tenant_id = ${tenant} and session_uid = ${uid}`);
  return true;
}

/** Ends every session of an account and everything that was granted to applications in its name. */
export async function endAccess(session: Session, accountId: string): Promise<void> {
  await session.query(sql`delete from openid_state where tenant_id = ${session.tenant} and account_id = ${accountId}`);
}

/** What is ours of a grant or an interaction: JSON. */
export async function readContext(
  database: Database,
  tenant: number,
  key: { kind: 'Grant' | 'Interaction'; id: string },
): Promise<string | undefined> {
  const [row] = await database.query<{ context: string | null }>(
    tenant,
    sql`select context from openid_state
      where tenant_id = ${tenant} and kind = ${key.kind} and id = ${hashOf(key.id)} and expires > clock_timestamp()`,
  );
  return row?.context ?? undefined;
}

export async function writeContext(
  database: Database,
  tenant: number,
  key: { kind: 'Grant' | 'Interaction'; id: string },
  context: string,
): Promise<void> {
  await database.query(
    tenant,
    sql`update openid_state set context = ${context}
      where tenant_id = ${tenant} and kind = ${key.kind} and id = ${hashOf(key.id)}`,
  );
}

/** A person's sessions and the applications that act in their name, for the page on which they can end them. */
export interface Access {
  readonly kind: 'Session' | 'Grant';
  /** Session: its uid; Grant: its id in hex. */
  readonly id: string;
  readonly clientId: string | undefined;
  readonly clientName: string | undefined;
  /** Of a Grant: JSON. */
  readonly context: string | undefined;
  readonly payload: string;
  readonly created: string;
  readonly expires: string;
}

interface AccessRow {
  kind: 'Session' | 'Grant';
  id: string;
  client_id: string | null;
  name: string | null;
  context: string | null;
  payload: string;
  created: string;
  expires: string;
}

export async function accessOfAccount(session: Session, accountId: string): Promise<Access[]> {
  const rows = await session.query<AccessRow>(sql`select s.kind, s.client_id, c.name, s.context, s.payload,
      case s.kind when 'Session' then s.uid else encode(s.id, 'hex') end as id,
      to_char(s.created, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as created,
      to_char(s.expires, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as expires
    from openid_state s left join client c on c.tenant_id = s.tenant_id and c.client_id = s.client_id
    where s.tenant_id = ${session.tenant} and s.account_id = ${accountId} and s.kind in ('Session', 'Grant')
      and s.expires > clock_timestamp()
      and (s.kind = 'Session' or exists (select from openid_state t where t.tenant_id = s.tenant_id
        and t.grant_id = s.id and t.kind in ('AccessToken', 'RefreshToken') and t.expires > clock_timestamp()))
    order by s.created desc limit 200`);
  return rows.map(({ client_id: clientId, name: clientName, context, ...row }) => ({
    ...row,
    clientId: clientId ?? undefined,
    clientName: clientName ?? undefined,
    context: context ?? undefined,
  }));
}

/** At most `count` rows whose time is long past; how many were there. A used code stays recognisable for an hour. */
export async function deleteExpired(session: Session, count: number): Promise<number> {
  const { tenant } = session;
  const states = await session.query(sql`delete from openid_state where tenant_id = ${tenant} and ctid = any(array(
    select ctid from openid_state where tenant_id = ${tenant}
      and expires < clock_timestamp() - interval '1 hour' limit ${count})) returning 1`);
  const launches = await session.query(sql`delete from launch where tenant_id = ${tenant} and ctid = any(array(
    select ctid from launch where tenant_id = ${tenant}
      and expires < clock_timestamp() - interval '1 hour' limit ${count})) returning 1`);
  return states.length + launches.length;
}
