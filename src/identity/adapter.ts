/**
 * The provider's state in PostgreSQL, one tenant's (src/store/oidc.ts).
 *
 * 1. The provider gives the token's value as id and writes it into the payload too (`jti`); it is taken out before the
 *    payload is stored and put back when it is read.
 * 2. A code or refresh token that two requests use at once fails for one of them, and everything that was granted with
 *    it is revoked, as if it had been used twice one after the other (RFC 9700 §4.14.2).
 * 3. The same assertion of a client is taken once, whichever process it comes to.
 * 4. A page of an authorization that is answered twice at once leads on once: of two requests that end it one does, and
 *    an answer that comes later does not bring it back.
 */
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { Database } from '../store/pool.ts';
import {
  changeState,
  consumeState,
  deleteOfGrant,
  deleteState,
  hashOf,
  readState,
  revokeGrant,
  writeOnce,
  writeState,
  type State,
  type StoredState,
} from '../store/oidc.ts';
import { sessionOf } from '../store/accounts.ts';

const forever = 400 * 86_400;

export function stateAdapter(database: Database, tenant: number, kind: string): Adapter {
  const key = (id: string): { kind: string; id: string } => ({ kind, id });
  return {
    upsert: async (id, payload, expiresIn = forever) => {
      const state = stateOf(kind, id, payload, expiresIn);
      if (kind === 'Interaction' && payload.result !== undefined) {
        if (!(await changeState(database, tenant, key(id), state))) throw ended();
        return;
      }
      if (kind !== 'ReplayDetection') return await writeState(database, tenant, key(id), state);
      if (!(await writeOnce(database, tenant, key(id), state))) {
        throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
      }
    },
    find: async (id) => restored(await readState(database, tenant, { kind, id }), id),
    findByUid: async (uid) => {
      const stored = await readState(database, tenant, { kind, uid });
      // Whoever asks by uid reads the session and never writes it.
      return restored(stored, uid);
    },
    findByUserCode: async () => undefined,
    consume: async (id) => {
      if (await consumeState(database, tenant, key(id))) return;
      const stored = restored(await readState(database, tenant, { kind, id }), id);
      if (stored?.grantId !== undefined) await revokeGrant(sessionOf(database, tenant), { id: hashOf(stored.grantId) });
      throw new errors.InvalidGrant('it was used already');
    },
    destroy: async (id) => {
      if (!(await deleteState(database, tenant, key(id))) && kind === 'Interaction') throw ended();
    },
    revokeByGrantId: (grantId) => deleteOfGrant(database, tenant, grantId, kind),
  };
}

function ended(): Error {
  return new errors.SessionNotFound('this authorization has ended');
}

/** In JSON: what jsonb has no place for. Half a surrogate pair does not come out of a decoded address. */
const unstorable = /(?<!\\)(?:\\\\)*\\u0000/;

/** Parts of an address that hold the id of an interaction; stored without it. */
const placeholder = '{id}';

function stateOf(kind: string, id: string, payload: AdapterPayload, expiresIn: number): State {
  const { jti: _, ...kept } = payload;
  if (kind === 'Interaction') withoutSecrets(kept, id);
  const text = JSON.stringify(kept);
  if (unstorable.test(text)) throw new errors.InvalidRequest('a parameter has a null character');
  const offline = payload.scope?.split(' ').includes('offline_access') === true;
  return {
    payload: text,
    grantId: payload.grantId,
    uid: kind === 'Session' ? payload.uid : undefined,
    sessionUid: offline ? undefined : payload.sessionUid,
    accountId: payload.accountId,
    clientId: payload.clientId,
    expiresIn,
  };
}

/** An interaction knows its own address, the session's cookie and the launch it is to use. */
function withoutSecrets(payload: AdapterPayload, id: string): void {
  if (payload.returnTo !== undefined) payload.returnTo = payload.returnTo.replace(id, placeholder);
  if (payload.session !== undefined) {
    const { cookie: _, ...rest } = payload.session as typeof payload.session & { cookie?: string };
    payload.session = rest as typeof payload.session;
  }
}

function restored(stored: StoredState | undefined, id: string): AdapterPayload | undefined {
  if (stored === undefined) return undefined;
  const payload = JSON.parse(stored.payload) as AdapterPayload;
  if (payload.returnTo !== undefined) payload.returnTo = payload.returnTo.replace(placeholder, id);
  return { ...payload, jti: id, ...(stored.consumed !== undefined && { consumed: stored.consumed }) };
}
