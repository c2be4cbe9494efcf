/** Names for the subjects and applications of the audit log, which keeps their ids. */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export interface AccountName {
  readonly id: string;
  readonly username: string;
  readonly display: string;
}

interface Row {
  account_id: string;
  username: string;
  display: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function fromRow({ account_id: id, username, display }: Row): AccountName {
  return { id, username, display };
}

/** Accounts by their ids; subjects that are no accounts have none. */
export async function accountNames(session: Session, subjects: readonly string[]): Promise<Map<string, AccountName>> {
  const ids = subjects.filter((subject) => uuid.test(subject));
  if (ids.length === 0) return new Map();
  const rows = await session.query<Row>(sql`select account_id, username, display from account
    where tenant_id = ${session.tenant} and account_id = any(${ids}::uuid[])`);
  return new Map(rows.map((row) => [row.account_id, fromRow(row)]));
}

/** The accounts of one person: by username, by id, or by the reference to the person. */
export async function accountsOfUser(session: Session, user: string): Promise<AccountName[]> {
  const rows = await session.query<Row>(sql`select account_id, username, display from account
    where tenant_id = ${session.tenant}
      and (username = ${user.normalize('NFKC').trim().toLowerCase()} or account_id::text = ${user} or fhir_user = ${user})
    order by username`);
  return rows.map(fromRow);
}

/** Names of applications by their ids. */
export async function clientNames(session: Session, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await session.query<{ client_id: string; name: string }>(sql`select client_id, name
    from client where tenant_id = ${session.tenant} and client_id = any(${ids}::text[])`);
  return new Map(rows.map(({ client_id: id, name }) => [id, name]));
}
