/** Migrations on real servers: the embedded PostgreSQL, Debian's 15 where installed; owners without superuser rights. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, readFileSync } from 'node:fs';
import { appendFile, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { createLog } from '../../src/log.ts';
import { startEmbedded, type Embedded } from '../../src/store/embedded.ts';
import { operatingUser } from '../../src/store/embedded/user.ts';
import { migrate } from '../../src/store/migrate.ts';
import { describeSchema } from '../../src/store/schema.ts';

const log = createLog('silent');
const asApplication = '-c role=makhbar_app';
const root = new URL('../../', import.meta.url).pathname;
const committed = join(root, 'migrations/schema.txt');
let directory: string;
let embedded: Embedded;
/** A superuser's URL of each server under test. */
const servers: Record<string, string> = {};
const stops: (() => Promise<unknown>)[] = [];

const binaries15 = '/usr/lib/postgresql/15/bin';
const serverNames = ['embedded', ...(existsSync(`${binaries15}/initdb`) ? ['15'] : [])];
if (serverNames.length === 1)
  process.stderr.write('migrate.test.ts: PostgreSQL 15 is not installed; tested on the embedded one only.\n');

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'makhbar-migrate-'));
  await chmod(directory, 0o711);
  embedded = await startEmbedded({ dataDir: directory, log });
  const passwords = JSON.parse(readFileSync(join(directory, 'postgresql.passwords.json'), 'utf8')) as {
    superuser: string;
  };
  servers['embedded'] = `postgres://postgres:${passwords.superuser}@${new URL(embedded.url).host}`;
  if (serverNames.includes('15')) servers['15'] = await startDebian15();
});
afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await embedded.stop();
  await rm(directory, { recursive: true, force: true });
});

