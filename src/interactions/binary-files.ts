/**
 * The files of Binaries: stored before the row that names them, swept when no row ever did.
 */
import { newId } from './new-id.ts';
import { tenantFiles } from '../files/encrypted.ts';
import type { FileStore } from '../files/store.ts';
import type { Context } from '../request.ts';
import { knownFiles, type BinaryFile } from '../store/binary-files.ts';
import type { Session } from '../store/pool.ts';
import { tenantKeys } from '../store/tenant-keys.ts';
import type { BinaryContent } from './binary-content.ts';
import { checkStorage } from './storage.ts';

/** What is needed to reach the files of one tenant. */
export type FilesContext = Pick<Context, 'server' | 'tenant'>;

/** The tenant's files, encrypted with its key. */
export function binaryFiles({ server, tenant }: FilesContext): FileStore {
  const keys = tenantKeys(server.database, tenant.id, server.config.keyEncryptionKey());
  return tenantFiles(server.files, tenant.id, keys, server.sealing);
}

/** Stores the content, then runs `write`; where that fails, the file is taken away again. */
export async function withFile<T>(
  context: FilesContext,
  { content, contentType }: BinaryContent,
  write: (file: BinaryFile) => Promise<T>,
): Promise<T> {
  const files = binaryFiles(context);
  const key = `binary/${newId()}`;
  // How long it is, the end of its stream tells; a full laboratory is told at once.
  await checkStorage(context, 1);
  const { size, sha256 } = await files.put(key, content);
  try {
    await checkStorage(context, size);
    return await write({ key, size, sha256, contentType });
  } catch (error) {
    // Where even this fails, the sweep finds it.
    await files.delete(key).catch(() => undefined);
    throw error;
  }
}

/** Longer than any upload and the transaction after it last (a guess). */
const unclaimedFor = 24 * 3_600_000;

/** Deletes the files that no version names, left by a process that ended between file and row. Returns how many. */
export async function sweepBinaryFiles(context: FilesContext, now = Date.now()): Promise<number> {
  const files = binaryFiles(context);
  const { server, tenant } = context;
  const session: Session = { tenant: tenant.id, query: (statement) => server.database.query(tenant.id, statement) };
  let swept = 0;
  let batch: string[] = [];
  const flush = async (): Promise<void> => {
    const known = await knownFiles(session, batch);
    const orphans = batch.filter((key) => !known.has(key));
    await Promise.all(orphans.map((key) => files.delete(key)));
    swept += orphans.length;
    batch = [];
  };
  for await (const { key, modified } of files.list('binary/')) {
    if (modified.getTime() < now - unclaimedFor && batch.push(key) === 500) {
      await flush();
    }
  }
  await flush();
  return swept;
}
