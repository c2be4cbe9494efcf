/** The database of this process: the one of DATABASE_URL, or the embedded one; migrated, with a laboratory in it. */
import type { Config } from '../config.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import { startEmbedded, type Embedded } from '../store/embedded.ts';
import { migrate } from '../store/migrate.ts';
import { openDatabase, type Database } from '../store/pool.ts';
import { createTenant, listTenants } from '../store/tenants.ts';

const EXAMPLE = 'demo';

/** PostgreSQL as this process sees it; `ended` settles when an embedded one ends, whoever ended it. */
export type Postgres = Embedded;

export async function startPostgres(config: Config, log: Log): Promise<Postgres> {
  if (config.databaseUrl === undefined) return await startEmbedded({ dataDir: config.dataDir, log });
  return { url: config.databaseUrl, ended: new Promise(() => undefined), stop: async () => undefined };
}

/** Migrates and opens the pool. */
export async function openMigrated(config: Config, url: string, log: Log): Promise<Database> {
  await migrate(url, log);
  return openPool(config, url);
}

export function openPool(config: Config, url: string): Database {
  return openDatabase({ url, connections: config.databaseConnections, statementTimeout: config.statementTimeout });
}

/**
 * The first start makes the laboratory `demo`, so that there is something to look at.
 * @returns the name of a laboratory to show as an example
 */
export async function ensureLaboratory(database: Database, log: Log): Promise<string> {
  const names = (await listTenants(database)).map(({ name }) => name);
  if (names.includes(EXAMPLE)) return EXAMPLE;
  return names[0] ?? (await createExample(database, log));
}

async function createExample(database: Database, log: Log): Promise<string> {
  try {
    await createTenant(database, EXAMPLE, { title: 'Demonstration laboratory' });
    log.info({ tenant: EXAMPLE }, 'laboratory created');
  } catch (error) {
    // Another process that started at the same time was faster.
    if (!(error instanceof OutcomeError && error.issues[0]?.code === 'duplicate')) throw error;
  }
  return EXAMPLE;
}
