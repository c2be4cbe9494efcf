/** The thread that seals and publishes (sealing.ts): its own few connections, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { signingKeyOf } from '../identity/token.ts';
import { createLog } from '../log.ts';
import { listOf } from '../publishing/allowed-address.ts';
import { publishInRounds } from '../publishing/rounds.ts';
import { openDatabase } from '../store/pool.ts';
import { sealInRounds } from './sealing-rounds.ts';
import type { SealingData } from './sealing.ts';

const { databaseUrl, statementTimeout, keyEncryptionKey, sealsDir, webhookNetworks, logLevel } =
  workerData as SealingData;
const stopping = new AbortController();
parentPort?.once('message', () => stopping.abort());

const database = openDatabase({ url: databaseUrl, connections: 4, statementTimeout });
const log = createLog(logLevel);
const signing = { database, keyEncryptionKey: Buffer.from(keyEncryptionKey) };
const { signal } = stopping;
await Promise.all([
  sealInRounds({
    sealing: { database, signingKey: (tenant) => signingKeyOf(signing, tenant), now: Date.now },
    log,
    signal,
  }),
  publishInRounds({ database, folder: sealsDir, allowed: listOf(webhookNetworks), log, signal }),
]);
await database.close();
