/** A server of a test file's own. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { startServer, stopServer, type Running } from './process.ts';

export interface Own {
  dataDir: string;
  /** Another one after each kill. */
  running: Running;
}

/** The server of a test file, from its start to its end; its DATA_DIR goes with it. */
export function serverOfFile(name: string): Own {
  const own = {} as Own;
  beforeAll(async () => {
    own.dataDir = await mkdtemp(join(tmpdir(), `makhbar-${name}-`));
    // PostgreSQL runs as another user where the tests run as root.
    await chmod(own.dataDir, 0o711);
    own.running = await startServer(own.dataDir);
  }, 120_000);
  afterAll(async () => {
    await stopServer(own.running);
    await rm(own.dataDir, { recursive: true, force: true });
  }, 60_000);
  return own;
}
