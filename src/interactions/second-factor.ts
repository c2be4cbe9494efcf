/**
 * Step-up: an operation that asks for a second factor shown a short while ago.
 * https://www.rfc-editor.org/rfc/rfc9470
 *
 * The answer names what is missing (`acr_values`, `max_age`); an application sends the person to sign in again with these
 * and repeats the request with the new token. A client without a person (client_credentials) cannot fulfil it.
 */
import { isFreshSecondFactor, secondFactorAcr } from '../access/authentication.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';

/** @throws OutcomeError `login` (401) where the caller's second factor is missing or older than so many seconds. */
export function requireFreshSecondFactor({ caller, tenant }: Context, seconds: number): void {
  if (isFreshSecondFactor(caller, seconds, Date.now())) return;
  const sentence = `This needs a second factor that was shown in the last ${Math.ceil(seconds / 60)} minutes; sign in again.`;
  const challenge = [
    `Bearer realm="${tenant.name}"`,
    'error="insufficient_user_authentication"',
    'error_description="A fresh second factor is needed"',
    `acr_values="${secondFactorAcr}"`,
    `max_age="${seconds}"`,
  ].join(', ');
  throw outcomeError('login', sentence, { status: 401, headers: { 'www-authenticate': challenge } });
}
