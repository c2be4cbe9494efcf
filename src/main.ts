/**
 * Start and stop: database, schema, a laboratory, then the roles of this process; stopped in the opposite order.
 *
 * `npm start`, the command line and the tests come through the same `start`.
 */
import { roles, type Config, type Role } from './config.ts';
import { outcomeError } from './fhir/outcome.ts';
import { createLog, type Log } from './log.ts';
import { shownUrl } from './start/address.ts';
import { ensureLaboratory, openMigrated, startPostgres, type Opened } from './start/database.ts';
import { startHttp, type Part } from './start/http.ts';
import { startJobs } from './start/jobs.ts';
import type { Running } from './start/running.ts';

/** What each role starts; a role that this version does not have is missing here. */
const starters: Partial<Record<Role, (config: Config, opened: Opened, log: Log) => Promise<Part>>> = {
  http: startHttp,
  jobs: startJobs,
};

/** @throws OutcomeError with the sentence that stops the start. */
export async function start(config: Config, log: Log = createLog(config.logLevel)): Promise<Running> {
  const wanted = chosenRoles(config);
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
    let url = '';
    for (const role of wanted) {
      const part = await starters[role]?.(config, { database, url: postgres.url }, log);
      if (part === undefined) continue;
      started.unshift(part.stop);
      if (part.address !== undefined) url = shownUrl(config, part.address.address, part.address.port);
    }
    const { name, invitation } = laboratory;
    return {
      url,
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

/** The roles of this process; asking only for roles that do not exist yet would start a process that does nothing. */
function chosenRoles(config: Config): readonly Role[] {
  const chosen = config.roles.filter((role) => starters[role] !== undefined);
  if (chosen.length > 0) return chosen;
  const known = roles.filter((role) => starters[role] !== undefined);
  throw outcomeError(
    'not-supported',
    `This version has no ${config.roles.join(' and no ')} to run; --only takes ${known.join(', ')}.`,
  );
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
