/** The role of background jobs: the runner, the seals and feeds of the audit log, and what is swept in this process's own folder. */
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { sweepParts } from '../files/folder.ts';
import { signingKeyOf } from '../identity/token.ts';
import { startRunner } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { Opened } from './database.ts';
import { watchDepartures } from './departures.ts';
import { startForwarding } from './forwarding.ts';
import { bulkThread } from './bulk.ts';
import { shared, type Part } from './http.ts';
import { startSealing } from './sealing.ts';

const sweepEvery = 24 * 3_600_000;

export async function startJobs(config: Config, { database, url }: Opened, log: Log): Promise<Part> {
  const { statementTimeout, sealsDir, webhookNetworks, logLevel } = config;
  const { keyEncryptionKey: keyOf, ...plain } = config;
  const keyEncryptionKey = keyOf();
  const bulk = bulkThread({ config: plain, keyEncryptionKey, databaseUrl: url });
  const sealing = startSealing(
    { databaseUrl: url, statementTimeout, keyEncryptionKey, sealsDir, webhookNetworks, logLevel },
    log,
  );
  const forwarding = startForwarding(database, keyEncryptionKey, log);
  const server = shared(config, database, log);
  const runner = startRunner({
    server,
    signingKey: (tenant) => signingKeyOf({ database, keyEncryptionKey }, tenant),
    searchStates: new Map(),
    apart: bulk.apart,
  });
  const endDepartures = watchDepartures(server, log);
  const stop = async (): Promise<void> => {
    await Promise.all([runner.stop(), sealing.stop(), forwarding.stop(), endDepartures()]);
    await bulk.stop();
  };
  if (config.s3 !== undefined) return { stop };
  const sweep = (): void => {
    sweepParts(join(config.dataDir, 'files')).catch((error: unknown) =>
      log.warn({ err: error }, 'parts of files not swept'),
    );
  };
  sweep();
  const sweeping = setInterval(sweep, sweepEvery).unref();
  return {
    stop: async () => {
      clearInterval(sweeping);
      await stop();
    },
  };
}
