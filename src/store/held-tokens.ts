/** Whether tokens stand in the index, many at a time. */
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

/** @returns the places of those that do */
export async function heldTokens(
  session: Session,
  tokens: readonly { readonly key: string; readonly system: string }[],
): Promise<Set<number>> {
  if (tokens.length === 0) return new Set();
  const [keys, systems] = [tokens.map(({ key }) => key), tokens.map(({ system }) => system)];
  const rows = await session.query<{ place: string }>(sql`select w.n::text as place
    from unnest(${keys}::int8[], ${systems}::int8[]) with ordinality as w(key, system, n)
    where exists (select from search_token t
      where t.tenant_id = ${session.tenant} and t.key = w.key and t.system = w.system)`);
  return new Set(rows.map(({ place }) => Number(place) - 1));
}