async function startDebian15(): Promise<string> {
  const data = join(directory, 'fifteen');
  const user = await operatingUser(data);
  execFileSync('mkdir', ['-m', '700', data]);
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  const options = ['-U', 'postgres', '-E', 'UTF8', '--locale=C', '-A', 'trust', '--no-sync'];
  execFileSync(`${binaries15}/initdb`, ['-D', data, ...options], { ...user, stdio: 'ignore' });
  const port = await freePort();
  const settings = ['-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  const child = spawn(`${binaries15}/postgres`, ['-D', data, ...settings], { ...user, stdio: 'ignore' });
  stops.push(async () => {
    child.kill('SIGINT');
    await once(child, 'exit');
  });
  const url = `postgres://postgres@127.0.0.1:${port}`;
  for (;;) {
    const up = await query(`${url}/postgres`, 'select 1').catch(() => undefined);
    if (up !== undefined) return url;
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await once(probe.listen(0, '127.0.0.1'), 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  return port;
}

async function query<T = Record<string, unknown>>(url: string, text: string, options?: string): Promise<T[]> {
  const client = new Client({ connectionString: url, ...(options && { options }) });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

interface Owner {
  /** Attributes of the login that owns the database. */
  attributes?: string;
  /** Whether an administrator has let it become makhbar_app, where that role exists. */
  member?: boolean;
  /** Options of the database. */
  database?: string;
}

/** A new database owned by a new login. */
async function freshDatabase(server: string, owner: Owner = {}): Promise<string> {
  const name = `t${randomBytes(6).toString('hex')}`;
  const superuser = servers[server]!;
  const run = (text: string) => query(`${superuser}/postgres`, text);
  await run(`create role ${name} login password 'secret' nosuperuser ${owner.attributes ?? ''}`);
  await run(`create database ${name} owner ${name} ${owner.database ?? ''}`);
  const [role] = await run(`select 1 from pg_roles where rolname = 'makhbar_app'`);
  if (role !== undefined && owner.member !== false) await run(`grant makhbar_app to ${name}`);
  return `${superuser.replace(/\/\/[^@]*@/, `//${name}:secret@`)}/${name}`;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => '',
    (error: Error) => error.message,
  );
}

async function schemaOf(url: string): Promise<string> {
  const client = new Client(url);
  await client.connect();
  try {
    return await describeSchema(client);
  } finally {
    await client.end();
  }
}

describe.each(serverNames)('PostgreSQL %s', (server) => {
  test('where the role is missing and may not be created, what the administrator must run is said and suffices', async () => {
    const url = await freshDatabase(server);
    const sentence = await refusal(migrate(url, log));
    expect(sentence).toMatch(/^The database user t\w+ .* An administrator must run: create role makhbar_app /);
    const superuser = servers[server]!;
    await query(superuser + new URL(url).pathname, sentence.replace(/^.* must run: /, ''));
    await migrate(url, log);
    expect(await query(url, 'select current_user as who', asApplication)).toEqual([{ who: 'makhbar_app' }]);
    await query(`${superuser}/postgres`, `drop database ${new URL(url).pathname.slice(1)}`);
    await query(`${superuser}/postgres`, 'drop role makhbar_app');
  });

  test('an owner who may create roles migrates, again without effect, and can become makhbar_app', async () => {
    const url = await freshDatabase(server, { attributes: 'createrole' });
    await migrate(url, log);
    const ledger = await query(url, 'select number, applied from migration order by number');
    await migrate(url, log);
    expect(await query(url, 'select number, applied from migration order by number')).toEqual(ledger);
    expect(ledger.length).toBeGreaterThan(0);
    const who = await query(
      url,
      'select current_user as who, (select count(*)::int from resource) as seen',
      asApplication,
    );
    expect(who).toEqual([{ who: 'makhbar_app', seen: 0 }]);
  });

  test('the schema is the committed one (npm run schema writes it)', async () => {
    const url = await freshDatabase(server);
    await migrate(url, log);
    expect(await schemaOf(url)).toBe(readFileSync(committed, 'utf8'));
  });

  test('ten processes that start together migrate once', async () => {
    const url = await freshDatabase(server);
    await Promise.all(Array.from({ length: 10 }, () => migrate(url, log)));
    const [counted] = await query<{ twice: number }>(
      url,
      'select count(*)::int - count(distinct number)::int as twice from migration',
    );
    expect(counted?.twice).toBe(0);
  });

  test('where the role is there and may not be granted, what the administrator must run is said and suffices', async () => {
    const url = await freshDatabase(server, { member: false });
    const sentence = await refusal(migrate(url, log));
    expect(sentence).toMatch(/ An administrator must run: grant makhbar_app to /);
    await query(`${servers[server]!}/postgres`, sentence.replace(/^.* must run: /, ''));
    await migrate(url, log);
    expect(await query(url, 'select current_user as who', asApplication)).toEqual([{ who: 'makhbar_app' }]);
  });

  test('a schema in which the login may not create tables is named', async () => {
    const url = await freshDatabase(server);
    const database = servers[server]! + new URL(url).pathname;
    await query(database, 'alter schema public owner to postgres');
    const sentence = await refusal(migrate(url, log));
    expect(sentence).toMatch(
      /may not create tables. An administrator must run: grant usage, create on schema "public" to /,
    );
    await query(database, sentence.replace(/^.* must run: /, ''));
    await migrate(url, log);
  });

  test('a role makhbar_app that bypasses row level security is refused', async () => {
    const url = await freshDatabase(server);
    await migrate(url, log);
    await query(`${servers[server]!}/postgres`, 'alter role makhbar_app bypassrls');
    await expect(migrate(url, log)).rejects.toThrow(/makhbar_app bypasses row level security/);
    await query(`${servers[server]!}/postgres`, 'alter role makhbar_app nobypassrls');
  });

  test('every table with a tenant has row level security forced, or is closed to makhbar_app', async () => {
    const url = await freshDatabase(server);
    await migrate(url, log);
    const open = await query(
      url,
      `select c.relname from pg_class c
       where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
         and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
         and not (c.relrowsecurity and c.relforcerowsecurity)
         and has_any_column_privilege('makhbar_app', c.oid, 'select, insert, update')`,
    );
    expect(open).toEqual([]);
    const [guarded] = await query<{ count: number }>(
      url,
      'select count(*)::int as count from pg_class where relforcerowsecurity',
    );
    expect(guarded?.count).toBeGreaterThan(1);
  });

  test('the application role owns nothing and may neither truncate nor create', async () => {
    const url = await freshDatabase(server);
    await migrate(url, log);
    const [rights] = await query(
      url,
      `select bool_or(pg_get_userbyid(relowner) = 'makhbar_app') as owns,
              bool_or(has_table_privilege('makhbar_app', oid, 'truncate')) as truncates,
              bool_or(has_schema_privilege('makhbar_app', 'public', 'create')) as creates
       from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace`,
    );
    expect(rights).toEqual({ owns: false, truncates: false, creates: false });
  });

  describe('files', () => {
    async function withFiles(files: Record<string, string>): Promise<string> {
      const folder = await mkdtemp(join(directory, 'files-'));
      await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
      return folder;
    }

    test('an applied file that was edited is refused', async () => {
      const url = await freshDatabase(server);
      const folder = await withFiles({ '0001-a.sql': 'create table a ();' });
      await migrate(url, log, folder);
      await appendFile(join(folder, '0001-a.sql'), ' -- edited');
      await expect(migrate(url, log, folder)).rejects.toThrow(/^Migration 0001-a.sql was edited/);
    });

    test('a file that fails leaves nothing of itself and everything before it', async () => {
      const url = await freshDatabase(server);
      const folder = await withFiles({
        '0001-a.sql': 'create table a ();',
        '0002-b.sql': 'create table b (); select 1/0;',
      });
      await expect(migrate(url, log, folder)).rejects.toThrow(/division by zero/);
      const tables = await query(url, `select relname from pg_class where relname in ('a', 'b')`);
      expect(tables).toEqual([{ relname: 'a' }]);
      expect(await query(url, 'select name from migration')).toEqual([{ name: '0001-a.sql' }]);
    });

    test('a database of a newer program is refused', async () => {
      const url = await freshDatabase(server);
      await migrate(url, log, await withFiles({ '0001-a.sql': '', '9999-later.sql': '' }));
      await expect(migrate(url, log, await withFiles({ '0001-a.sql': '' }))).rejects.toThrow(
        /newer Makhbar \(9999-later.sql/,
      );
    });
  });

  const broken: [string, (url: string) => string, RegExp][] = [
    [
      'no server',
      (url) => url.replace(/:\d+\//, ':1/'),
      /^PostgreSQL at 127.0.0.1:1 cannot be reached \(ECONNREFUSED\)/,
    ],
    ['no database', (url) => url.replace(/[^/]+$/, 'nowhere'), /has no database nowhere/],
    ['no such user', (url) => url.replace(/\/\/[^@]*@/, '//nobody:secret@'), /refuses the login of user nobody/],
  ];
  test.each(broken)('%s: one clear line without the password', async (_, change, sentence) => {
    const said = await refusal(migrate(change(await freshDatabase(server)), log));
    expect(said).toMatch(sentence);
    expect(said).not.toContain('secret');
  });

  test('a database in another encoding is refused', async () => {
    const url = await freshDatabase(server, { database: `encoding 'SQL_ASCII' locale 'C' template template0` });
    await expect(migrate(url, log)).rejects.toThrow(
      /has the encoding SQL_ASCII: Makhbar needs one created with encoding UTF8/,
    );
  });
});
