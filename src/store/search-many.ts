/**
 * Many small searches as one statement: the lists that belong to each resource of a list, without a round trip for each.
 */
import { compileSearch } from '../search/compile.ts';
import type { Search } from '../search/ast.ts';
import type { Session } from './pool.ts';
import { storedFromRow, type Stored, type StoredRow } from './read.ts';
import { findMatches } from './search.ts';
import { join, sql } from './sql.ts';

export interface Limited {
  readonly search: Search;
  readonly limit: number;
}

/** Searches in one statement: planning grows with each (a guess). */
const mostTogether = 50;

type Placed = StoredRow & { part: number };

/** The first matches of each, in its order. */
export async function findMany(session: Session, asked: readonly Limited[]): Promise<Stored[][]> {
  const [only, second] = asked;
  if (only !== undefined && second === undefined) return [await findMatches(session, only.search, only.limit)];
  const found: Stored[][] = [];
  for (let i = 0; i < asked.length; i += mostTogether) {
    found.push(...(await together(session, asked.slice(i, i + mostTogether))));
  }
  return found;
}

async function together(session: Session, asked: readonly Limited[]): Promise<Stored[][]> {
  const found = asked.map((): Stored[] => []);
  const parts = asked.flatMap(({ search, limit }, part) =>
    search.types.length === 0
      ? []
      : [
          sql`(select ${part}::int4 as part, row_number() over () as place, q.type, q.fhir_id, q.rid, q.patient, q.ver,
            q.last_updated, q.method, q.text from (${compileSearch(search, session.tenant, { limit })}) q)`,
        ],
  );
  if (parts.length === 0) return found;
  const rows = await session.query<Placed>(sql`${join(parts, ' union all ')} order by part, place`);
  for (const row of rows) found[row.part]?.push(storedFromRow(row));
  return found;
}
