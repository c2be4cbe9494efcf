/**
 * The accounts of a laboratory and the roles that each holds (tables account, account_role).
 *
 * 1. An account is never deleted, only disabled; its name stays taken.
 * 2. A password's hash leaves this module through `readPassword` alone.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { instantText, type Database, type Session } from './pool.ts';
import { sql } from './sql.ts';

export type AccountStatus = 'invited' | 'active' | 'disabled';

export interface Account {
  readonly id: string;
  readonly username: string;
  /** Name for people. */
  readonly display: string;
  readonly email: string | undefined;
  /** The resource of this person, e.g. Practitioner/7. */
  readonly fhirUser: string | undefined;
  readonly status: AccountStatus;
  /** FHIR instants. */
  readonly created: string;
  readonly createdBy: string;
  readonly passwordSet: string | undefined;
  readonly lastSignIn: string | undefined;
  readonly disabled: string | undefined;
}

/** A role that an account holds. */
export interface HeldRole {
  readonly role: string;
  /** FHIR instants. */
  readonly since: string;
  readonly grantedBy: string;
  /** To the minute. */
  readonly lastUsed: string | undefined;
}

export interface NewAccount {
  readonly id: string;
  readonly username: string;
  readonly display: string;
  readonly email?: string;
  readonly fhirUser?: string;
  readonly createdBy: string;
}

/** What an administrator may change; null takes away. */
export interface AccountChange {
  readonly display?: string;
  readonly email?: string | null;
  readonly fhirUser?: string | null;
}

interface Row {
  account_id: string;
  username: string;
  display: string;
  email: string | null;
  fhir_user: string | null;
  status: AccountStatus;
  created: string;
  created_by: string;
  password_set: string | null;
  last_sign_in: string | null;
  disabled: string | null;
}

/** Each statement in a transaction of its own. */
export function sessionOf(database: Pick<Database, 'query'>, tenant: number): Session {
  return { tenant, query: (statement) => database.query(tenant, statement) };
}

const columns = sql`account_id, username, display, email, fhir_user, status, created, created_by, password_set,
  last_sign_in, disabled`;

function fromRow(row: Row): Account {
  const instant = (stored: string | null): string | undefined => (stored === null ? undefined : instantText(stored));
  return {
    id: row.account_id,
    username: row.username,
    display: row.display,
    email: row.email ?? undefined,
    fhirUser: row.fhir_user ?? undefined,
    status: row.status,
    created: instantText(row.created),
    createdBy: row.created_by,
    passwordSet: instant(row.password_set),
    lastSignIn: instant(row.last_sign_in),
    disabled: instant(row.disabled),
  };
}

/** An account that is invited: without password, without roles. @throws OutcomeError `duplicate`. */
export async function insertAccount(session: Session, account: NewAccount, now: number): Promise<Account> {
  const { id, username, display, email = null, fhirUser = null, createdBy } = account;
  const [row] = await session.query<Row>(sql`
    insert into account (tenant_id, account_id, username, display, email, fhir_user, created, created_by)
    values (${session.tenant}, ${id}, ${username}, ${display}, ${email}, ${fhirUser}, ${instant(now)}, ${createdBy})
    on conflict (tenant_id, username) do nothing
    returning ${columns}`);
  if (row === undefined) throw outcomeError('duplicate', `There is a user "${username}" already.`);
  return fromRow(row);
}

export async function findAccount(session: Session, username: string): Promise<Account | undefined> {
  const [row] = await session.query<Row>(
    sql`select ${columns} from account where tenant_id = ${session.tenant} and username = ${username}`,
  );
  return row && fromRow(row);
}

export async function findAccountById(session: Session, id: string): Promise<Account | undefined> {
  const [row] = await session.query<Row>(
    sql`select ${columns} from account where tenant_id = ${session.tenant} and account_id = ${id}`,
  );
  return row && fromRow(row);
}

/** By username, after `after`, at most `count`. */
export async function listAccounts(session: Session, after = '', count = 1000): Promise<Account[]> {
  const rows = await session.query<Row>(sql`select ${columns} from account
    where tenant_id = ${session.tenant} and username > ${after} order by username limit ${count}`);
  return rows.map(fromRow);
}

export async function changeAccount(session: Session, id: string, change: AccountChange): Promise<Account | undefined> {
  const given = (name: keyof AccountChange): boolean => change[name] !== undefined;
  const [row] = await session.query<Row>(sql`update account set
      display = case when ${given('display')} then ${change.display ?? ''} else display end,
      email = case when ${given('email')} then ${change.email ?? null} else email end,
      fhir_user = case when ${given('fhirUser')} then ${change.fhirUser ?? null} else fhir_user end
    where tenant_id = ${session.tenant} and account_id = ${id} returning ${columns}`);
  return row && fromRow(row);
}

