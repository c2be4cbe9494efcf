/**
 * Sends the audit log to where its feeds go (src/forwarding/), for every laboratory, suspended ones too. Processes that do
 * the same leave each other alone. A receiver that is slow holds up no other feed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { forward, sessionFor, type Forwarding } from '../forwarding/forwarder.ts';
import type { Log } from '../log.ts';
import { dueFeeds, hasWaiting } from '../store/audit-feeds.ts';
import type { Database } from '../store/pool.ts';
import { listTenants, type Tenant } from '../store/tenants.ts';
import type { Part } from './http.ts';

/** Milliseconds between two rounds. */
const forwardEvery = 2_000;
/** Feeds under way at once, and of one laboratory. */
const lanes = 16;
const lanesOfOne = 2;

interface Rounds {
  readonly forwarding: Forwarding;
  /** What is under way, by laboratory and feed. */
  readonly running: Map<string, { readonly tenant: number; readonly done: Promise<void> }>;
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
  due: readonly { tenant: number; name: string }[],
  tenants: readonly Tenant[],
): Promise<void> {
  for (const { tenant: id, name } of due) {
    const key = `${id} ${name}`;
    const tenant = tenants.find((one) => one.id === id);
    const ofOne = [...running.values()].filter((one) => one.tenant === id).length;
    if (tenant === undefined || running.has(key) || running.size >= lanes || ofOne >= lanesOfOne) continue;
    if (forwarding.signal.aborted || !(await hasWaiting(sessionFor(forwarding.database, id), name))) continue;
    const done = forward(forwarding, tenant, name)
      .catch((error: unknown) =>
        forwarding.log.warn({ err: error, tenant: tenant.name, feed: name }, 'audit feed not read'),
      )
      .then(() => void running.delete(key));
    running.set(key, { tenant: id, done });
  }
}
