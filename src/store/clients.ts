/**
 * The applications of a laboratory (table client). A secret is given out once, when it is made; what is stored is its
 * SHA-256, enough for 256 random bits.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ClientKind, ClientMetadata } from '../access/clients.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface Client {
  readonly id: string;
  readonly kind: ClientKind;
  readonly name: string;
  /** What it may ask for at most. */
  readonly scopes: string;
  readonly metadata: ClientMetadata;
  readonly status: 'active' | 'revoked';
  readonly created: string;
  readonly createdBy: string;
  /** SHA-256 of its secret in base64url. */
  readonly secretHash: string | undefined;
}

export type NewClient = Pick<Client, 'id' | 'kind' | 'name' | 'scopes' | 'metadata' | 'createdBy' | 'secretHash'>;

interface Row {
  client_id: string;
  kind: ClientKind;
  name: string;
  scopes: string;
  metadata: string;
  secret_hash: Buffer | null;
  status: 'active' | 'revoked';
  created: string;
  created_by: string;
}

const columns = sql`client_id, kind, name, scopes, metadata, secret_hash, status, created, created_by`;

function fromRow(row: Row): Client {
  return {
    id: row.client_id,
    kind: row.kind,
    name: row.name,
    scopes: row.scopes,
    metadata: JSON.parse(row.metadata) as ClientMetadata,
    status: row.status,
    created: instantText(row.created),
    createdBy: row.created_by,
    secretHash: row.secret_hash?.toString('base64url'),
  };
}

export function newSecret(): { secret: string; hash: string } {
  const secret = randomBytes(32).toString('base64url');
  return { secret, hash: secretHash(secret) };
}

/** In base64url. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** @throws OutcomeError `duplicate`. */
export async function addClient(session: Session, client: NewClient): Promise<Client> {
  const hash = client.secretHash === undefined ? null : Buffer.from(client.secretHash, 'base64url');
  const [row] = await session.query<Row>(sql`
    insert into client (tenant_id, client_id, kind, name, scopes, metadata, secret_hash, created_by)
    values (${session.tenant}, ${client.id}, ${client.kind}, ${client.name}, ${client.scopes},
      ${JSON.stringify(client.metadata)}, ${hash}, ${client.createdBy})
    on conflict do nothing returning ${columns}`);
  if (row === undefined) throw outcomeError('duplicate', `There is a client "${client.id}" already, perhaps revoked.`);
  return fromRow(row);
}

export async function findClient(session: Session, id: string): Promise<Client | undefined> {
  const [row] = await session.query<Row>(
    sql`select ${columns} from client where tenant_id = ${session.tenant} and client_id = ${id}`,
  );
  return row && fromRow(row);
}

export async function listClients(session: Session): Promise<Client[]> {
  const rows = await session.query<Row>(
    sql`select ${columns} from client where tenant_id = ${session.tenant} order by client_id limit 10000`,
  );
  return rows.map(fromRow);
}

/** Ends its access, tokens already issued included; its id stays taken. Undefined where there is no such client. */
export async function revokeClient(session: Session, id: string): Promise<Client | undefined> {
  const [row] = await session.query<Row>(sql`update client set status = 'revoked', changed = clock_timestamp()
    where tenant_id = ${session.tenant} and client_id = ${id} returning ${columns}`);
  if (row === undefined) return undefined;
  await session.query(sql`delete from openid_state where tenant_id = ${session.tenant} and client_id = ${id}`);
  return fromRow(row);
}

/** The secret before it is no longer good. */
export async function changeSecret(session: Session, id: string, hash: string): Promise<Client | undefined> {
  const [row] = await session.query<Row>(sql`update client
    set secret_hash = ${Buffer.from(hash, 'base64url')}, changed = clock_timestamp()
    where tenant_id = ${session.tenant} and client_id = ${id} and secret_hash is not null and status = 'active'
    returning ${columns}`);
  return row && fromRow(row);
}
