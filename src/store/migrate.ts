/**
 * Brings the schema of a database to this version: migrations/NNNN-*.sql, in order, each in its own transaction.
 *
 * 1. An applied file is never edited: the ledger (table `migration`) holds a checksum of each.
 * 2. Any number of processes may start together: each file is applied under an advisory lock that ends with its
 *    transaction, so that neither kill -9 nor a connection pooler can leave it behind.
 * 3. No superuser is needed (migrate/role.ts); what is missing is named in one sentence with the SQL to run.
 *
 * Not knex's migrator: its lock is a row that stays after a crash until somebody clears it by hand, and its ledger
 * knows names only.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from 'pg';
import { outcomeError } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import { connectForMigration } from './migrate/connect.ts';
import { ensureApplicationRole } from './migrate/role.ts';
import { sql } from './sql.ts';
import type { Database } from './pool.ts';

interface Migration {
  number: number;
  name: string;
  checksum: string;
  text: string;
}

interface Applied {
  number: number;
  name: string;
  checksum: string;
}

const ownMigrations = fileURLToPath(new URL('../../migrations/', import.meta.url));
/** Any number, but always this one: it stands for "the migrations of Makhbar" in pg_advisory_xact_lock. */
const LOCK = 7_226_204_113;

/** Applies what is missing. */
export async function migrate(url: string, log: Log, directory = ownMigrations): Promise<void> {
  const migrations = await readMigrations(directory);
  const client = await connectForMigration(url);
  try {
    await ensureApplicationRole(client);
    await ensureLedger(client);
    const applied = await readLedger(client);
    refuseNewer(applied, migrations);
    for (const migration of migrations) await apply(client, migration, applied, log);
  } finally {
    await client.end();
  }
}

/** Whether the database has every migration of this program. */
export async function isMigrated(database: Database): Promise<boolean> {
  const names = await migrationNames(ownMigrations);
  const [row] = await database.operator<{ count: number }>(sql`select count(*)::int4 as count from migration`);
  return row !== undefined && row.count >= names.length;
}

async function migrationNames(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => /^\d{4}-.*\.sql$/.test(name)).sort();
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = await migrationNames(directory);
  const migrations = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(`${directory}/${name}`, 'utf8');
      const checksum = createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');
      return { number: Number(name.slice(0, 4)), name, checksum, text };
    }),
  );
  const twice = migrations.find((migration, i) => migration.number === migrations[i + 1]?.number);
  if (twice !== undefined) throw outcomeError('exception', `Two migrations have the number of ${twice.name}.`);
  return migrations;
}

async function ensureLedger(client: Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(`select to_regclass('migration') is not null as there`);
  if (rows[0]?.there) return;
  await locked(client, () =>
    client.query(`create table if not exists migration (
      number   int4 primary key,
      name     text not null,
      checksum text not null,
      applied  timestamptz not null default now()
    )`),
  );
}

async function readLedger(client: Client): Promise<Map<number, Applied>> {
  const { rows } = await client.query<Applied>('select number, name, checksum from migration');
  return new Map(rows.map((row) => [row.number, row]));
}

function refuseNewer(applied: Map<number, Applied>, migrations: Migration[]): void {
  const known = new Set(migrations.map(({ number }) => number));
  const newer = [...applied.values()].find(({ number }) => !known.has(number));
  if (newer === undefined) return;
  throw outcomeError(
    'not-supported',
    `The database was migrated by a newer Makhbar (${newer.name} is not known here): start that version.`,
  );
}

async function apply(client: Client, migration: Migration, applied: Map<number, Applied>, log: Log): Promise<void> {
  if (isApplied(migration, applied)) return;
  await locked(client, async () => {
    // Another process may have been faster while this one waited for the lock.
    if (isApplied(migration, await readLedger(client))) return;
    await client.query(migration.text);
    const { number, name, checksum } = migration;
    await client.query('insert into migration (number, name, checksum) values ($1, $2, $3)', [number, name, checksum]);
    log.info({ migration: name }, 'migration applied');
  });
}

function isApplied({ number, name, checksum }: Migration, ledger: Map<number, Applied>): boolean {
  const entry = ledger.get(number);
  if (entry === undefined) return false;
  if (entry.checksum === checksum) return true;
  throw outcomeError(
    'conflict',
    `Migration ${name} was edited after it had been applied to this database: restore the file and put the change into a new migration.`,
  );
}

async function locked(client: Client, work: () => Promise<unknown>): Promise<void> {
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
