/**
 * Handing writes to the store: one at a time with other callers' writes, or all together in this caller's transaction.
 * Where the tenant keeps references whole, every write is a transaction that ends with that check; so it is where the
 * caller writes under conditions.
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Context } from '../request.ts';
import type { Isolation } from '../store/pool.ts';
import { readWritten, writeStatement, type WriteEntry, type Written } from '../store/write.ts';
import { agentOf, auditInside, entryOfOne } from './audited.ts';
import { announceRules } from './consent-check.ts';
import { withSealedData } from './binary-sealed.ts';
import { checkIntegrity } from './integrity.ts';
import { checkWritten, isBound, unseenEntries } from './write-access.ts';
import { checkRequestKey } from './request-check.ts';
import { checkStates, meetsLed } from './state-check.ts';
import { checkStorage, countWritten, sizeOf, type Tally } from './storage.ts';
import { erasedRefusal } from './tombstone.ts';
import { joinTrail, newTrail, wrote } from './trail.ts';

export interface Change {
  readonly entry: WriteEntry;
  /** What the entry writes; none for a deletion. */
  readonly resource?: JsonObject;
  /** Whose: of an operation that keeps the laboratory's tables of states itself, or of an import (state-check.ts). */
  readonly authority?: 'operation' | 'import';
}

/** Writes one entry; undefined where its precondition does not hold (or a racing writer was first). */
export async function commit(context: Context, given: Change): Promise<Written | undefined> {
  const change = await withSealedData(context, given);
  checkRequestKey(context, change.entry);
  const whole = context.tenant.settings.referentialIntegrity === true;
  if (!context.inTransaction && !whole && !isBound(context, change.entry) && !(await meetsLed(context, change))) {
    await checkStorage(context, sizeOf([change.entry]));
    await announceRules(context, [change.entry.consent ?? []]);
    return alone(context, change.entry);
  }
  const [written] = await inTransaction(context, (inside) => commitAll(inside, [change]));
  return written;
}

async function alone(context: Context, bare: WriteEntry): Promise<Written | undefined> {
  const audit = await entryOfOne(context);
  const entry = audit === undefined ? bare : { ...bare, audit };
  const { creations, writes } = context.server;
  const written = await (entry.fresh === true ? creations : writes)
    .submit(context.tenant.id, entry)
    .catch((error: unknown) => {
      throw erasedRefusal(error);
    });
  countWritten(context, [entry], [written]);
  if (written !== undefined) {
    wrote(context.trail, entry, written);
    context.trail.stored = true;
  }
  return written;
}

/**
 * Writes many entries in one statement of this caller's transaction; undefined where a precondition does not hold, or what
 * it demands to be there is nothing that the caller may see.
 */
export async function commitAll(context: Context, given: readonly Change[]): Promise<(Written | undefined)[]> {
  const changes = await Promise.all(given.map((change) => withSealedData(context, change)));
  changes.forEach(({ entry }) => {
    checkRequestKey(context, entry);
  });
  const unseen = await unseenEntries(
    context,
    changes.map(({ entry }) => entry),
  );
  const possible = unseen.size === 0 ? changes : changes.filter(({ entry }) => !unseen.has(entry));
  if (possible.length === 0) return changes.map(() => undefined);
  const entries = possible.map(({ entry }) => entry);
  const moved = await checkStates(context, possible);
  await checkStorage(context, sizeOf(entries));
  await announceRules(
    context,
    entries.map(({ consent }) => consent ?? []),
  );
  const statement = writeStatement(context.tenant.id, entries);
  const rows = await context.session.query<unknown>(statement).catch((error: unknown) => {
    throw erasedRefusal(error);
  });
  const written = readWritten(rows, entries.length);
  countWritten(context, entries, written);
  await checkWritten(context, entries, written);
  await checkIntegrity(
    context,
    possible.filter((_, i) => written[i] !== undefined),
  );
  entries.forEach((entry, i) => {
    const result = written[i];
    if (result !== undefined) wrote(context.trail, entry, result);
  });
  if (moved.length > 0) await context.server.followOrders(context, moved);
  const results = new Map(possible.map((change, i) => [change, written[i]]));
  return changes.map((change) => results.get(change));
}

/** Runs `attempt` until it gives something; a racing writer makes it start again from what is there now. */
export async function untilWritten<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 10; tries++) {
    const result = await attempt();
    if (result !== undefined) {
      return result;
    }
  }
  throw outcomeError('lock-error', 'Other requests keep changing this resource; try again.', {
    headers: { 'retry-after': '1' },
  });
}

/** The same context inside one transaction: all of `work` is written or nothing. */
export async function inTransaction<T>(
  context: Context,
  work: (inside: Context) => Promise<T>,
  isolation?: Isolation,
): Promise<T> {
  if (context.inTransaction) {
    return work(context);
  }
  const { server, tenant } = context;
  // Before a connection is taken: whoever is new among the agents is committed on another.
  await agentOf(context);
  // Of the attempt that commits.
  let tally: Tally = { versions: 0, bytes: 0 };
  let trail = newTrail(context.trail.asked);
  let stored = false;
  const result = await server.database.transaction(
    tenant.id,
    async (session) => {
      tally = { versions: 0, bytes: 0 };
      trail = newTrail(context.trail.asked);
      const inside: Context = { ...context, session, inTransaction: true, tally, trail, events: [] };
      const done = await work(inside);
      stored = await auditInside(inside, context.trail);
      return done;
    },
    isolation,
  );
  if (tally.versions > 0) server.usage.wrote(tenant.id, tally.versions, tally.bytes);
  joinTrail(context.trail, trail);
  if (stored) context.trail.stored = true;
  return result;
}
