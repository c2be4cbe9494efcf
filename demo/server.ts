/** A server as an operator runs it: a process on a folder of its own, and the command line beside it. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const command = new URL('../src/command/makhbar.js', import.meta.url).pathname;

export interface Server {
  /** Without a slash at its end. */
  readonly url: string;
  /** FHIR base of the laboratory that it begins with. */
  readonly base: string;
  readonly hl7Port: number;
  readonly astmPort: number;
  /** What a command printed. @throws Error with what it says when its exit code is not 0. */
  makhbar(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Ready when it says so; the laboratory `demo` has the starter catalogue and open interfaces on this machine. */
export async function startServer(folder: string): Promise<Server> {
  const own = { PORT: String(await freePort()), HL7_PORT: '0', ASTM_PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'error' };
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...own };
  const child = spawn(process.execPath, [command, 'start'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const line of createInterface(child.stdout)) {
    said += `${line}\n`;
    if (line.includes('access token')) break;
  }
  child.stdout.resume();
  const [, url = ''] = /FHIR base\s+(https?:\/\/[^/]+)/.exec(said) ?? [];
  const [, hl7Port = ''] = /HL7 v2\s+\S+:(\d+)/.exec(said) ?? [];
  const [, astmPort = ''] = /ASTM\s+\S+:(\d+)/.exec(said) ?? [];
  if (url === '') throw new Error(`The server ended with ${child.exitCode} before it was ready.\n${said}`);
  return {
    ...{ url, base: `${url}/demo/fhir`, hl7Port: Number(hl7Port), astmPort: Number(astmPort) },
    makhbar: async (...args) => {
      const { stdout } = await promisify(execFile)(process.execPath, [command, ...args], { env, maxBuffer: 1 << 26 });
      return stdout;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Links that the command line prints have it. */
export async function freePort(): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await new Promise((done) => taken.close(done));
  return port;
}
