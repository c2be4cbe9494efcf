/** The current version of a resource: with other callers' reads in one statement, or inside this caller's transaction. */
import type { Context } from '../request.ts';
import { readCurrent, type Key, type Stored } from '../store/read.ts';

export function current(context: Context, key: Key): Promise<Stored | undefined> {
  return context.inTransaction
    ? readCurrent(context.session, key.type, key.id)
    : context.server.reads.submit(context.tenant.id, key);
}
