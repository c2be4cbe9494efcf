/** Writes resources straight through the store's write statement, so that search tests need no HTTP. */
import type { JsonObject } from '../../src/fhir/json.ts';
import { serializeJson } from '../../src/fhir/json.ts';
import { typeName, typeNumber } from '../../src/fhir/resource-types.ts';
import type { Query } from '../../src/search/context.ts';
import { extract } from '../../src/search/extract.ts';
import { defaultParameters, type TenantParameters } from '../../src/search/parameters.ts';
import { parseSearch, type ParseOptions } from '../../src/search/parse.ts';
import type { Effort } from '../../src/search/strategy.ts';
import { runSearch } from '../../src/store/search.ts';
import { writeStatement, type WriteEntry } from '../../src/store/write.ts';
import type { Session } from '../../src/store/pool.ts';
import { testDatabase } from '../server.ts';

export function session(tenant: number): Session {
  return { tenant, query: (statement) => testDatabase().query(tenant, statement) };
}

function entryOf(resource: JsonObject, parameters: TenantParameters): WriteEntry {
  return {
    type: typeNumber(String(resource['resourceType'])) ?? -1,
    id: String(resource['id']),
    method: 'PUT',
    expect: 'any',
    content: serializeJson(resource),
    exact: null,
    index: extract(resource, parameters),
  };
}

/** Stores the resources in this order: later ones have greater numbers. */
export async function store(
  tenant: number,
  resources: readonly object[],
  parameters = defaultParameters,
): Promise<void> {
  for (let at = 0; at < resources.length; at += 200) {
    const entries = resources.slice(at, at + 200).map((resource) => entryOf(resource as JsonObject, parameters));
    await testDatabase().query(tenant, writeStatement(tenant, entries));
  }
}

export async function remove(tenant: number, type: string, id: string): Promise<void> {
  const entry: WriteEntry = {
    type: typeNumber(type) ?? -1,
    id,
    method: 'DELETE',
    expect: 'any',
    content: null,
    exact: null,
    index: null,
  };
  await testDatabase().query(tenant, writeStatement(tenant, [entry]));
}

/** `a=b&c=d` as decoded pairs; `+` stays as it is. */
export function queryOf(text: string): Query {
  return text === ''
    ? []
    : text.split('&').map((pair) => {
        const at = pair.indexOf('=');
        return [decodeURIComponent(pair.slice(0, at)), decodeURIComponent(pair.slice(at + 1))] as const;
      });
}

/** `Patient?name=x` → the ids that match, in order, `Type/id` where the search is across types. */
export async function find(tenant: number, url: string, options: ParseOptions = {}): Promise<string[]> {
  return (await findPage(tenant, url, options)).matches;
}

export async function findPage(
  tenant: number,
  url: string,
  options: ParseOptions & { readonly effort?: Effort } = {},
): Promise<{ matches: string[]; included: string[]; total: number | undefined }> {
  const [type = '', query = ''] = url.split(/\?(.*)/s);
  const search = parseSearch(type === '' ? undefined : type, queryOf(query), options);
  const page = await runSearch(session(tenant), search, undefined, { bounds: options.effort });
  const name = (one: { type: number; id: string }): string =>
    type === '' ? `${typeName(one.type)}/${one.id}` : one.id;
  return {
    matches: page.matches.map(name),
    included: page.included.map((one) => `${typeName(one.type)}/${one.id}`),
    total: page.total,
  };
}
