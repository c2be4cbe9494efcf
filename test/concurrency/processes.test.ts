/**
 * The same races against three processes that share the port and the database: what keeps writers apart must be in
 * PostgreSQL, for processes hold no state.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { clientOf, startServer, stopServer, type Running } from '../durability/process.ts';
import { racingConditions, racingCreations } from './racing-conditions.ts';
import { racingTransactions } from './racing-transactions.ts';
import { racingUpdates } from './racing-updates.ts';

let dataDir: string;
let running: Running;
let client: Client;
const open = (): Client => client;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-workers-'));
  await chmod(dataDir, 0o711);
  running = await startServer(dataDir, {}, ['--workers', '3']);
  client = await clientOf(running);
}, 120_000);

afterAll(async () => {
  await stopServer(running);
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

describe('updates of one resource', () => racingUpdates(open));
describe('conditional writes on one identifier', () => racingConditions(open));
describe('update as create', () => racingCreations(open));
describe('transactions on the same resources', () => racingTransactions(open));
