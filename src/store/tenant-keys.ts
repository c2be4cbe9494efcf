/**
 * The data keys of tenants (table tenant_key), as the file store asks for them.
 *
 * A key is committed before anything is encrypted with it, whatever transaction the caller is in, so that no file can
 * outlive its key. Keys are not kept in memory between calls: one that was shredded opens nothing from then on.
 */
import { randomUUID } from 'node:crypto';
import type { DataKey, KeyRing } from '../files/encrypted.ts';
import { fingerprint, newDataKey, unwrapKey, wrapKey } from '../files/wrap.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Database, Session } from './pool.ts';
import { sql } from './sql.ts';

interface Row {
  key_id: string;
  wrapped: Buffer;
  wrapped_by: string;
}

/** The keys of one tenant; its first is made when first needed. */
export function tenantKeys(database: Database, tenant: number, keyEncryptionKey: Buffer): KeyRing {
  const session: Session = { tenant, query: (statement) => database.query(tenant, statement) };
  return keysIn(session, { database, keyEncryptionKey });
}

/** The same, read by the caller's own transaction: one that waited for a second connection could wait for itself. */
export function keysIn(
  session: Session,
  { database, keyEncryptionKey }: { database: Database; keyEncryptionKey: Buffer },
): KeyRing {
  const { tenant } = session;
  return {
    async current() {
      const [row] = await session.query<Row>(
        sql`select key_id, wrapped, wrapped_by from tenant_key where tenant_id = ${tenant}
          order by created desc, key_id desc limit 1`,
      );
      return row ? opened(row, tenant, keyEncryptionKey) : addTenantKey(database, tenant, keyEncryptionKey);
    },
    async find(id) {
      const statement = sql`select key_id, wrapped, wrapped_by from tenant_key
        where tenant_id = ${tenant} and key_id = ${id}`;
      const [known] = await session.query<Row>(statement);
      // A key that was made since does not show in a snapshot.
      const [row] = known === undefined ? await database.query<Row>(tenant, statement) : [known];
      if (row === undefined) {
        throw outcomeError('deleted', `The key of this file (${id}) was deleted, and the content with it.`);
      }
      return opened(row, tenant, keyEncryptionKey).key;
    },
  };
}

/** A new key, used for every file from now on; older files keep theirs. */
export async function addTenantKey(database: Database, tenant: number, keyEncryptionKey: Buffer): Promise<DataKey> {
  const made = { id: randomUUID(), key: newDataKey() };
  const wrapped = wrapKey(keyEncryptionKey, { tenant, keyId: made.id }, made.key);
  await database.query(
    tenant,
    sql`insert into tenant_key (tenant_id, key_id, wrapped, wrapped_by)
      values (${tenant}, ${made.id}, ${wrapped}, ${fingerprint(keyEncryptionKey)})`,
  );
  return made;
}

/** Wraps the keys of a tenant anew, for a change of the key-encryption key; no file is touched. Returns how many. */
export async function rewrapTenantKeys(database: Database, tenant: number, from: Buffer, to: Buffer): Promise<number> {
  return database.transaction(tenant, async (session) => {
    const rows = await session.query<Row>(
      sql`select key_id, wrapped, wrapped_by from tenant_key
        where tenant_id = ${tenant} and wrapped_by = ${fingerprint(from)} for update`,
    );
    for (const row of rows) {
      const wrapped = wrapKey(to, { tenant, keyId: row.key_id }, opened(row, tenant, from).key);
      await session.query(
        sql`update tenant_key set wrapped = ${wrapped}, wrapped_by = ${fingerprint(to)}
          where tenant_id = ${tenant} and key_id = ${row.key_id}`,
      );
    }
    return rows.length;
  });
}

/** Deletes every key of a tenant: nothing can read its files any more. Returns how many there were. */
export async function shredTenantKeys(database: Database, tenant: number): Promise<number> {
  const rows = await database.query(tenant, sql`delete from tenant_key where tenant_id = ${tenant} returning key_id`);
  return rows.length;
}

function opened(row: Row, tenant: number, keyEncryptionKey: Buffer): DataKey {
  if (row.wrapped_by !== fingerprint(keyEncryptionKey)) {
    throw outcomeError(
      'exception',
      `The key-encryption key (${fingerprint(keyEncryptionKey)}) is not the one that wrapped data key ${row.key_id} (${row.wrapped_by}).`,
    );
  }
  return { id: row.key_id, key: unwrapKey(keyEncryptionKey, { tenant, keyId: row.key_id }, row.wrapped) };
}
