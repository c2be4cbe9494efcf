/** Whether tokens stand in the index, many at a time. */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

/**
 * @returns the places of those that do
 *
 * One look into the index for each, whatever the statistics say: as `exists` PostgreSQL reads all tokens of a laboratory that
 * was small when it last counted (20 ms for 90,000).
 */
export async function heldTokens(
  session: Session,
  tokens: readonly { readonly key: string; readonly system: string }[],
): Promise<Set<number>> {
  if (tokens.length === 0) return new Set();
  const [keys, systems] = [tokens.map(({ key }) => key), tokens.map(({ system }) => system)];
  const rows = await session.query<{ place: string }>(sql`select w.n::text as place
    from unnest(${keys}::int8[], ${systems}::int8[]) with ordinality as w(key, system, n)
    cross join lateral (select from search_token t
      where t.tenant_id = ${session.tenant} and t.key = w.key and t.system = w.system limit 1) t`);
  return new Set(rows.map(({ place }) => Number(place) - 1));
}
