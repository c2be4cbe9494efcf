/**
 * The database for a command: beside a running server its database, without one the embedded PostgreSQL, started for as
 * long as the command works.
 */
import { loadEnvironment, readConfig, type Config } from '../config.ts';
import { createLog } from '../log.ts';
import { openMigrated, startPostgres } from '../start/database.ts';
import { runningEmbedded } from '../store/embedded.ts';
import type { Database } from '../store/pool.ts';

export async function withDatabase<T>(work: (database: Database, config: Config) => Promise<T>): Promise<T> {
  const config = readConfig(loadEnvironment());
  const log = createLog('silent');
  const running = config.databaseUrl ?? (await runningEmbedded(config.dataDir));
  const postgres = running === undefined ? await startPostgres(config, log) : undefined;
  try {
    const database = await openMigrated(config, postgres?.url ?? running ?? '', log);
    try {
      return await work(database, config);
    } finally {
      await database.close();
    }
  } finally {
    await postgres?.stop();
  }
}

/** What every command takes. */
export interface Output {
  json?: boolean;
}

/** Prints for machines or for people. */
export function print(output: Output, value: unknown, text: string): void {
  process.stdout.write(output.json ? `${JSON.stringify(value)}\n` : `${text}\n`);
}
