/** Counting accession numbers: the row of the scope stays locked until the caller's transaction ends. */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

/** Takes so many numbers of a scope; gives the first. Only inside a transaction. */
export async function takeNumbers({ tenant, query }: Session, scope: string, count: number): Promise<number> {
  const [row] = await query<{ last: string }>(sql`
    insert into accession_counter as c (tenant_id, scope, last) values (${tenant}, ${scope}, ${count})
    on conflict (tenant_id, scope) do update set last = c.last + excluded.last
    returning last`);
  return Number(row?.last ?? count) - count + 1;
}
