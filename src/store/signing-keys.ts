/**
 * The keys that sign a tenant's tokens (table signing_key); private halves leave this module unwrapped only.
 *
 * The newest key of an algorithm signs. An older one stays published for two hours, longer than any token lives, and is
 * then retired by a job; a key that was retired by hand verifies nothing from then on.
 */
import type { Database, Session } from './pool.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { fingerprint, unwrapKey, wrapKey } from '../files/wrap.ts';
import { sql } from './sql.ts';

export interface SigningKey {
  id: string;
  algorithm: string;
  /** JWK as JSON text. */
  publicJwk: string;
  /** PKCS #8, PEM. */
  privatePem: string;
}

interface Row {
  key_id: string;
  algorithm: string;
  public_jwk: string;
  wrapped: Buffer;
  wrapped_by: string;
}

/** The key that signs access tokens of the operator now; undefined where the tenant has none. */
export async function currentSigningKey(
  database: Database,
  tenant: number,
  keyEncryptionKey: Buffer,
): Promise<SigningKey | undefined> {
  const [newest] = await signingKeys(database, tenant, { keyEncryptionKey, algorithms: ['EdDSA'] });
  return newest;
}

/** Those that are not retired, the newest first. */
export async function signingKeys(
  database: Database,
  tenant: number,
  { keyEncryptionKey, algorithms }: { keyEncryptionKey: Buffer; algorithms: readonly string[] },
): Promise<SigningKey[]> {
  const rows = await database.query<Row>(
    tenant,
    sql`select key_id, algorithm, public_jwk, wrapped, wrapped_by from signing_key
      where tenant_id = ${tenant} and retired is null and algorithm = any(${algorithms}::text[])
      order by created desc, key_id desc`,
  );
  return rows.map((row) => opened(row, tenant, keyEncryptionKey));
}

/** The ids of the keys that are not retired, as one text: a change tells other processes to read them anew. */
export async function signingKeyIds(
  database: Database,
  tenant: number,
  algorithms: readonly string[],
): Promise<string> {
  const [row] = await database.query<{ ids: string | null }>(
    tenant,
    sql`select string_agg(key_id::text, ' ' order by created desc, key_id desc) as ids from signing_key
      where tenant_id = ${tenant} and retired is null and algorithm = any(${algorithms}::text[])`,
  );
  return row?.ids ?? '';
}

function opened(row: Row, tenant: number, keyEncryptionKey: Buffer): SigningKey {
  if (row.wrapped_by !== fingerprint(keyEncryptionKey)) {
    throw outcomeError(
      'exception',
      `The key-encryption key (${fingerprint(keyEncryptionKey)}) is not the one that wrapped signing key ${row.key_id} (${row.wrapped_by}).`,
    );
  }
  const pem = unwrapKey(keyEncryptionKey, { tenant, keyId: row.key_id }, row.wrapped).toString();
  return { id: row.key_id, algorithm: row.algorithm, publicJwk: row.public_jwk, privatePem: pem };
}

export async function addSigningKey(session: Session, key: SigningKey, keyEncryptionKey: Buffer): Promise<void> {
  const { tenant } = session;
  const wrapped = wrapKey(keyEncryptionKey, { tenant, keyId: key.id }, Buffer.from(key.privatePem));
  await session.query(
    sql`insert into signing_key (tenant_id, key_id, algorithm, public_jwk, wrapped, wrapped_by)
      values (${tenant}, ${key.id}, ${key.algorithm}, ${key.publicJwk}, ${wrapped}, ${fingerprint(keyEncryptionKey)})`,
  );
}

/** What verifies a signature made with the key; undefined where the tenant has no such key or has retired it. */
export async function verificationKey(
  database: Database,
  tenant: number,
  keyId: string,
): Promise<{ algorithm: string; publicJwk: string } | undefined> {
  const [row] = await database.query<Pick<Row, 'algorithm' | 'public_jwk'>>(
    tenant,
    sql`select algorithm, public_jwk from signing_key
      where tenant_id = ${tenant} and key_id = ${keyId} and retired is null`,
  );
  return row && { algorithm: row.algorithm, publicJwk: row.public_jwk };
}

/** The same for what was signed to last: a retired key still proves what it signed when it was in use. */
export async function anyVerificationKey(session: Session, keyId: string): Promise<{ publicJwk: string } | undefined> {
  const [row] = await session.query<Pick<Row, 'public_jwk'>>(
    sql`select public_jwk from signing_key where tenant_id = ${session.tenant} and key_id = ${keyId}`,
  );
  return row && { publicJwk: row.public_jwk };
}

/** Tokens signed with the tenant's keys so far are refused from now on (verifiers notice within a minute). */
export async function retireSigningKeys(database: Database, tenant: number): Promise<number> {
  const rows = await database.query(
    tenant,
    sql`update signing_key set retired = now() where tenant_id = ${tenant} and retired is null returning key_id`,
  );
  return rows.length;
}

/** Adds a key where the tenant has none of its algorithm; of two processes that try at once, one does. */
export async function addFirstSigningKey(
  database: Database,
  tenant: number,
  key: SigningKey,
  keyEncryptionKey: Buffer,
): Promise<void> {
  await database.transaction(tenant, async (session) => {
    await session.query(sql`select pg_advisory_xact_lock(hashtextextended('signing-key', ${tenant}))`);
    const there = await session.query(sql`select 1 from signing_key
      where tenant_id = ${tenant} and algorithm = ${key.algorithm} and retired is null limit 1`);
    if (there.length > 0) return;
    await addSigningKey(session, key, keyEncryptionKey);
  });
}

/** Retires keys that another of their algorithm took the place of two hours ago. */
export async function retireReplacedKeys(session: Session): Promise<number> {
  const rows = await session.query(sql`update signing_key k set retired = clock_timestamp()
    where tenant_id = ${session.tenant} and retired is null and exists (select from signing_key n
      where n.tenant_id = k.tenant_id and n.algorithm = k.algorithm and n.retired is null
        and (n.created, n.key_id) > (k.created, k.key_id) and n.created < clock_timestamp() - interval '2 hours')
    returning 1`);
  return rows.length;
}
