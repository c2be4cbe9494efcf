/**
 * Launch contexts of EMRs: `launch` of an authorization request. https://hl7.org/fhir/smart-app-launch/app-launch.html
 *
 * The provider sees only the SHA-256 of the launch id, in hex (authorization-request.ts), so that none is stored. A launch
 * is looked at when the request comes and used when the person has granted: an interrupted sign-in costs no launch.
 */
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { sessionOf } from '../store/accounts.ts';
import { findLaunch, takeLaunch } from '../store/launches.ts';
import type { LaunchContext } from './grant-context.ts';
import type { Laboratory } from './laboratory.ts';
import { scopeWords } from './scopes.ts';

/** @throws InvalidRequest, which the application is told. */
export async function checkLaunch(
  { identity, tenant }: Laboratory,
  ctx: KoaContextWithOIDC,
  value: unknown,
): Promise<void> {
  const { params, client } = ctx.oidc;
  const asked = scopeWords(typeof params?.['scope'] === 'string' ? params['scope'] : '').includes('launch');
  if (value === undefined) {
    if (asked) throw new errors.InvalidRequest('the scope launch needs the parameter launch');
    return;
  }
  const id = Buffer.from(typeof value === 'string' ? value : '', 'hex');
  const context = await findLaunch(sessionOf(identity.database, tenant.id), id, client?.clientId ?? '');
  if (context === undefined) {
    throw new errors.InvalidRequest('launch is unknown, was used already, has expired or is meant for another client');
  }
}

/** Undefined where it was used meanwhile. */
export async function useLaunch(
  { identity, tenant }: Laboratory,
  launch: string,
  clientId: string,
): Promise<LaunchContext | undefined> {
  const session = sessionOf(identity.database, tenant.id);
  const context = await takeLaunch(session, Buffer.from(launch, 'hex'), clientId);
  return context === undefined ? undefined : (JSON.parse(context) as LaunchContext);
}

/** What it says, without using it. */
export async function seeLaunch(
  { identity, tenant }: Laboratory,
  launch: string,
  clientId: string,
): Promise<LaunchContext | undefined> {
  const session = sessionOf(identity.database, tenant.id);
  const context = await findLaunch(session, Buffer.from(launch, 'hex'), clientId);
  return context === undefined ? undefined : (JSON.parse(context) as LaunchContext);
}
