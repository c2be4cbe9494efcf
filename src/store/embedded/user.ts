/**
 * Which operating-system user runs PostgreSQL, and how its programs are started as that user.
 *
 * PostgreSQL refuses to run as root, so root hands it to another user: the owner of the data directory or of DATA_DIR,
 * else `postgres`, which is made when it is missing. When that user could not walk to the directories (root's home is
 * closed), the programs get the one capability that lets them pass; where that is not possible, one sentence says so.
 */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { outcomeError } from '../../fhir/outcome.ts';

const run = promisify(execFile);

export interface OperatingUser {
  uid: number;
  gid: number;
}

/** The user for PostgreSQL; undefined when it is the user of this process. */
export async function operatingUser(clusterDirectory: string): Promise<OperatingUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const directory of [clusterDirectory, dirname(clusterDirectory)]) {
    const owner = await stat(directory).catch(() => undefined);
    if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  return (await namedUser('postgres')) ?? (await createUser('postgres'));
}

async function namedUser(name: string): Promise<OperatingUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

async function createUser(name: string): Promise<OperatingUser> {
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name]).catch(
    // BusyBox systems have only adduser.
    () => run('adduser', ['-S', '-D', '-H', name]).catch(() => undefined),
  );
  const user = await namedUser(name);
  if (user !== undefined) return user;
  throw outcomeError(
    'exception',
    `PostgreSQL does not run as root and the user ${name} could not be created: create it, start Makhbar as an ordinary user, or set DATABASE_URL.`,
  );
}

export interface Launch {
  command: string;
  arguments: string[];
  uid?: number;
  gid?: number;
}

/** How to start a program as the user so that it can reach the directories. */
export async function launchAs(
  user: OperatingUser | undefined,
  program: { command: string; arguments: string[] },
  directories: string[],
): Promise<Launch> {
  if (user === undefined) return program;
  const closed = await firstClosed(user, directories);
  if (closed === undefined) return { ...program, ...user };
  const capability = await passingCapability();
  if (capability === undefined) throw closedDirectory(closed, user);
  const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const capabilities = [`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`];
  // Without this bit access(2) looks without capabilities, and initdb asks it about its own program.
  const bits = '--securebits=+no_setuid_fixup';
  return { command: 'setpriv', arguments: [...identity, ...capabilities, bits, program.command, ...program.arguments] };
}

function closedDirectory(directory: string, user: OperatingUser): Error {
  return outcomeError(
    'exception',
    `PostgreSQL runs as user ${user.uid}, which may not enter ${directory}: allow it (chmod o+x ${directory}), choose another DATA_DIR, or start Makhbar as an ordinary user.`,
  );
}

/** The highest directory on the way to the given ones that the user may not enter. */
async function firstClosed(user: OperatingUser, directories: string[]): Promise<string | undefined> {
  const ways = directories.flatMap(wayTo);
  for (const directory of ways) {
    const { mode, uid, gid } = await stat(directory);
    const execute = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return directory;
  }
  return undefined;
}

function wayTo(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [...wayTo(parent), directory];
}

/** Bits of capabilities(7). */
const capabilityBits = { dac_override: 1n, dac_read_search: 2n, setpcap: 8n };

/** The least capability we can hand on that passes closed directories; containers often lack the smaller one. */
async function passingCapability(): Promise<'dac_read_search' | 'dac_override' | undefined> {
  const available = await run('setpriv', ['--version']).then(
    () => true,
    () => false,
  );
  if (!available) return undefined;
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const may = (name: keyof typeof capabilityBits): boolean => (bounding & (1n << capabilityBits[name])) !== 0n;
  if (!may('setpcap')) return undefined;
  return may('dac_read_search') ? 'dac_read_search' : may('dac_override') ? 'dac_override' : undefined;
}
