/**
 * The starter catalogue (seed/) into a laboratory, as often as one likes.
 *
 * 1. What is there stays as it is, also where the laboratory changed it: only versions that it does not have are added.
 * 2. A version that the catalogue has replaced is kept and retired: orders were made with it.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import type { SecurityEvent } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { contextOf } from '../gateways/gateway.ts';
import { announceWithin } from '../interactions/announce.ts';
import { commitAll, inTransaction } from '../interactions/commit.ts';
import { findMatches } from '../interactions/matches.ts';
import { newId } from '../interactions/new-id.ts';
import { prepare } from '../interactions/prepare.ts';
import { parseStored } from '../interactions/document.ts';
import { catalogue } from '../laboratory/catalogue/catalogue.ts';
import { readTables } from '../laboratory/catalogue/tables.ts';
import type { Context, Server } from '../request.ts';
import type { Tenant } from '../store/tenants.ts';

const folder = resolve(import.meta.dirname, '../../seed');

/** Entries of one statement. */
const most = 200;

/** More versions of all definitions together are no catalogue. */
const mostVersions = 5_000;

export interface Loaded {
  readonly added: number;
  readonly retired: number;
  readonly unchanged: number;
}

export async function loadCatalogue(server: Server, tenant: Tenant, event: SecurityEvent): Promise<Loaded> {
  const caller = operatorCaller({ subject: 'makhbar', client: 'makhbar', scopes: parseScopes('system/*.cruds') });
  const context = contextOf(server, { tenant, caller, requestId: newId(), address: '' });
  const resources = catalogue(readTables((name) => readFileSync(resolve(folder, `${name}.csv`), 'utf8')));
  const loaded = await inTransaction(context, async (inside) => {
    let added = 0;
    for (let from = 0; from < resources.length; from += most) {
      const changes = resources.slice(from, from + most).map((resource) => addition(inside, resource));
      added += (await commitAll(inside, changes)).filter((written) => written !== undefined).length;
    }
    const retired = added === 0 ? 0 : await retire(inside, resources);
    await announceWithin(inside.session, event);
    return { added, retired, unchanged: resources.length - added };
  });
  await server.usage.flush();
  return loaded;
}

function addition(context: Context, resource: JsonObject): ReturnType<typeof prepare> {
  return prepare(context, resource, { id: String(resource['id']), method: 'PUT', expect: 'absent' });
}

/** Active versions of ours that this catalogue does not have. */
async function retire(context: Context, resources: readonly JsonObject[]): Promise<number> {
  let retired = 0;
  for (const type of ['ActivityDefinition', 'PlanDefinition', 'Questionnaire', 'Library', 'CodeSystem']) {
    const own = new Map(
      resources.filter(({ resourceType }) => resourceType === type).map(({ id, url }) => [String(id), String(url)]),
    );
    const urls = new Set(own.values());
    const found = await findMatches(context, type, [['status', 'active']], mostVersions);
    const old = found.filter(({ id, text }) => !own.has(id) && isOlder(parseStored(text), urls));
    const changes = old.map(({ id, version, text }) =>
      prepare(context, { ...parseStored(text), status: 'retired' }, { id, method: 'PUT', expect: version }),
    );
    if (changes.length > 0) await commitAll(context, changes);
    retired += changes.length;
  }
  return retired;
}

/** A version that a laboratory made itself has an id or a version of its own choice, and stays. */
function isOlder({ id, url, version }: JsonObject, urls: ReadonlySet<string>): boolean {
  const madeByUs = typeof version === 'string' && /^[0-9a-f]{8}$/.test(version) && String(id).endsWith(`-${version}`);
  return madeByUs && urls.has(String(url));
}
