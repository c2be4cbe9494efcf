/**
 * An application that registers itself, where the laboratory has switched that on (RFC 7591).
 *
 * 1. It acts for people only, and gets what every such application may have: what the person grants, at most.
 * 2. Its words about itself are checked like an administrator's, and marked as its own.
 * 3. Its keys are not fetched from this machine: that address is for tools that whoever runs the machine registers.
 */
import { errors, type AdapterPayload } from 'oidc-provider';
import { checkClient, type Definition } from '../access/clients.ts';
import { contextScopes } from '../access/scopes.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { secretHash, type NewClient } from '../store/clients.ts';

const kinds: Readonly<Record<string, 'public' | 'confidential' | 'asymmetric'>> = {
  none: 'public',
  client_secret_basic: 'confidential',
  client_secret_post: 'confidential',
  private_key_jwt: 'asymmetric',
};

const grantsForPeople: ReadonlySet<string> = new Set(['authorization_code', 'refresh_token']);

const scopes = [...contextScopes, 'patient/*.cruds', 'user/*.cruds'].join(' ');

/** @throws InvalidClientMetadata */
export function registeredClient(id: string, payload: AdapterPayload): NewClient {
  if (hasUnstorable(payload)) throw new errors.InvalidClientMetadata('metadata has a control character');
  const kind = kinds[payload.token_endpoint_auth_method ?? ''];
  if (kind === undefined) throw new errors.InvalidClientMetadata('token_endpoint_auth_method is not supported');
  if (payload.grant_types?.some((grant) => !grantsForPeople.has(grant)) === true) {
    throw new errors.InvalidClientMetadata('grant_types can only be authorization_code and refresh_token');
  }
  const { jwks, jwks_uri: jwksUri, logo_uri: logoUri, id_token_signed_response_alg: algorithm } = payload;
  const client: Definition = {
    id,
    kind,
    name: payload.client_name ?? 'An app without a name',
    scopes,
    metadata: {
      redirectUris: payload.redirect_uris ?? [],
      postLogoutRedirectUris: payload.post_logout_redirect_uris ?? [],
      ...(payload.application_type === 'native' && { native: true }),
      ...(jwks !== undefined && { jwks: jwks as { keys: object[] } }),
      ...(jwksUri !== undefined && { jwksUri }),
      ...(logoUri !== undefined && { logoUri }),
      ...(algorithm === 'ES384' && { idTokenAlgorithm: 'ES384' as const }),
    },
  };
  if (jwksUri !== undefined && !jwksUri.startsWith('https:')) {
    throw new errors.InvalidClientMetadata('jwks_uri must be an https address');
  }
  checked(client);
  const secret = payload.client_secret;
  return {
    ...client,
    metadata: { ...client.metadata, dynamic: true },
    createdBy: 'dynamic registration',
    secretHash: secret === undefined ? undefined : secretHash(secret),
  };
}

/** Line ends and the like have no place in names and addresses; PostgreSQL takes no null, and no half of a pair. */
function hasUnstorable(payload: AdapterPayload): boolean {
  return /\\u(00[01][0-9a-f]|007f|d[89a-f])|\\[bfnrt]/.test(JSON.stringify(payload).replaceAll('\\\\', ''));
}

function checked(client: Definition): void {
  try {
    checkClient(client);
  } catch (error) {
    if (error instanceof OutcomeError) throw new errors.InvalidClientMetadata(error.message);
    throw error;
  }
}
