/** The thread that seals (sealing.ts): its own few connections, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { signingKeyOf } from '../identity/token.ts';
import { createLog } from '../log.ts';
import { openDatabase } from '../store/pool.ts';
import { sealInRounds } from './sealing-rounds.ts';
import type { SealingData } from './sealing.ts';

const { databaseUrl, statementTimeout, keyEncryptionKey, logLevel } = workerData as SealingData;
const stopping = new AbortController();
parentPort?.once('message', () => stopping.abort());

const database = openDatabase({ url: databaseUrl, connections: 2, statementTimeout });
const signing = { database, keyEncryptionKey: Buffer.from(keyEncryptionKey) };
await sealInRounds({
  sealing: { database, signingKey: (tenant) => signingKeyOf(signing, tenant), now: Date.now },
  log: createLog(logLevel),
  signal: stopping.signal,
});
await database.close();
