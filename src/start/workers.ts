/**
 * --workers N: N processes share the HTTP port; this one holds the embedded PostgreSQL and watches over them.
 *
 * A worker is the same command started again by node:cluster with DATABASE_URL set, so it neither owns the database nor
 * outlives it. One that dies later is replaced; one that never gets to listen ends the start.
 */
import cluster, { type Address, type Worker } from 'node:cluster';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import { collectFromWorkers } from '../metrics.ts';
import type { Database } from '../store/pool.ts';
import { shownUrl } from './address.ts';
import { ensureLaboratory, openMigrated, startPostgres, type Example } from './database.ts';
import { fillExample } from './example.ts';
import type { Running } from './running.ts';
import { answerWorkers } from './worker-metrics.ts';

/** Between the death of a worker and its replacement, so that a fault at start does not become a storm. */
const REPLACE_AFTER_MS = 1_000;

export async function startWorkers(config: Config, log: Log): Promise<Running> {
  const postgres = await startPostgres(config, log);
  const crew = makeCrew(postgres.url, log);
  const stop = async (): Promise<void> => {
    await crew.stop();
    await postgres.stop();
  };
  try {
    const database = await openMigrated(config, postgres.url, log);
    const { name: laboratory, invitation } = await prepare(config, database, log);
    answerWorkers(collectFromWorkers());
    const { address, port } = await crew.start(config.workers);
    const url = shownUrl(config, address, port);
    const invited = invitation === undefined ? {} : { invitation: `${url}/${laboratory}${invitation}` };
    return {
      url,
      hl7Port: config.hl7Port,
      astmPort: config.astmPort,
      laboratory,
      ...invited,
      databaseUrl: postgres.url,
      ended: postgres.ended,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepare(config: Config, database: Database, log: Log): Promise<Example> {
  try {
    const laboratory = await ensureLaboratory(database, log);
    if (laboratory.invitation !== undefined) await fillExample(config, database, log, laboratory.name);
    return laboratory;
  } finally {
    await database.close();
  }
}

interface Crew {
  start(count: number): Promise<Address>;
  stop(): Promise<void>;
}

function makeCrew(databaseUrl: string, log: Log): Crew {
  const workers = new Set<Worker>();
  let stopping = false;

  const hire = async (): Promise<Address> => {
    const worker = cluster.fork({ DATABASE_URL: databaseUrl });
    workers.add(worker);
    worker.once('exit', () => workers.delete(worker));
    const address = await listening(worker);
    worker.once('exit', (code, signal) => {
      if (stopping) return;
      log.error({ worker: worker.process.pid, code, signal }, 'worker ended; starting another');
      void replace();
    });
    return address;
  };
  const replace = async (): Promise<void> => {
    await pause(REPLACE_AFTER_MS);
    if (!stopping) await hire().catch(replace);
  };

  return {
    start: async (count) => {
      const [first] = await Promise.all(Array.from({ length: count }, hire));
      return first as Address;
    },
    stop: async () => {
      stopping = true;
      await Promise.all([...workers].map(stopWorker));
    },
  };
}

async function listening(worker: Worker): Promise<Address> {
  return await new Promise((done, fail) => {
    worker.once('listening', done);
    // The worker has said why on standard error.
    worker.once('exit', () => fail(outcomeError('exception', 'A worker ended before it was ready.')));
  });
}

async function stopWorker(worker: Worker): Promise<void> {
  const ended = new Promise((done) => worker.once('exit', done));
  if (worker.process.kill('SIGTERM')) await ended;
}
