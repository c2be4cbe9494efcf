/**
 * What SMART asks of a client's assertion beyond what the provider checks.
 * https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
 */
import { errors, type KoaContextWithOIDC } from 'oidc-provider';

const longestSeconds = 300;
const toleranceSeconds = 5;

/** Client.jwksUri, where the keys are at an address. */
interface KeyedClient {
  readonly jwksUri?: string | undefined;
}

export function checkAssertion(
  _ctx: KoaContextWithOIDC,
  claims: Record<string, unknown>,
  header: Record<string, unknown>,
  client: KeyedClient,
): void {
  const { exp } = claims;
  const now = Math.floor(Date.now() / 1000);
  if (typeof exp !== 'number' || exp > now + longestSeconds + toleranceSeconds) {
    throw new errors.InvalidClientAuth('an assertion expires within five minutes');
  }
  if (typeof claims['jti'] !== 'string' || claims['jti'].length > 500) {
    throw new errors.InvalidClientAuth('jti must be a string of at most 500 characters');
  }
  if (header['typ'] !== 'JWT') throw new errors.InvalidClientAuth('typ of an assertion is JWT');
  if (typeof header['kid'] !== 'string') throw new errors.InvalidClientAuth('the header of an assertion names a kid');
  if (header['jku'] !== undefined && header['jku'] !== client.jwksUri) {
    throw new errors.InvalidClientAuth('jku is not the address of keys that was registered');
  }
}
