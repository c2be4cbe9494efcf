/**
 * The running process of the embedded PostgreSQL: started, awaited, stopped.
 *
 * It has a session of its own, so that Ctrl-C in a terminal reaches only us and requests are drained first, and writes
 * its messages to a file: a pipe would break when we are killed. When this process exits without stopping it, an exit
 * hook does.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { open, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { outcomeError } from '../../fhir/outcome.ts';
import { readPostmaster } from './orphan.ts';
import type { Programs } from './cluster.ts';
import { launchAs, type OperatingUser } from './user.ts';

/** Crash recovery replays at most max_wal_size; on slow disks that takes minutes. */
const READY_WITHIN_MS = 600_000;
const STOP_WITHIN_MS = 60_000;
const LOG_BYTES = 10 * 1024 * 1024;

export interface Process {
  port: number;
  pid: number;
  /** Settles when PostgreSQL has ended, for whatever reason. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

export interface Start {
  clusterDirectory: string;
  programs: Programs;
  user: OperatingUser | undefined;
  settings: Record<string, string>;
}

/** Starts PostgreSQL on a free port; the port may be taken by another program in between, so it tries again. */
export async function startProcess(start: Start): Promise<Process> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(await freePort(), start);
    } catch (error) {
      if (attempt === 3 || !(error instanceof PortTaken)) throw error;
    }
  }
}

class PortTaken extends Error {}

async function startOn(port: number, start: Start): Promise<Process> {
  const logPath = `${start.clusterDirectory}.log`;
  const child = await launch(port, start, logPath);
  const pid = child.pid;
  if (pid === undefined) throw outcomeError('exception', `PostgreSQL could not be started: ${start.programs.postgres}`);
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const stopOnExit = (): void => void child.kill('SIGINT');
  process.once('exit', stopOnExit);
  void ended.then(() => process.off('exit', stopOnExit));
  await ready(child, start.clusterDirectory, logPath);
  return { port, pid, ended, stop: () => stop(child, ended) };
}

async function launch(port: number, start: Start, logPath: string): Promise<ChildProcess> {
  const { clusterDirectory, programs, user } = start;
  const settings = Object.entries({ ...start.settings, port: String(port) });
  const args = ['-D', clusterDirectory, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const directories = [dirname(programs.postgres), dirname(clusterDirectory)];
  const program = await launchAs(user, { command: programs.postgres, arguments: args }, directories);
  const { command, arguments: programArguments, ...identity } = program;
  const log = await openLog(logPath);
  try {
    return spawn(command, programArguments, {
      ...identity,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { LC_ALL: 'C', TZ: 'UTC' },
    }).on('error', () => undefined);
  } finally {
    await log.close();
  }
}

async function openLog(path: string) {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LOG_BYTES) await rename(path, `${path}.1`);
  return await open(path, 'a', 0o600);
}

async function ready(child: ChildProcess, clusterDirectory: string, logPath: string): Promise<void> {
  const logged = (await stat(logPath)).size;
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw await startFailed(logPath, logged);
    const postmaster = await readPostmaster(clusterDirectory);
    if (postmaster?.pid === child.pid && postmaster?.ready) return;
    await pause(10);
  }
  child.kill('SIGQUIT');
  throw outcomeError('timeout', `PostgreSQL on ${clusterDirectory} was not ready after ${READY_WITHIN_MS / 1000} s.`);
}

async function startFailed(logPath: string, from: number): Promise<Error> {
  const file = await open(logPath);
  const { buffer, bytesRead } = await file.read({ position: from, buffer: Buffer.alloc(4096) });
  await file.close();
  const text = buffer.toString('utf8', 0, bytesRead);
  if (text.includes('could not create any TCP/IP sockets')) return new PortTaken();
  const reason = /FATAL: {2}(.*)/.exec(text)?.[1] ?? `see ${logPath}`;
  return outcomeError('exception', `The embedded PostgreSQL did not start: ${reason}`);
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  // SIGINT is PostgreSQL's fast shutdown: it ends the sessions, writes a checkpoint and leaves.
  child.kill('SIGINT');
  const impatient = setTimeout(() => child.kill('SIGQUIT'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(impatient);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done, fail) => probe.once('error', fail).listen(0, '127.0.0.1', done));
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  if (address === null || typeof address === 'string') throw outcomeError('exception', 'No TCP port is free.');
  return address.port;
}
