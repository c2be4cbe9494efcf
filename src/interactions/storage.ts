/**
 * What writes take of a laboratory's storage: asked before, counted after they have committed.
 *
 * 1. A full laboratory goes on reading and deleting.
 * 2. What a transaction wrote counts when it has committed, and only the attempt that did.
 * 3. The limit is met to within what is written in some seconds (usage/meter.ts): no write waits for a shared counter.
 */
import { limitsOf } from '../access/plans.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import type { WriteEntry, Written } from '../store/write.ts';

/** What a transaction has written so far. */
export interface Tally {
  versions: number;
  bytes: number;
}

export type StorageContext = Pick<Context, 'server' | 'tenant'>;

/** @throws OutcomeError 507 where these bytes more would be too many. */
export async function checkStorage({ server, tenant }: StorageContext, bytes: number): Promise<void> {
  const { storageLimit } = limitsOf(tenant.settings, 0);
  if (storageLimit === 0 || bytes === 0) return;
  const stored = await server.usage.stored(tenant.id);
  if (stored + bytes <= storageLimit) return;
  throw outcomeError(
    'business-rule',
    `The storage of this laboratory is full: it has ${stored} of ${storageLimit} bytes, and this would be ${bytes} more. Reading and deleting go on.`,
    { status: 507 },
  );
}

/** Bytes of JSON that the entries store; a deletion stores none. As the column resource_version.bytes has it. */
export function sizeOf(entries: readonly WriteEntry[]): number {
  return entries.reduce((sum, entry) => {
    const known = sizes.get(entry) ?? byteLength(entry.content) + byteLength(entry.exact);
    sizes.set(entry, known);
    return sum + known;
  }, 0);
}

/** Asked before and after it is written. */
const sizes = new WeakMap<WriteEntry, number>();

function byteLength(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text);
}

/** Counts a file beside its version, inside the transaction that writes both. */
export function countFile({ tally }: Pick<Context, 'tally'>, bytes: number): void {
  if (tally !== undefined) tally.bytes += bytes;
}

/** Counts what was written of these entries. */
export function countWritten(
  context: Pick<Context, 'server' | 'tenant' | 'tally'>,
  entries: readonly WriteEntry[],
  written: readonly (Written | undefined)[],
): void {
  const done = entries.filter((_, i) => written[i] !== undefined);
  const { tally } = context;
  if (tally === undefined) {
    context.server.usage.wrote(context.tenant.id, done.length, sizeOf(done));
    return;
  }
  tally.versions += done.length;
  tally.bytes += sizeOf(done);
}
