/** Signing in, put together: what identity/ needs of the server, and the function that http/ calls. */
import type { SecurityEvent } from '../audit/security.ts';
import type { Config } from '../config.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { parseJson } from '../fhir/json.ts';
import type { IdentityHandler } from '../http/identity.ts';
import { makeIdentity } from '../identity/identity.ts';
import type { SearchAs, StorageUse } from '../identity/laboratory.ts';
import { sendRefusal } from '../identity/pages/refusal.ts';
import { makeProviders } from '../identity/providers.ts';
import { announce, announceWithin } from '../interactions/announce.ts';
import type { Refusals } from '../interactions/refusals.ts';
import { checkStorage } from '../interactions/storage.ts';
import { newTrail, untracked } from '../interactions/trail.ts';
import type { Context, Server } from '../request.ts';
import { door, serve } from '../serve.ts';
import type { Database } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';

interface Shared {
  readonly database: Database;
  readonly server: Server;
  readonly refusals: Refusals;
}

export function identityHandler(config: Config, { database, server, refusals }: Shared): IdentityHandler {
  const identity = makeIdentity(database, config.keyEncryptionKey());
  const storage: StorageUse = {
    check: (tenant, bytes) => checkStorage({ server, tenant }, bytes),
    changed: (tenant, bytes) => server.usage.wrote(tenant.id, 0, bytes),
  };
  const providers = makeProviders({
    identity,
    log: server.log,
    search: searchAs(server),
    storage,
    announce: async (tenant, event) => {
      if (isTold(refusals, tenant, event)) await announce(server, tenant, event);
    },
    announceWithin,
  });
  return async (asked) => {
    const { request, response, tenant, issuer, address, requestId, refused } = asked;
    if (refused !== undefined) return sendRefusal({ ...asked, refused });
    const provider = await providers.of(tenant, issuer);
    await provider.handle(request, response, { address, requestId });
  };
}

/** Nobody who is known was refused: that anybody can do as often as they like. */
function isTold(
  refusals: Refusals,
  tenant: Tenant,
  { kind, reason = '', agent, address = '' }: SecurityEvent,
): boolean {
  const open = ['token-refused', 'access-denied', 'app-state'].includes(kind);
  if (!open || (agent?.client ?? '') !== '' || (agent?.subject ?? '') !== '') return true;
  return refusals.isTold({ tenant, caller: { subject: '', client: '', roles: [] }, address, reason });
}

/** A search through the one door, as a person who signs in. */
function searchAs(server: Server): SearchAs {
  return async ({ tenant, caller, base }, path, query) => {
    const context: Context = {
      server,
      tenant,
      caller,
      base,
      requestId: 'sign-in',
      address: '',
      trail: newTrail(untracked),
      session: { tenant: tenant.id, query: (statement) => server.database.query(tenant.id, statement) },
      inTransaction: false,
      door,
    };
    const answer = await serve(context, { method: 'GET', segments: [path], query, headers: {}, body: undefined });
    return answer.resource ?? bundleOf(answer.text);
  };
}

function bundleOf(text: string | undefined): JsonObject {
  if (text === undefined) throw outcomeError('exception', 'A search gave no Bundle.');
  return parseJson(text) as JsonObject;
}
