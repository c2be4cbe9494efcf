/**
 * The PostgreSQL that a killed Makhbar left behind on our data directory: found and stopped before the next start.
 *
 * postmaster.pid names a process, which may long since be another program (pids are reused, containers restart): it is
 * signalled only when it is a `postgres` whose working directory is this data directory. The caller holds the lock of
 * DATA_DIR, so nobody living owns it. File format: `LOCK_FILE_LINE_*` in PostgreSQL's src/include/utils/pidfile.h.
 */
import { execFile } from 'node:child_process';
import { readFile, readdir, readlink, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { outcomeError } from '../../fhir/outcome.ts';
import type { Log } from '../../log.ts';

const run = promisify(execFile);
const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;

export interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

export async function readPostmaster(clusterDirectory: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(clusterDirectory, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** Leaves the data directory without any process on it. */
export async function stopOrphan(clusterDirectory: string, log: Log): Promise<void> {
  const postmaster = await readPostmaster(clusterDirectory);
  if (postmaster === undefined) return;
  if (await isPostgres(postmaster.pid, clusterDirectory)) {
    log.warn({ postgres: postmaster.pid }, 'stopping the PostgreSQL that a killed Makhbar left behind');
    await stopProcess(postmaster.pid, clusterDirectory);
  }
  await processesGone(clusterDirectory);
  // PostgreSQL itself refuses to start when the number in the file is some living process.
  await rm(join(clusterDirectory, 'postmaster.pid'), { force: true });
}

async function stopProcess(pid: number, clusterDirectory: string): Promise<void> {
  process.kill(pid, 'SIGINT');
  if (await endedWithin(pid, clusterDirectory, FAST_SHUTDOWN_MS)) return;
  process.kill(pid, 'SIGQUIT');
  if (await endedWithin(pid, clusterDirectory, IMMEDIATE_SHUTDOWN_MS)) return;
  throw outcomeError(
    'lock-error',
    `PostgreSQL (process ${pid}) is still running on ${clusterDirectory} and does not stop.`,
  );
}

async function endedWithin(pid: number, clusterDirectory: string, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (Date.now() < deadline) {
    if (!(await isPostgres(pid, clusterDirectory))) return true;
    await pause(20);
  }
  return false;
}

/** Backends outlive a postmaster that was killed for a moment, and hold its shared memory until they notice. */
async function processesGone(clusterDirectory: string): Promise<void> {
  const deadline = Date.now() + IMMEDIATE_SHUTDOWN_MS;
  while ((await processesIn(clusterDirectory)) > 0) {
    if (Date.now() > deadline) {
      throw outcomeError('lock-error', `PostgreSQL processes are still running on ${clusterDirectory} and do not end.`);
    }
    await pause(50);
  }
}

async function processesIn(clusterDirectory: string): Promise<number> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => isPostgres(Number(pid), clusterDirectory)));
  return found.filter(Boolean).length;
}

async function isPostgres(pid: number, clusterDirectory: string): Promise<boolean> {
  if (!(pid > 0)) return false;
  if (process.platform === 'linux') {
    const [program, directory] = await Promise.all(['exe', 'cwd'].map((link) => linkOf(`/proc/${pid}/${link}`)));
    return directory === clusterDirectory && basename(program ?? '').startsWith('postgres');
  }
  const listed = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return listed.stdout.includes('postgres') && listed.stdout.includes(clusterDirectory);
}

async function linkOf(path: string): Promise<string | undefined> {
  return await readlink(path).catch(() => undefined);
}
