/**
 * `makhbar start`: runs until SIGTERM, SIGINT or SIGHUP, then drains and stops; a second signal ends it at once.
 *
 * Addresses go to standard output for people, the log to standard error for machines.
 */
import cluster from 'node:cluster';
import { loadEnvironment, readConfig, type Choices, type Config } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import { start } from '../main.ts';
import type { Running } from '../start/running.ts';
import { startWorkers } from '../start/workers.ts';

export async function startCommand(choices: Choices): Promise<void> {
  const config = readConfig(loadEnvironment(), choices);
  const log = createLog(config.logLevel);
  const signalled = firstSignal();
  const running = await startProcesses(config, log);
  if (cluster.isPrimary) process.stdout.write(greeting(config, running));
  const reason = await Promise.race([signalled, running.ended.then(() => 'database' as const)]);
  if (reason === 'database') {
    log.fatal('PostgreSQL has ended; stopping');
    process.exitCode = 1;
  } else {
    log.info({ signal: reason }, 'stopping');
  }
  await running.stop();
  // A worker's channel to its parent would keep it alive.
  if (cluster.isWorker) process.exit();
}

async function startProcesses(config: Config, log: Log): Promise<Running> {
  return cluster.isPrimary && config.workers > 1 ? await startWorkers(config, log) : await start(config, log);
}

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Listened to from the very beginning: a signal during the start ends it when it can be ended cleanly. */
function firstSignal(): Promise<string> {
  return new Promise((done) => {
    let received = 0;
    for (const signal of signals) {
      process.on(signal, () => {
        received += 1;
        if (received > 1) process.exit(1);
        done(signal);
      });
    }
    // The parent of this worker is gone.
    if (cluster.isWorker) process.once('disconnect', () => done('disconnect'));
  });
}

function greeting(config: Config, { url, hl7Port, astmPort, databaseUrl, laboratory, invitation }: Running): string {
  if (url === '') return 'Makhbar is running.\n';
  const { host, pathname } = new URL(databaseUrl);
  const lines = [
    'Makhbar is ready.',
    `  FHIR base      ${url}/{laboratory}/fhir, for instance ${url}/${laboratory}/fhir`,
    ...(config.baseDomain === undefined ? [] : [`                 and {laboratory}.${config.baseDomain}/fhir`]),
    `  capabilities   ${url}/${laboratory}/fhir/metadata`,
    ...(hl7Port === 0 ? [] : [`  HL7 v2         mllp://127.0.0.1:${hl7Port} for ${laboratory}, from this machine`]),
    ...(astmPort === 0 ? [] : [`  ASTM           127.0.0.1:${astmPort} for ${laboratory}, from this machine`]),
    `  health         ${url}/healthz, ${url}/readyz, ${url}/metrics`,
    `  database       ${config.databaseUrl === undefined ? `embedded under ${config.dataDir}` : `${host}${pathname}`}`,
    `  sign in        ${url}/${laboratory}/account`,
    ...(invitation === undefined
      ? [`                 npx makhbar user invite ${laboratory} {username}    (a new link to choose a password)`]
      : [`                 as admin; choose a password once at ${invitation}`]),
    `  access token   npx makhbar token ${laboratory}    (for an hour)`,
  ];
  return `${lines.join('\n')}\n`;
}
