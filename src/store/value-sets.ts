/** Fetches the ValueSets of the tenant that a search asks for by `:in` and `:not-in`, as far as the caller may see them. */
import { parseJson, type JsonObject } from '../fhir/json.ts';
import type { Search } from '../search/ast.ts';
import { compileSearch } from '../search/compile.ts';
import { parseSearch } from '../search/parse.ts';
import { neededValueSets, resolveValueSets } from '../search/value-set.ts';
import type { Session } from './pool.ts';
import type { StoredRow } from './read.ts';

/** Value sets fetched for one search: imports can name ever more. */
const most = 50;

/** The search with codes in place of value sets. @throws OutcomeError 400 where one is not held or cannot be listed. */
export async function withValueSets(session: Session, search: Search): Promise<Search> {
  const needed = neededValueSets(search.condition).flatMap(({ urls }) => urls);
  if (needed.length === 0) return search;
  const known = new Map<string, JsonObject>();
  const asked = new Set<string>();
  for (let wanted = needed; wanted.length > 0 && asked.size < most;) {
    const found = await Promise.all([...new Set(wanted)].map((url) => fetchValueSet(session, search, url)));
    wanted.forEach((url) => asked.add(url));
    for (const { url, definition } of found) if (definition !== undefined) known.set(url, definition);
    wanted = found.flatMap(({ definition }) => importsOf(definition)).filter((url) => !asked.has(url));
  }
  const { contained } = search;
  return {
    ...search,
    condition: resolveValueSets(search.condition, known),
    ...(contained && { contained: { ...contained, condition: resolveValueSets(contained.condition, known) } }),
  };
}

async function fetchValueSet(
  session: Session,
  { access }: Search,
  url: string,
): Promise<{ url: string; definition: JsonObject | undefined }> {
  const [canonical = '', version] = url.split('|');
  const escaped = (text: string): string => text.replace(/[\\,|$]/g, '\\$&');
  const criteria: [string, string][] = [['url', escaped(canonical)]];
  if (version !== undefined && version !== '') criteria.push(['version', escaped(version)]);
  const search = parseSearch('ValueSet', [...criteria, ['_sort', '-_lastUpdated']], { access });
  if (search.types.length === 0) return { url, definition: undefined };
  const [row] = await session.query<StoredRow>(compileSearch(search, session.tenant, { limit: 1 }));
  return { url, definition: row?.text ? (parseJson(row.text) as JsonObject) : undefined };
}

function importsOf(definition: JsonObject | undefined): string[] {
  const compose = definition?.['compose'] as
    { include?: { valueSet?: string[] }[]; exclude?: { valueSet?: string[] }[] } | undefined;
  return [...(compose?.include ?? []), ...(compose?.exclude ?? [])].flatMap(({ valueSet }) => valueSet ?? []);
}
