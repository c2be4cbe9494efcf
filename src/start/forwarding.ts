/**
 * Sends the audit log to where its feeds go (src/forwarding/), for every laboratory, suspended ones too. Processes that do
 * the same leave each other alone. A receiver that is slow holds up no other feed: while it fails, its feed is tried in lanes
 * of those that fail, so that those that go well find theirs free.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { forward, sessionFor, type Forwarding } from '../forwarding/forwarder.ts';
import type { Log } from '../log.ts';
import { dueFeeds, hasWaiting, type DueFeed } from '../store/audit-feeds.ts';
import type { Database } from '../store/pool.ts';
import { listTenants, type Tenant } from '../store/tenants.ts';
import type { Part } from './http.ts';

/** Milliseconds between two rounds. */
const forwardEvery = 1_000;
/** Feeds under way at once, and of one laboratory: each waits for its receiver, and holds no connection to the database. */
const lanes = { well: { all: 32, ofOne: 4 }, failing: { all: 8, ofOne: 1 } };

interface Rounds {
  readonly forwarding: Forwarding;
  /** What is under way, by laboratory and feed. */
  readonly running: Map<string, DueFeed & { readonly done: Promise<void> }>;
}

export function startForwarding(database: Database, keyEncryptionKey: Buffer, log: Log): Part {
  const stopping = new AbortController();
  const { signal } = stopping;
  const rounds: Rounds = { forwarding: { database, keyEncryptionKey, log, signal }, running: new Map() };
  const loop = inRounds(rounds);
  return {
    stop: async () => {
      stopping.abort();
      await loop;
      await Promise.all([...rounds.running.values()].map(({ done }) => done));
    },
  };
}

async function inRounds(rounds: Rounds): Promise<void> {
  const { database, log, signal } = rounds.forwarding;
  while (!signal.aborted) {
    try {
      const due = await dueFeeds(database);
      if (due.length > 0) await begin(rounds, due, await listTenants(database));
    } catch (error) {
      log.warn({ err: error }, 'forwarding waits for the database');
    }
    await pause(forwardEvery, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

async function begin(
  { forwarding, running }: Rounds,
  due: readonly DueFeed[],
  tenants: readonly Tenant[],
): Promise<void> {
  for (const feed of due) {
    const { tenant: id, name } = feed;
    const key = `${id} ${name}`;
    const tenant = tenants.find((one) => one.id === id);
    if (tenant === undefined || running.has(key) || !hasLane([...running.values()], feed)) continue;
    if (forwarding.signal.aborted || !(await hasWaiting(sessionFor(forwarding.database, id), name))) continue;
    const done = forward(forwarding, tenant, name)
      .catch((error: unknown) =>
        forwarding.log.warn({ err: error, tenant: tenant.name, feed: name }, 'audit feed not read'),
      )
      .then(() => void running.delete(key));
    running.set(key, { ...feed, done });
  }
}

function hasLane(running: readonly DueFeed[], { tenant, failing }: DueFeed): boolean {
  const { all, ofOne } = failing ? lanes.failing : lanes.well;
  const alike = running.filter((one) => one.failing === failing);
  return alike.length < all && alike.filter((one) => one.tenant === tenant).length < ofOne;
}
