/**
 * Handing entries to the store: one at a time with other callers' entries, or all together in this caller's
 * transaction.
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import type { Isolation } from '../store/pool.ts';
import { readWritten, writeStatement, type WriteEntry, type Written } from '../store/write.ts';

/** Writes one entry; undefined where its precondition does not hold (or a racing writer was first). */
export async function commit(context: Context, entry: WriteEntry): Promise<Written | undefined> {
  if (!context.inTransaction) {
    const { creations, writes } = context.server;
    return (entry.fresh === true ? creations : writes).submit(context.tenant.id, entry);
  }
  const [written] = await commitAll(context, [entry]);
  return written;
}

/** Writes many entries in one statement of this caller's transaction. */
export async function commitAll(context: Context, entries: readonly WriteEntry[]): Promise<(Written | undefined)[]> {
  if (entries.length === 0) {
    return [];
  }
  const rows = await context.session.query<unknown>(writeStatement(context.tenant.id, entries));
  return readWritten(rows, entries.length);
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
export function inTransaction<T>(
  context: Context,
  work: (inside: Context) => Promise<T>,
  isolation?: Isolation,
): Promise<T> {
  if (context.inTransaction) {
    return work(context);
  }
  return context.server.database.transaction(
    context.tenant.id,
    (session) => work({ ...context, session, inTransaction: true }),
    isolation,
  );
}
