/** The command line beside the running server, and the verifier of a package as somebody else runs it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { testServer } from '../server.ts';

export const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export function makhbar(...args: readonly string[]): Promise<Ended> {
  const { databaseUrl, dataDir } = testServer();
  return run([launcher, ...args], { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir });
}

/** Without any of our environment: it needs Node alone. */
export function verify(folder: string, ...args: readonly string[]): Promise<Ended> {
  return run([join(folder, 'verify.mjs'), ...args], {});
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], { env, maxBuffer: 1 << 24 }, (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}
