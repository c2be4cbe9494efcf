/** The applications of a laboratory as the provider knows them: its Client model over the table `client`. */
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import type { ClientKind } from '../access/clients.ts';
import { thing } from '../audit/security.ts';
import { addClient, findClient, secretHash, type Client, type NewClient } from '../store/clients.ts';
import { sessionOf } from '../store/accounts.ts';
import { telling } from './audit-deeds.ts';
import type { Laboratory } from './laboratory.ts';
import { registeredClient } from './registration.ts';

interface Ways {
  readonly grants: readonly string[];
  readonly method: string;
}

const code = ['authorization_code', 'refresh_token'];

export const waysOf: Readonly<Record<ClientKind, Ways>> = {
  public: { grants: code, method: 'none' },
  confidential: { grants: code, method: 'client_secret_basic' },
  asymmetric: { grants: code, method: 'private_key_jwt' },
  backend: { grants: ['client_credentials'], method: 'private_key_jwt' },
  // An EMR makes launch contexts in its own name.
  launcher: { grants: ['client_credentials'], method: 'private_key_jwt' },
};

export function clientAdapter(laboratory: Laboratory): Adapter {
  const { identity, tenant } = laboratory;
  const session = sessionOf(identity.database, tenant.id);
  const nothing = async (): Promise<undefined> => undefined;
  return {
    find: async (id) => {
      // What can be no id is not asked for: PostgreSQL takes no null character.
      if (!/^[\x20-\x7e]{1,200}$/.test(id)) return undefined;
      const client = await findClient(session, id);
      return client?.status === 'active' ? metadataOf(client) : undefined;
    },
    upsert: async (id, payload) => {
      await register(laboratory, registeredClient(id, payload));
    },
    findByUid: nothing,
    findByUserCode: nothing,
    consume: nothing,
    destroy: nothing,
    revokeByGrantId: nothing,
  };
}

/** Asked for by a request of the application itself. */
async function register(laboratory: Laboratory, client: NewClient): Promise<void> {
  const { ctx } = Provider;
  if (ctx === undefined) throw new Error('An application registers itself by a request.');
  const { id } = client;
  const further = [thing('client', id)];
  const told = telling({ ctx, laboratory }, () => ({ kind: 'client-changed', agent: { client: id }, further }));
  const { identity, tenant } = laboratory;
  await identity.database.transaction(tenant.id, async (session) => {
    await addClient(session, client);
    await told(session);
  });
}

/** RFC 7591 client metadata; the secret's place holds its hash (`sameSecret`). */
export function metadataOf(client: Client): AdapterPayload {
  const { metadata, kind, secretHash: hash } = client;
  const { grants, method } = waysOf[kind];
  const takesCode = grants.includes('authorization_code');
  const secret = hash !== undefined && !takesCode ? { token_endpoint_auth_method: 'client_secret_basic' } : {};
  return {
    client_id: client.id,
    client_name: client.name,
    application_type: metadata.native === true ? 'native' : 'web',
    grant_types: [...grants],
    response_types: takesCode ? ['code'] : [],
    // Not in the fragment: scripts of the application's page, and its history, would have the code.
    ...(takesCode && { response_modes: ['query', 'form_post'] }),
    redirect_uris: [...(metadata.redirectUris ?? [])],
    post_logout_redirect_uris: [...(metadata.postLogoutRedirectUris ?? [])],
    token_endpoint_auth_method: method,
    id_token_signed_response_alg: metadata.idTokenAlgorithm ?? 'RS256',
    ...secret,
    ...(hash !== undefined && { client_secret: hash }),
    ...(metadata.jwks !== undefined && { jwks: metadata.jwks }),
    ...(metadata.jwksUri !== undefined && { jwks_uri: metadata.jwksUri }),
    ...(metadata.logoUri !== undefined && { logo_uri: metadata.logoUri }),
    allowed_scopes: client.scopes,
    client_kind: kind,
    trusted: metadata.trusted === true,
  } as object as AdapterPayload;
}

/** Members of ours in the provider's client model. */
export const ownMetadata = ['allowed_scopes', 'client_kind', 'trusted'];

/** Whether this is the secret whose hash is stored. Random secrets of 256 bits need no slow hash. */
export function secretMatches(stored: string | undefined, given: string): boolean {
  const hash = secretHash(given);
  // Both are hashes: comparing them tells nothing of the secret by the time it takes.
  return stored !== undefined && stored === hash;
}
