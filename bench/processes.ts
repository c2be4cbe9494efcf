/** The processes of a run: Makhbar itself, the bare server, the load generator; and how much memory one uses. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Job, Round } from './load.ts';

const program = fileURLToPath(new URL('../src/command/makhbar.js', import.meta.url));

export interface Makhbar {
  readonly port: number;
  /** Of the HL7 v2 gateway. */
  readonly hl7Port: number;
  readonly astmPort: number;
  readonly pid: number;
  /** From the start of the process to the first good answer of /readyz. */
  readonly startMilliseconds: number;
  stop(): Promise<void>;
}

/** Starts the server as a user would, with its defaults, on a free port; `given` to Node itself. */
export async function startMakhbar(dataDir: string, given: readonly string[] = []): Promise<Makhbar> {
  const [port, hl7Port, astmPort] = [await freePort(), await freePort(), await freePort()];
  const log = openSync(join(dataDir, 'server.log'), 'a');
  const started = performance.now();
  const child = spawn(process.execPath, [...given, program, 'start'], {
    cwd: dataDir,
    env: {
      ...plainEnvironment(),
      DATA_DIR: join(dataDir, 'data'),
      PORT: String(port),
      HL7_PORT: String(hl7Port),
      ASTM_PORT: String(astmPort),
    },
    stdio: ['ignore', log, log],
  });
  await untilReady(child, port);
  const startMilliseconds = performance.now() - started;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended(child);
  };
  return { port, hl7Port, astmPort, pid: child.pid ?? 0, startMilliseconds, stop };
}

/** Without what the caller's shell says of a server of his own. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'LANG', 'TMPDIR'];
  return Object.fromEntries(kept.map((name) => [name, process.env[name]]));
}

async function untilReady(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) {
      return;
    }
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error('The server did not start; see server.log in the data folder.');
    }
    await pause(10);
  }
}

/** Runs a command of `makhbar` beside the server and gives what it prints. */
export async function runCommand(dataDir: string, ...given: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...given], {
    cwd: dataDir,
    env: { ...plainEnvironment(), DATA_DIR: join(dataDir, 'data') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await ended(child);
  if (child.exitCode !== 0) {
    throw new Error(`makhbar ${given[0]} ended with ${child.exitCode}.`);
  }
  return printed.trim();
}

export interface Helper<Request, Answer> {
  ask(request: Request): Promise<Answer>;
  stop(): Promise<void>;
}

export function startLoad(): Helper<Job, Round> {
  const child = fork(new URL('./load.ts', import.meta.url), { serialization: 'advanced' });
  return {
    async ask(job) {
      child.send(job);
      const [answer] = (await once(child, 'message')) as [{ round?: Round; error?: string }];
      if (answer.round === undefined) {
        throw new Error(answer.error ?? 'The load generator failed.');
      }
      return answer.round;
    },
    stop: () => stopped(child),
  };
}

/** The bare server of bare.ts; gives its port. */
export async function startBare(
  url: string,
  tenant: number,
): Promise<{ port: number; pid: number; stop(): Promise<void> }> {
  const child = fork(new URL('./bare.ts', import.meta.url), [url, String(tenant)]);
  const [port] = (await once(child, 'message')) as [number];
  return { port, pid: child.pid ?? 0, stop: () => stopped(child) };
}

async function stopped(child: ChildProcess): Promise<void> {
  child.disconnect();
  child.kill();
  await ended(child);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit');
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface Memory {
  /** Megabytes now and at most so far. */
  now: number;
  peak: number;
}

/** Resident memory of a process, from /proc; NaN where there is none. */
export function memoryOf(pid: number): Memory {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024;
    return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
  } catch {
    return { now: Number.NaN, peak: Number.NaN };
  }
}

/** Seconds of processor time that a process has used, without its children. */
export function processorSeconds(pid: number): number {
  const times = statOf(pid);
  return times === undefined ? Number.NaN : times.own;
}

/** The same for PostgreSQL: the postmaster, its present children and those that have ended. */
export function postgresSeconds(dataDir: string): number {
  const postmaster = Number(readFileSync(join(dataDir, 'data', 'postgresql', 'postmaster.pid'), 'utf8').split('\n')[0]);
  const { own = Number.NaN, ended: past = 0 } = statOf(postmaster) ?? {};
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat?.parent === postmaster);
  return own + past + children.reduce((sum, child) => sum + (child?.own ?? 0), 0);
}

/** Ticks a second: 100 on every Linux that Node runs on. */
const ticks = 100;

/** From /proc/{pid}/stat (proc_pid_stat(5)); undefined where there is none. */
function statOf(pid: number): { parent: number; own: number; ended: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const seconds = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) / ticks;
    return { parent: Number(fields[1]), own: seconds(11), ended: seconds(13) };
  } catch {
    return undefined;
  }
}
