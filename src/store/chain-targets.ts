/**
 * Whether the chains of a search can lead into contained resources: asked once for each search with a chain, because the
 * statements of laboratories without any would have to look there as well. https://hl7.org/fhir/R4/search.html#contained
 */
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import type { Search } from '../search/ast.ts';
import { chainTargets, throughContained } from '../search/contained.ts';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

export async function withContainedTargets(session: Session, search: Search): Promise<Search> {
  const targets = [...new Set(chainTargets(search.condition))].map((type) => typeNumber(type) ?? -1);
  if (targets.length === 0) return search;
  const rows = await session.query<{ type: number }>(sql`
    select t.type from unnest(${targets}::int2[]) as t(type)
    where exists (select from contained c where c.tenant_id = ${session.tenant} and c.type = t.type)`);
  const types = new Set(rows.map(({ type }) => typeName(type)));
  return { ...search, condition: throughContained(search.condition, types) };
}
