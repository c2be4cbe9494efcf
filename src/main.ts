/**
 * Start and stop: database, schema, a laboratory, then the roles of this process; stopped in the opposite order.
 *
 * `npm start`, the command line and the tests come through the same `start`.
 */
import type { Config, Role } from './config.ts';
import { createLog, type Log } from './log.ts';
import { shownUrl } from './start/address.ts';
import { ensureLaboratory, openMigrated, startPostgres, type Opened } from './start/database.ts';
import { startHttp, type Part } from './start/http.ts';
import { fillExample } from './start/example.ts';
import { startGateways } from './start/gateways.ts';
import { startJobs } from './start/jobs.ts';
import type { Running } from './start/running.ts';

/** What each role starts. */
const starters: Readonly<Record<Role, (config: Config, opened: Opened, log: Log) => Promise<Part>>> = {
  http: startHttp,
  gateways: startGateways,
  jobs: startJobs,
};

/** @throws OutcomeError with the sentence that stops the start. */
export async function start(config: Config, log: Log = createLog(config.logLevel)): Promise<Running> {
  // What was started, newest first: stopping goes the same way, also when a later step fails.
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let next = started.shift(); next !== undefined; next = started.shift()) await next();
  };
  try {
    const postgres = await startPostgres(config, log);
    started.unshift(postgres.stop);
    const database = await openMigrated(config, postgres.url, log);
    started.unshift(database.close);
    const laboratory = await ensureLaboratory(database, log);
    if (laboratory.invitation !== undefined) await fillExample(config, database, log, laboratory.name);
    let url = '';
    let hl7Port = 0;
    let astmPort = 0;
    for (const role of config.roles) {
      const part = await starters[role](config, { database, url: postgres.url }, log);
      started.unshift(part.stop);
      hl7Port ||= part.hl7Port ?? 0;
      astmPort ||= part.astmPort ?? 0;
      if (part.address !== undefined) url = shownUrl(config, part.address.address, part.address.port);
    }
    const { name, invitation } = laboratory;
    return {
      url,
      hl7Port,
      astmPort,
      laboratory: name,
      ...(invitation !== undefined && { invitation: `${url}/${name}${invitation}` }),
      databaseUrl: postgres.url,
      ended: postgres.ended,
      stop: once(stop),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
