/** The thread of bulk work (bulk.ts): its own few connections, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { sealingApart } from '../files/sealing-apart.ts';
import { signingKeyOf } from '../identity/token.ts';
import { jobs } from '../jobs/catalog.ts';
import type { JobContext, Step } from '../jobs/job.ts';
import { createLog } from '../log.ts';
import { openDatabase, type Session } from '../store/pool.ts';
import type { Asked, BulkData, Told } from './bulk.ts';
import { shared } from './http.ts';

/**
 * Of which a laboratory may hold six: two imports of it that each write two batches, with what these ask beside their
 * transactions. With fewer they would wait for each other.
 */
const connections = 12;

const { databaseUrl, ...data } = workerData as BulkData;
const keyEncryptionKey = Buffer.from(data.keyEncryptionKey);
const config: Config = { ...data.config, keyEncryptionKey: () => keyEncryptionKey };
const log = createLog(config.logLevel);
const database = openDatabase({
  url: databaseUrl,
  connections,
  statementTimeout: config.statementTimeout,
  copying: true,
});
const sealing = sealingApart();
const context: JobContext = {
  server: { ...shared(config, database, log), sealing: sealing.seal },
  signingKey: (tenant) => signingKeyOf({ database, keyEncryptionKey }, tenant),
  searchStates: new Map(),
};
const under = new Set<Promise<void>>();

async function stepOf({ job, tenant, until }: Asked): Promise<Step> {
  const kind = jobs[job.kind];
  if (kind === undefined) throw outcomeError('not-found', `There are no jobs of the kind ${job.kind}.`);
  const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
  return kind.step(context, { job, tenant, session, until });
}

async function answer(asked: Asked): Promise<void> {
  const { number } = asked;
  const told: Told = await stepOf(asked).then(
    (step) => ({ number, step }),
    (error: unknown) => {
      if (error instanceof OutcomeError) return { number, issues: error.issues };
      log.warn({ job: asked.job.kind, tenant: asked.tenant.id, err: error }, 'step failed');
      const sentence = 'The server failed in a way it does not know; its log has the rest.';
      return { number, issues: outcomeError('exception', sentence).issues };
    },
  );
  parentPort?.postMessage(told);
}

async function stop(): Promise<void> {
  await Promise.all(under);
  await context.server.usage.flush();
  await Promise.all([database.close(), sealing.stop()]);
  parentPort?.close();
}

parentPort?.on('message', (message: Asked | 'stop') => {
  if (message === 'stop') {
    void stop();
    return;
  }
  const step = answer(message).finally(() => under.delete(step));
  under.add(step);
});
