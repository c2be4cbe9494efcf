/**
 * .well-known/smart-configuration: where an app signs in, and what this server can do for it.
 * https://hl7.org/fhir/smart-app-launch/conformance.html
 *
 * Open to all. JSON whatever Accept says. What is listed is what works: each capability has a test that uses it.
 */
import type { Answer, Context } from '../request.ts';
import type { Call } from './call.ts';
import { allowParameters } from './headers.ts';

/** Without a slash at its end: the FHIR base is one step below. */
export function issuerOf({ base }: Context): string {
  return base.replace(/\/fhir$/, '');
}

const capabilities = [
  'launch-ehr',
  'launch-standalone',
  'authorize-post',
  'client-public',
  'client-confidential-symmetric',
  'client-confidential-asymmetric',
  'sso-openid-connect',
  'context-banner',
  'context-style',
  'context-ehr-patient',
  'context-ehr-encounter',
  'context-standalone-patient',
  'context-standalone-encounter',
  'permission-offline',
  'permission-online',
  'permission-patient',
  'permission-user',
  'permission-v1',
  'permission-v2',
];

const scopes = [
  'openid',
  'fhirUser',
  'profile',
  'launch',
  'launch/patient',
  'launch/encounter',
  'offline_access',
  'online_access',
  'patient/*.cruds',
  'patient/*.*',
  'user/*.cruds',
  'user/*.*',
  'system/*.cruds',
];

export async function smartConfiguration(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const issuer = issuerOf(context);
  const document = {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    management_endpoint: `${issuer}/account`,
    ...(context.tenant.settings.dynamicRegistration === true && { registration_endpoint: `${issuer}/register` }),
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
    scopes_supported: scopes,
    user_access_brand_bundle: `${context.base}/.well-known/user-access-brands`,
    user_access_brand_identifier: brandIdentifier(context),
    associated_endpoints: [{ url: `${issuer}/app-state`, capabilities: ['smart-app-state'] }],
    capabilities,
  };
  return { status: 200, raw: jsonBody('application/json', JSON.stringify(document)) };
}

export function brandIdentifier(context: Context): { system: string; value: string } {
  const { website } = context.tenant.settings;
  return { system: 'urn:ietf:rfc:3986', value: website ?? issuerOf(context) };
}

export function jsonBody(contentType: string, text: string): NonNullable<Answer['raw']> {
  const body = Buffer.from(text);
  return { contentType, length: body.length, body };
}
