/** The embedded PostgreSQL for real: first start, second start beside it, every way to end, and starting again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { createLog } from '../../src/log.ts';
import { runningEmbedded, startEmbedded } from '../../src/store/embedded.ts';
import { serverSettings } from '../../src/store/embedded/settings.ts';

const log = createLog('silent');
const source = new URL('../../src/', import.meta.url).href;
let dataDir: string;

/** A process that holds the database until it is ended in the given way. */
const holder = `
  import { startEmbedded } from '${source}store/embedded.ts';
  import { createLog } from '${source}log.ts';
  try {
    const embedded = await startEmbedded({ dataDir: process.argv[1], log: createLog('silent') });
    process.once('SIGTERM', () => embedded.stop());
    process.once('SIGUSR2', () => process.exit(7));
    console.log(embedded.url);
    await embedded.ended;
  } catch (error) {
    console.log(error.name + ': ' + error.message);
    process.exitCode = 1;
  }`;

async function hold(directory = dataDir): Promise<{ child: ChildProcess; line: string }> {
  const args = ['--input-type=module', '-e', holder, directory];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(child.stdout!)) return { child, line };
  return { child, line: '' };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill(signal);
  return ((await ended) as [number | null])[0];
}

async function query<T>(url: string, text: string): Promise<T[]> {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

const refused = async (url: string): Promise<boolean> =>
  query(url, 'select 1').then(
    () => false,
    () => true,
  );

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-embedded-'));
  await chmod(dataDir, 0o711);
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

describe('embedded PostgreSQL', () => {
  test('first start makes a database whose owner is no superuser, in UTF-8 sorted by code point', async () => {
    const embedded = await startEmbedded({ dataDir, log });
    expect(await runningEmbedded(dataDir)).toBe(embedded.url);
    const [facts] = await query<Record<string, unknown>>(
      embedded.url,
      `select rolsuper, rolbypassrls, rolcreaterole, current_setting('listen_addresses') as listen,
         current_setting('jit') as jit, current_setting('fsync') as fsync,
         getdatabaseencoding() as encoding, 'Z' < 'a' and 'z' < 'é' as by_code_point, lower('ÉЖ') as lower
       from pg_roles where rolname = current_user`,
    );
    expect(facts).toEqual({
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: true,
      listen: '127.0.0.1',
      jit: 'off',
      fsync: 'on',
      encoding: 'UTF8',
      by_code_point: true,
      lower: 'éж',
    });
    await query(embedded.url, 'create table kept (id int)');
    await embedded.stop();
    expect(await refused(embedded.url)).toBe(true);
    expect(await runningEmbedded(dataDir)).toBeUndefined();
  });

  test('a wrong password is refused', async () => {
    const { child, line } = await hold();
    expect(await refused(line.replace(/:[^:@]+@/, ':wrong@'))).toBe(true);
    await end(child, 'SIGTERM');
  });

  test.each(['postgresql.passwords.json', 'lock', 'postgresql.log'])('%s is closed to other users', async (name) => {
    expect((await stat(join(dataDir, name))).mode & 0o077).toBe(0);
  });

  test('a second start on the same directory says so in one line and leaves the first alone', async () => {
    const first = await hold();
    const second = await hold();
    expect(second.line).toMatch(/^OutcomeError: Another Makhbar process is running on the data directory /);
    expect(await query(first.line, 'select 1 as one')).toEqual([{ one: 1 }]);
    await end(first.child, 'SIGTERM');
  });

  const endings: [string, NodeJS.Signals, number | null, boolean][] = [
    ['SIGTERM, stopping', 'SIGTERM', 0, true],
    ['process.exit without stopping', 'SIGUSR2', 7, true],
    ['kill -9', 'SIGKILL', null, false],
  ];
  test.each(endings)('after %s the data is there again', async (_, signal, code, ends) => {
    const first = await hold();
    await query(first.line, 'insert into kept values (1)');
    expect(await end(first.child, signal)).toBe(code);
    if (ends) await untilRefused(first.line);
    else expect(await refused(first.line)).toBe(false);
    const started = performance.now();
    const second = await hold();
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(await query(second.line, 'select 1 from kept')).not.toHaveLength(0);
    expect(await refused(first.line)).toBe(true);
    await end(second.child, 'SIGTERM');
  });

  test('a data directory below one that is closed to others', async () => {
    const closed = join(dataDir, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const { child, line } = await hold(join(closed, 'data'));
    expect(line).toMatch(/^postgres:/);
    await end(child, 'SIGTERM');
  });

  test('a start killed during creation is repeated', async () => {
    const directory = join(dataDir, 'half');
    await mkdir(join(directory, 'postgresql.new', 'base'), { recursive: true });
    const { child, line } = await hold(directory);
    expect(line).toMatch(/^postgres:/);
    await end(child, 'SIGTERM');
  });
});

async function untilRefused(url: string): Promise<void> {
  while (!(await refused(url))) await new Promise((done) => setTimeout(done, 20));
}

describe('settings are sized from the memory', () => {
  const GiB = 1024 ** 3;
  const cases: [number, string][] = [
    [GiB / 4, '64MB'],
    [4 * GiB, '512MB'],
    [64 * GiB, '2048MB'],
  ];
  test.each(cases)('%d bytes: shared_buffers %s', (memory, expected) => {
    expect(serverSettings(memory)['shared_buffers']).toBe(expected);
  });
});
