/** Many writers at once against one process. */
import { beforeAll, describe } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { racingConditions, racingCreations } from './racing-conditions.ts';
import { racingTransactions } from './racing-transactions.ts';
import { racingUpdates } from './racing-updates.ts';

let client: Client;
const open = (): Client => client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

describe('updates of one resource', () => racingUpdates(open));
describe('conditional writes on one identifier', () => racingConditions(open));
describe('update as create', () => racingCreations(open));
describe('transactions on the same resources', () => racingTransactions(open));
