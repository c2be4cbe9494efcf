/** The server as a process of its own on its own DATA_DIR, as an operator runs it, so that it can be killed. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { connect, type Client } from '../../conformance/client.ts';

const root = new URL('../../', import.meta.url).pathname;
const command = join(root, 'src', 'command', 'makhbar.js');

export interface Running {
  child: ChildProcess;
  /** Address of the HTTP server. */
  url: string;
  dataDir: string;
  environment: Readonly<Record<string, string>>;
}

export async function startServer(
  dataDir: string,
  more: Readonly<Record<string, string>> = {},
  options: readonly string[] = [],
  log?: (line: string) => void,
): Promise<Running> {
  const environment = {
    ...{ PORT: '0', HL7_PORT: '0', ASTM_PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'error' },
    // What a killed one was doing is waited for.
    LEASE_TIME: '5s',
    ...more,
  };
  const child = spawn(process.execPath, [command, 'start', ...options], {
    cwd: dataDir,
    env: { ...process.env, DATABASE_URL: '', ...environment },
    stdio: ['ignore', 'pipe', log === undefined ? 'inherit' : 'pipe'],
  });
  if (log !== undefined) createInterface(child.stderr!).on('line', log);
  for await (const line of createInterface(child.stdout!)) {
    const url = /FHIR base\s+(https?:\/\/[^/]+)/.exec(line)?.[1];
    if (url !== undefined) {
      child.stdout!.resume();
      return { child, url, dataDir, environment };
    }
  }
  throw new Error(`The server under ${dataDir} ended with ${child.exitCode} before it was ready.`);
}

/** A client of the laboratory `demo` with a token from the command line, made beside the running server. */
export async function clientOf(running: Running): Promise<Client> {
  const env = { ...process.env, DATABASE_URL: '', ...running.environment };
  const { stdout } = await promisify(execFile)(process.execPath, [command, 'token', 'demo'], {
    env,
    cwd: running.dataDir,
  });
  return connect(`${running.url}/demo/fhir`, stdout.trim(), 60_000);
}

/** Kills the server, and on demand PostgreSQL as well, without any warning. */
export async function killServer({ child, dataDir }: Running, database: boolean): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  if (database) {
    const pid = Number((await readFile(join(dataDir, 'postgresql', 'postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(pid, 'SIGKILL');
  }
  await gone;
}

export async function stopServer({ child }: Running): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
}
