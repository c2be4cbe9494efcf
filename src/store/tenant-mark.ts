/**
 * Marks on a tenant that tell all processes to ask for something in each statement: consents, restrictions. Tenants without
 * the mark never ask. Processes remember a tenant for a while: whoever comes sooner than that after the mark waits until
 * all of them know of it.
 */
import type { Database } from './pool.ts';
import { raw, sql } from './sql.ts';
import { rememberedFor } from './tenant-cache.ts';

export type Mark = 'consents' | 'restrictions';

/** Milliseconds for clocks that differ, and for a request that was let in just before its tenant was looked up again. */
const margin = 300;

/** Sets the mark where it is not set, and waits until every process knows. */
export async function markTenant(database: Database, tenant: number, mark: Mark): Promise<void> {
  const column = raw(mark);
  const [row] = await database.operator<{ age: number | null }>(sql`
    with marked as (
      update tenant set ${column} = clock_timestamp() where tenant_id = ${tenant} and ${column} is null
    )
    select (extract(epoch from clock_timestamp() - ${column}) * 1000)::float8 as age from tenant where tenant_id = ${tenant}`);
  const left = rememberedFor + margin - (row?.age ?? 0);
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}

/** Takes a mark away: from then on nobody asks any more. */
export async function unmarkTenant(database: Database, tenant: number, mark: Mark): Promise<void> {
  await database.operator(sql`update tenant set ${raw(mark)} = null where tenant_id = ${tenant}`);
}
