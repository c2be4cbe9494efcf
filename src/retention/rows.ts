/** Categories whose rows simply go: usage, accounts and messages. */
import {
  countAccounts,
  countMessages,
  countUsage,
  removeAccounts,
  removeMessages,
  removeUsage,
  type Batch,
} from '../store/retention-expiry.ts';
import type { Database } from '../store/pool.ts';
import type { Holding } from './holding.ts';

/** Rows of a table in one transaction: some 20 ms. */
const most = 1_000;

/** Piece by piece until nothing is left. */
function inBatches(remove: (database: Database, batch: Batch) => Promise<number>): Holding['remove'] {
  return async ({ database, tenant, run }, { revision, category, before, heldPatients }) => {
    const batch = { tenant: tenant.id, revision, run, category, before, heldPatients: [...heldPatients], most };
    return (await remove(database, batch)) === 0 ? undefined : {};
  };
}

export const usage: Holding = {
  count: (session, { before }) => countUsage(session, before),
  remove: inBatches(removeUsage),
};

export const accounts: Holding = {
  count: (session, { before, heldPatients }) => countAccounts(session, { before, heldPatients: [...heldPatients] }),
  remove: inBatches(removeAccounts),
};

export const messages: Holding = {
  count: (session, { before, heldPatients }) => countMessages(session, { before, heldPatients: [...heldPatients] }),
  remove: inBatches(removeMessages),
};