/** Enabling gives back the status that the account had: active with a password, invited without. */
export async function setAccountStatus(
  session: Session,
  id: string,
  status: 'enabled' | 'disabled',
  now: number,
): Promise<Account | undefined> {
  const [row] = await session.query<Row>(sql`update account set
      status = case when ${status} = 'disabled' then 'disabled' when password is null then 'invited' else 'active' end,
      disabled = case when ${status} = 'disabled' then coalesce(disabled, ${instant(now)}) end
    where tenant_id = ${session.tenant} and account_id = ${id} returning ${columns}`);
  return row && fromRow(row);
}

/** The hash of an account's password, with the account; undefined where there is no such account. */
export async function readPassword(
  session: Session,
  username: string,
): Promise<{ account: Account; hash: string | undefined } | undefined> {
  const [row] = await session.query<Row & { password: string | null }>(
    sql`select ${columns}, password from account where tenant_id = ${session.tenant} and username = ${username}`,
  );
  return row && { account: fromRow(row), hash: row.password ?? undefined };
}

/** A password makes an invited account active; a disabled one stays disabled. */
export async function setPassword(session: Session, id: string, hash: string, now: number): Promise<void> {
  await session.query(sql`update account set password = ${hash}, password_set = ${instant(now)},
      status = case status when 'invited' then 'active' else status end
    where tenant_id = ${session.tenant} and account_id = ${id}`);
}

/** The same password under new parameters; nothing happens where it was changed meanwhile. */
export async function replaceHash(session: Session, id: string, hashes: { from: string; to: string }): Promise<void> {
  await session.query(sql`update account set password = ${hashes.to}
    where tenant_id = ${session.tenant} and account_id = ${id} and password = ${hashes.from}`);
}

export async function noteSignIn(session: Session, id: string, now: number): Promise<void> {
  await session.query(sql`update account set last_sign_in = ${instant(now)}
    where tenant_id = ${session.tenant} and account_id = ${id}`);
}

/** The roles of some accounts; of all without ids. */
export async function rolesHeld(session: Session, ids?: readonly string[]): Promise<Map<string, HeldRole[]>> {
  const rows = await session.query<HeldRow>(sql`select account_id, role, since, granted_by, last_used from account_role
    where tenant_id = ${session.tenant} and (${ids ?? null}::uuid[] is null or account_id = any(${ids ?? null}::uuid[]))
    order by role`);
  return new Map([...Map.groupBy(rows, (row) => row.account_id)].map(([id, held]) => [id, held.map(heldFromRow)]));
}

interface HeldRow {
  account_id: string;
  role: string;
  since: string;
  granted_by: string;
  last_used: string | null;
}

function heldFromRow({ role, since, granted_by: grantedBy, last_used: used }: HeldRow): HeldRole {
  return { role, since: instantText(since), grantedBy, lastUsed: used === null ? undefined : instantText(used) };
}

/** A role held already keeps its `since`. */
export async function grantRole(
  session: Session,
  id: string,
  granted: { role: string; by: string; now: number },
): Promise<void> {
  await session.query(sql`insert into account_role (tenant_id, account_id, role, since, granted_by)
    values (${session.tenant}, ${id}, ${granted.role}, ${instant(granted.now)}, ${granted.by})
    on conflict do nothing`);
}

export async function revokeRole(session: Session, id: string, role: string): Promise<void> {
  await session.query(
    sql`delete from account_role where tenant_id = ${session.tenant} and account_id = ${id} and role = ${role}`,
  );
}

/** How many active accounts hold one of some roles. */
export async function countActiveHolders(session: Session, roles: readonly string[]): Promise<number> {
  const [row] = await session.query<{ count: number }>(sql`select count(distinct a.account_id)::int4 as count
    from account a join account_role r on r.tenant_id = a.tenant_id and r.account_id = a.account_id
    where a.tenant_id = ${session.tenant} and a.status = 'active' and r.role = any(${roles}::text[])`);
  return row?.count ?? 0;
}

/** Notes that an account used its roles: at most one write a minute and role. */
export async function touchRoles(session: Session, id: string, now: number): Promise<void> {
  await session.query(sql`update account_role set last_used = date_trunc('minute', ${instant(now)}::timestamptz)
    where tenant_id = ${session.tenant} and account_id = ${id}
      and (last_used is null or last_used < date_trunc('minute', ${instant(now)}::timestamptz))`);
}

/** Time for PostgreSQL, from the clock that the caller goes by. */
export function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
