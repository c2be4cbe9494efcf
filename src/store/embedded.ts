/**
 * The embedded PostgreSQL under DATA_DIR, for a laboratory that has nothing but this program.
 *
 *   DATA_DIR/lock                        held by the process that owns the directory
 *   DATA_DIR/postgresql/                 data directory of PostgreSQL, closed to all but its user
 *   DATA_DIR/postgresql.log              its messages
 *   DATA_DIR/postgresql.passwords.json   0600
 *   DATA_DIR/postgresql.url              0600, while it runs: how the command line finds it
 *
 * 1. One process owns DATA_DIR (lock.ts); what a killed one left running is stopped first (orphan.ts).
 * 2. It listens on 127.0.0.1 only, on a free port, with SCRAM passwords.
 * 3. It never outlives us, except after kill -9; then the next start takes care of it.
 */
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import { ensureCluster, findPrograms, passwordsOf } from './embedded/cluster.ts';
import { lockDirectory } from './embedded/lock.ts';
import { stopOrphan } from './embedded/orphan.ts';
import { startProcess, type Process } from './embedded/postmaster.ts';
import { ensureDatabase } from './embedded/roles.ts';
import { availableMemory, serverSettings } from './embedded/settings.ts';
import { operatingUser } from './embedded/user.ts';

export interface Embedded {
  /** Connects as the owner of the database, which is no superuser. */
  url: string;
  /** Settles when PostgreSQL has ended, also by itself. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

export async function startEmbedded(options: { dataDir: string; log: Log }): Promise<Embedded> {
  const dataDirectory = await ownDirectory(options.dataDir);
  const unlock = lockDirectory(dataDirectory);
  let server: Process | undefined;
  try {
    server = await startServer(dataDirectory, options.log);
    const url = await ensureDatabase(server.port, await passwordsOf(dataDirectory));
    await writeFile(urlFile(dataDirectory), url, { mode: 0o600 });
    return { url, ended: server.ended, stop: stopper(server, dataDirectory, unlock) };
  } catch (error) {
    await server?.stop();
    unlock();
    throw explained(error);
  }
}

/** Files of another user: somebody started Makhbar as root before, or the other way round. */
function explained(error: unknown): unknown {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') return error;
  return outcomeError('exception', `This user may not use ${path ?? 'a file'} (${code}): start Makhbar as its owner.`);
}

/** The URL of the embedded PostgreSQL that another process runs on DATA_DIR, if one does. */
export async function runningEmbedded(dataDir: string): Promise<string | undefined> {
  const directory = resolve(dataDir);
  const url = await readFile(urlFile(directory), 'utf8').catch(() => undefined);
  if (url === undefined) return undefined;
  try {
    lockDirectory(directory)();
    return undefined;
  } catch (error) {
    if (error instanceof OutcomeError && error.issues[0]?.code === 'lock-error') return url;
    throw error;
  }
}

function urlFile(dataDirectory: string): string {
  return join(dataDirectory, 'postgresql.url');
}

async function ownDirectory(dataDir: string): Promise<string> {
  // Root keeps the directory passable, because PostgreSQL runs as another user below it.
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    await mkdir(resolve(dataDir), { recursive: true, mode });
    return await realpath(resolve(dataDir));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw outcomeError('exception', `The data directory ${resolve(dataDir)} cannot be created or opened (${code}).`);
  }
}

async function startServer(dataDirectory: string, log: Log): Promise<Process> {
  const clusterDirectory = join(dataDirectory, 'postgresql');
  const programs = findPrograms();
  const user = await operatingUser(clusterDirectory);
  const passwords = await passwordsOf(dataDirectory);
  await ensureCluster(clusterDirectory, passwords.superuser, programs, user);
  await stopOrphan(clusterDirectory, log);
  const settings = serverSettings(availableMemory());
  const server = await startProcess({ clusterDirectory, programs, user, settings });
  log.info({ postgres: server.pid, port: server.port }, 'embedded PostgreSQL is ready');
  return server;
}

function stopper(server: Process, dataDirectory: string, unlock: () => void): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await rm(urlFile(dataDirectory), { force: true });
    await server.stop();
    unlock();
  };
  return () => (stopped ??= stop());
}
