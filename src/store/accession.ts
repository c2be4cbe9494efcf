/** Counting accession numbers: the row of the scope stays locked until the caller's transaction ends. */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

/**
 * Takes so many numbers of each scope; gives the first of each. Only inside a transaction. The rows are locked in the order of
 * the scopes, so that two who take numbers of the same ones never wait for each other.
 */
export async function takeNumbers(
  { tenant, query }: Session,
  counts: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  const rows = await query<{ scope: string; last: string }>(sql`
    insert into accession_counter as c (tenant_id, scope, last)
    select ${tenant}, g.scope, g.count
    from unnest(${[...counts.keys()]}::text[], ${[...counts.values()]}::int8[]) as g(scope, count)
    order by g.scope collate "C"
    on conflict (tenant_id, scope) do update set last = c.last + excluded.last
    returning scope, last`);
  return new Map(rows.map(({ scope, last }) => [scope, Number(last) - (counts.get(scope) ?? 0) + 1]));
}
