/** One thread of verify-threads.ts: seals come as a message, what is wrong with them goes back; nothing ends it. */
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from '../store/pool.ts';
import type { Session } from '../store/pool.ts';
import { findingIn, type Linked } from './findings.ts';
import type { VerifyData } from './verify-threads.ts';

/** Nobody waits here: longer pages cost less each. */
const pageSize = 2_000;

const { connect, tenant } = workerData as VerifyData;
const database = openDatabase({ ...connect, connections: 2 });
const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };

let before: Promise<unknown> = Promise.resolve();
parentPort?.on('message', (seals: readonly Linked[] | undefined) => {
  before = before.then(async () => {
    if (seals === undefined) {
      await database.close();
      parentPort?.close();
      return;
    }
    try {
      parentPort?.postMessage({ finding: await findingIn(session, tenant, { seals, pageSize }) });
    } catch (error) {
      parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) });
    }
  });
});
