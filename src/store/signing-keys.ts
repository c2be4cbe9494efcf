/** The keys that sign a tenant's access tokens (table signing_key); private halves leave this module unwrapped only. */
import type { Database } from './pool.ts';
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

/** The key that signs now; undefined where the tenant has none. */
export async function currentSigningKey(
  database: Database,
  tenant: number,
  keyEncryptionKey: Buffer,
): Promise<SigningKey | undefined> {
  const [row] = await database.query<Row>(
    tenant,
    sql`select key_id, algorithm, public_jwk, wrapped, wrapped_by from signing_key
      where tenant_id = ${tenant} and retired is null order by created desc, key_id desc limit 1`,
  );
  if (row === undefined) return undefined;
  if (row.wrapped_by !== fingerprint(keyEncryptionKey)) {
    throw outcomeError(
      'exception',
      `The key-encryption key (${fingerprint(keyEncryptionKey)}) is not the one that wrapped signing key ${row.key_id} (${row.wrapped_by}).`,
    );
  }
  const pem = unwrapKey(keyEncryptionKey, { tenant, keyId: row.key_id }, row.wrapped).toString();
  return { id: row.key_id, algorithm: row.algorithm, publicJwk: row.public_jwk, privatePem: pem };
}

export async function addSigningKey(
  database: Database,
  tenant: number,
  key: SigningKey,
  keyEncryptionKey: Buffer,
): Promise<void> {
  const wrapped = wrapKey(keyEncryptionKey, { tenant, keyId: key.id }, Buffer.from(key.privatePem));
  await database.query(
    tenant,
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

/** Tokens signed with the tenant's keys so far are refused from now on (verifiers notice within a minute). */
export async function retireSigningKeys(database: Database, tenant: number): Promise<number> {
  const rows = await database.query(
    tenant,
    sql`update signing_key set retired = now() where tenant_id = ${tenant} and retired is null returning key_id`,
  );
  return rows.length;
}
