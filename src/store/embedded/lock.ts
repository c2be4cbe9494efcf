/**
 * One process at a time on one DATA_DIR: a lock that the operating system drops when its holder dies, however it dies.
 *
 * Node has no flock. SQLite, which comes with Node, holds byte-range locks on a file of its own: they survive neither
 * kill -9 nor a reboot, so no lock is ever stale. Rejected: a file with a pid (two starters that both find it stale both
 * win), a listening Unix socket (the same race when it is unlinked; 104 bytes of path).
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { outcomeError } from '../../fhir/outcome.ts';

const SQLITE_BUSY = 5;

/** Takes the lock of the directory and gives the function that releases it. */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, 'lock');
  const file = openLock(path);
  try {
    chmodSync(path, 0o600);
    file.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    file.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw outcomeError('lock-error', `Another Makhbar process is running on the data directory ${directory}.`);
  }
  return () => file.close();
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch {
    throw outcomeError('exception', `This user may not use ${path}: start Makhbar as its owner.`);
  }
}
